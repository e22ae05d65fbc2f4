import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/evaluate/evaluate.ts'
import type { Interval } from '../../src/evaluate/statistics.ts'
import type { Counts } from '../../src/models/adapters.ts'
import { readInteractions } from '../../src/read/read.ts'
import { cutLog } from '../../src/split/cut.ts'
import { Tensor } from '../../src/tensor/tensor.ts'
import { loadReference } from '../engine/reference.ts'
import { servedCounts } from '../models/small.ts'

const engine = loadReference()
const V = 4

/** Prefers the later items of the catalogue. */
const later: Counts['scores'] = ({ offsets }) => {
  const users = offsets.shape[0] - 1
  return Tensor.float32(
    engine,
    Float32Array.from({ length: users * V }, (_, i) => i % V),
    [users, V],
  )
}

/**
 * Cuts at the times 6 and 9, the seventh and the tenth of twelve. Items p q r s = 0 1 2 3; p and q train twice each, r once, s
 * never. At k = 2 in the test: a wants q, has seen all three and is given nothing. c has seen q, wants r and is given r p. d
 * has no history, wants s and p and is given what is popular, p q.
 */
async function world() {
  const log = await readInteractions(
    [
      ['a', 'p', 1],
      ['a', 'q', 2],
      ['a', 'r', 6],
      ['a', 'q', 9],
      ['b', 'p', 3],
      ['b', 'p', 6],
      ['b', 's', 8],
      ['c', 'q', 4],
      ['c', 'r', 9],
      ['d', 's', 10],
      ['d', 'p', 11],
      ['e', 'r', 5],
    ].map(([user, item, timestamp]) => ({ user: `${user}`, item: `${item}`, timestamp: Number(timestamp) })),
    { unit: 'seconds' },
  )
  return cutLog(log, 'time:0.5,0.8')
}

async function evaluateLater(on: 'test' | 'validation') {
  const split = await world()
  return evaluate(servedCounts(engine, later, split, { everyItem: false }), split, on, 2)
}

const means = (metrics: Readonly<Record<string, Interval>>) =>
  Object.fromEntries(Object.entries(metrics).map(([name, { mean }]) => [name, mean]))
const third = 1 / Math.log2(3)
const about = (value: number) => expect.closeTo(value, 12)

describe('a time split', () => {
  it('gives the figures worked out by hand: of all users, of those with a history, of those without', async () => {
    const row = await evaluateLater('test')
    expect([row.users, row.seenTargets, row.untrainedTargets]).toEqual([3, 1 / 4, 1 / 4])
    const c = { hr: 1, ndcg: 1, mrr: 1, recall: 1, precision: 1 / 2, map: 1 }
    const d = { hr: 1, ndcg: 1 / (1 + third), mrr: 1, recall: 1 / 2, precision: 1 / 2, map: 1 / 2 }
    const names = Object.keys(c) as (keyof typeof c)[]
    const expected = (of: (name: keyof typeof c) => number) => Object.fromEntries(names.map((name) => [`${name}@2`, about(of(name))]))
    expect(means(row.metrics)).toEqual(expected((name) => (0 + c[name] + d[name]) / 3))
    expect(row.warm).toMatchObject({ users: 2 })
    expect(means(row.warm?.metrics ?? {})).toEqual(expected((name) => (0 + c[name]) / 2))
    expect(row.cold).toMatchObject({ users: 1 })
    expect(means(row.cold?.metrics ?? {})).toEqual(expected((name) => d[name]))
  })

  it('has no figures of a group without users', async () => {
    // a wants r, has seen p q and is given r; b wants p and s, has seen p and is given r q
    const row = await evaluateLater('validation')
    expect([row.users, row.seenTargets, row.untrainedTargets]).toEqual([2, 1 / 3, 1 / 3])
    expect(row.metrics['mrr@2'].mean).toBe((1 + 0) / 2)
    expect(row.metrics['recall@2'].mean).toBe((1 + 0) / 2)
    expect(row.warm).toEqual({ users: 2, metrics: row.metrics })
    expect(row.cold).toEqual({ users: 0, metrics: {} })
  })
})
