import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EventRoles, Interactions } from '../../src/data/interactions.ts'
import { loadNative } from '../../src/engine/native.ts'
import { evaluateArtefact } from '../../src/evaluate/evaluate-artefact.ts'
import type { ModelSpec } from '../../src/models/define.ts'
import { markov } from '../../src/models/markov.ts'
import { popularity } from '../../src/models/popularity.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { readInteractions } from '../../src/read/read.ts'
import { Recommender } from '../../src/recommend/recommender.ts'
import { cutLog } from '../../src/split/cut.ts'
import type { Cases } from '../../src/split/split.ts'
import { runJob } from '../../src/train/job.ts'
import { defaults } from '../../src/train/train.ts'

interface World {
  readonly users: readonly string[]
  readonly roles: EventRoles
  readonly split: 'leave-one-out' | 'time:0.5,0.7'
  readonly model: ModelSpec
  readonly k: number
  /** What the log is judged on besides: other users, and items that no training row has. */
  readonly later: readonly string[]
}

/** Each user's items are letters; lower case are buys, upper case views of the same item. */
const rowsOf = (users: readonly string[], name: string) =>
  users.flatMap((items, u) =>
    Array.from(items, (item, i) => ({
      ...{ user: `${name}${u}`, item: item.toLowerCase(), timestamp: 1_700_000_000 + 100 * i + u },
      event: item === item.toLowerCase() ? 'buy' : 'view',
    })),
  )

const history = fc.string({ unit: fc.constantFrom(...'abcdefgABCD'), minLength: 1, maxLength: 9 })
const world: fc.Arbitrary<World> = fc.record({
  users: fc.array(history, { minLength: 3, maxLength: 12 }).map((users) => [...users, 'abcdef', 'bcdefg']),
  roles: fc.constantFrom<EventRoles>(
    {},
    { seen: 'none' },
    { target: ['buy'], seen: ['buy'] },
    { input: ['buy'] },
    { negative: ['view'], seen: 'none' },
  ),
  split: fc.constantFrom('leave-one-out' as const, 'time:0.5,0.7' as const),
  model: fc.constantFrom(popularity(), markov(), sasrec({ dim: 4, blocks: 1, maxLength: 3 })),
  k: fc.constantFrom(1, 3, 20),
  later: fc
    .array(fc.string({ unit: fc.constantFrom(...'abcxyzXA'), minLength: 1, maxLength: 6 }), { maxLength: 4 })
    .map((users) => [...users, 'abxcz']),
})

/** HR, MRR and the miss shares by what `recommend` gives those who are asked, one by one. */
function byRecommend(shop: Recommender, log: Interactions, { users, ends, relevant, relevantOffsets }: Cases, k: number) {
  const ranks = Array.from(users, (user, i) => {
    const past = Array.from({ length: ends[i] - log.offsets[user] }, (_, n) => log.offsets[user] + n)
    const events = past.map((row) => ({ item: log.catalogue.ids[log.items[row]], event: log.eventNames?.[log.events?.[row] ?? 0] }))
    const wanted = Array.from(relevant.subarray(relevantOffsets[i], relevantOffsets[i + 1]), (item) => log.catalogue.ids[item])
    return shop.recommend({ history: events, k }).items.findIndex(({ item }) => wanted.includes(item)) + 1
  })
  const mean = (of: (rank: number) => number) => ranks.reduce((sum, rank) => sum + of(rank), 0) / ranks.length
  return { hr: mean((rank) => (rank > 0 ? 1 : 0)), mrr: mean((rank) => (rank > 0 ? 1 / rank : 0)) }
}

describe('an artefact is judged as it serves', () => {
  it('on the log of its training and on others, with items that nobody took, and users of whom nothing is known', async () => {
    const engine = loadNative()
    let [judged, strangers, untrained] = [0, 0, 0]
    await fc.assert(
      fc.asyncProperty(world, async ({ users, roles, split, model, k, later }) => {
        const items = [...'abcdefgmn'].map((item) => ({ item, title: `title of ${item}` }))
        const log = await readInteractions(rowsOf(users, 'u'), { items, ...roles })
        const settings = { ...defaults, model, split, epochs: 1, batch: 4 }
        const { artefact } = await runJob(engine, { log, settings, resume: false }, {}).catch((error) => {
          if (['DATA', 'OPTION'].includes(error.code)) return { artefact: undefined } // nothing to learn from, or nobody to ask
          throw error
        })
        if (!artefact) return
        using shop = await Recommender.load(artefact)
        for (const other of [log, await readInteractions(rowsOf([...later, ...users.slice(1)], 'w'))]) {
          const cut = (() => {
            try {
              return cutLog({ ...other, roles }, split)
            } catch {
              return undefined
            }
          })()
          if (!cut?.test.users.length) continue
          const row = await evaluateArtefact(artefact, other, { k, roles })
          const { hr, mrr } = byRecommend(shop, cut.log, cut.test, k)
          expect(row.metrics[`hr@${k}`].mean).toBeCloseTo(hr, 12)
          expect(row.metrics[`mrr@${k}`].mean).toBeCloseTo(mrr, 12)
          judged++
          if (row.unknownTargets > 0) strangers++
          if (row.untrainedTargets > row.unknownTargets) untrained++
        }
      }),
      { seed: 5, numRuns: 120 },
    )
    expect(judged).toBeGreaterThan(150)
    expect(strangers).toBeGreaterThan(10)
    expect(untrained).toBeGreaterThan(5)
  }, 60_000)
})
