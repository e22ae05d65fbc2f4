import { beforeAll, describe, expect, it } from 'vitest'
import type { Interactions } from '../../src/data/interactions.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { loadNative } from '../../src/engine/native.ts'
import { loadWasm } from '../../src/engine/wasm.ts'
import { evaluateArtefact } from '../../src/evaluate/evaluate-artefact.ts'
import { prefixes } from '../../src/examples/prefixes.ts'
import { type Encoder, retrieving } from '../../src/models/adapters.ts'
import type { Batch, Histories, KnownUsers, Loss, Needs, Requests } from '../../src/models/contracts.ts'
import { defineModel, integer } from '../../src/models/define.ts'
import { type NumberFeature, userFeature } from '../../src/models/features.ts'
import { markov } from '../../src/models/markov.ts'
import { pipeline } from '../../src/models/pipeline.ts'
import { add } from '../../src/ops/elementwise.ts'
import { sum } from '../../src/ops/reduce.ts'
import { lastRows } from '../../src/ops/segments.ts'
import { gather, gatherOrNone } from '../../src/ops/table.ts'
import { readInteractions } from '../../src/read/read.ts'
import { Recommender } from '../../src/recommend/recommender.ts'
import type { Event, Request } from '../../src/recommend/request.ts'
import { normal } from '../../src/tensor/init.ts'
import { Tensor } from '../../src/tensor/tensor.ts'
import { runJob } from '../../src/train/job.ts'
import { defaults } from '../../src/train/train.ts'
import { errorOf } from '../artefact/sample.ts'

const DAY = 86_400
const START = 1_700_000_000.75
const scenes = ['shop', 'video']
const types = ['view', 'buy']

/** Everything that a model can read of events, requests and users. */
const needs: Needs = { events: ['time', 'scene', 'type'], request: ['now', 'scene'], users: ['age'] }

/** What a model saw of one history: its columns, and what was asked of it. */
interface Seen {
  readonly items: readonly number[]
  readonly times: readonly number[]
  readonly scenes: readonly number[]
  readonly types: readonly number[]
  readonly user: number
  readonly now: number
  readonly scene: number
}

const seen: Seen[] = []

function note({ items, offsets, times, scenes: of, types: kinds, users }: Histories, at: Requests): void {
  const ends = offsets.int32()
  const cut = (column: Tensor | undefined, b: number) => Array.from(column?.int32().subarray(ends[b], ends[b + 1]) ?? [])
  const [user, now, scene] = [users, at.now, at.scenes].map((column) => column?.int32() ?? [])
  for (let b = 0; b + 1 < ends.length; b++) {
    const columns = { items: cut(items, b), times: cut(times, b), scenes: cut(of, b), types: cut(kinds, b) }
    seen.push({ ...columns, user: user[b], now: now[b], scene: scene[b] })
  }
}

/** Vectors that depend on every column of the last event and of what is asked; `watch` looks at values, so that nothing is recorded. */
const probe = (watch: boolean) =>
  defineModel(
    'probe',
    'A model of a test.',
    { maxLength: integer(3, { min: 1, max: 9, help: 'the latest events that are read' }) },
    ({ maxLength }, context) => {
      const { variables, items: V } = context
      const item = variables.variable('item', [V, 4], normal(1))
      const code = variables.variable('code', [8 * DAY, 4], normal(1))
      const age = userFeature('probe', context.users as KnownUsers, 'age') as NumberFeature
      const table = Float32Array.from({ length: 4 * age.values.length }, (_, i) => age.values[i >> 2])
      const ages = () => Tensor.float32(context.engine, table, [age.values.length, 4])
      const encode: Encoder['encode'] = (histories, at) => {
        if (watch) note(histories, at)
        const { items, offsets, times, scenes: of, types: kinds, users } = histories
        const { rows: last, queries } = lastRows(offsets)
        const read = [gather(item, items), ...[times, of, kinds].map((column) => gather(code, column as Tensor))].reduce(add) // [T, 4]
        const asked = [at.now, at.scenes].map((column) => gather(code, column as Tensor))
        const vectors = [gather(read, last), gatherOrNone(ages(), users as Tensor), ...asked].reduce(add) // [B, 4]
        return { vectors, offsets: queries }
      }
      const loss = ({ histories, requests, targets }: Batch): Loss => {
        if (watch) note(histories, requests)
        return { mean: sum(gather(item, targets.items)), count: targets.items.shape[0] }
      }
      return { maxLength, ...retrieving({ encode, items: () => item }, context), learner: { by: 'steps', examples: prefixes(9), loss } }
    },
    { needs },
  )

const [watched, sealed] = [probe(true), probe(false)]

/** Three users whose every event has a scene and a type, at times far from whole seconds. */
const USERS = ['pqrst', 'qrpst', 'tsrqp']
const rows = USERS.flatMap((items, u) =>
  Array.from(items, (item, i) => ({
    ...{ user: `u${u}`, item, timestamp: START + u * 100 + i * DAY * (1 + u / 3), scene: scenes[(u + i) % 2], event: types[(u * i) % 2] },
  })),
)
const row = (u: number, i: number) => rows[5 * u + i]
const people = [{ user: 'u2', age: 20 }, { user: 'u0', age: 36 }, { user: 'u1' }]

/** By the definition: what is to be seen of the events `[from, to)` of a user who is asked for the event `asked`. */
function expected(u: number, from: number, to: number, asked: number, without?: number): Seen {
  const read = Array.from({ length: to - from }, (_, i) => row(u, from + i)).filter((_, i) => from + i !== without)
  const since = (event: { timestamp: number }) => Math.floor(event.timestamp) - Math.floor(read[0].timestamp)
  return {
    items: read.map(({ item }) => 'pqrst'.indexOf(item)),
    times: read.map(since),
    scenes: read.map(({ scene }) => scenes.indexOf(scene)),
    types: read.map(({ event }) => types.indexOf(event)),
    user: u,
    now: since(row(u, asked)),
    scene: scenes.indexOf(row(u, asked).scene),
  }
}

/** What was seen since it was asked last. */
const take = (): Seen[] => seen.splice(0)

/** The same without what was seen before: an evaluation asks for lists, and for interests. */
const takeNew = (): Seen[] => {
  const all = take()
  const keys = all.map((each) => JSON.stringify(each))
  return all.filter((_, i) => keys.indexOf(keys[i]) === i)
}
const at = (u: number, i: number) => ({ now: 1000 * row(u, i).timestamp, scene: row(u, i).scene })

let log: Interactions
let artefact: Uint8Array
let trainedOn: Seen[]
beforeAll(async () => {
  log = await readInteractions(rows, { users: people })
  const settings = { ...defaults, model: watched(), epochs: 1, batch: 8 }
  artefact = (await runJob(loadNative(), { log, settings, resume: false }, {})).artefact
  trainedOn = takeNew()
})

describe('a model sees what it needs, and the same', () => {
  // Of five rows three train, the fourth is validation and the fifth the test; three events are read
  const tests = USERS.map((_, u) => expected(u, 1, 4, 4))
  const past = USERS.map((_, u) => Array.from({ length: 4 }, (_, i) => row(u, i)))
  const requests = past.map((events, u) => {
    const history: Event[] = events.map(({ item, timestamp, scene, event }) => ({ item, time: 1000 * timestamp, scene, event }))
    return { history, user: `u${u}`, ...at(u, 4) }
  })

  it('in training and in validation', () => {
    const steps = USERS.flatMap((_, u) => [expected(u, 0, 1, 1), expected(u, 0, 2, 2)])
    const key = (each: Seen) => JSON.stringify(each)
    expect(trainedOn.slice(0, 6).map(key).sort()).toEqual(steps.map(key).sort())
    const validations = USERS.map((_, u) => expected(u, 0, 3, 3))
    expect(trainedOn.slice(6)).toEqual([...validations, ...tests]) // after the epoch, and in the report
  })

  it('in evaluation of the artefact, whatever the order of the log', async () => {
    await evaluateArtefact(artefact, log, { models: [watched.definition] })
    expect(takeNew()).toEqual(tests)
    const other = await readInteractions([1, 0, 2].flatMap((u) => rows.slice(5 * u, 5 * u + 5)))
    expect(other.catalogue.ids).not.toEqual(log.catalogue.ids)
    await evaluateArtefact(artefact, other, { models: [watched.definition] })
    expect(takeNew()).toEqual([1, 0, 2].map((u) => tests[u]))
    const strangers = await readInteractions(rows.map((each) => ({ ...each, user: `new ${each.user}` })))
    await evaluateArtefact(artefact, strangers, { models: [watched.definition] })
    expect(takeNew()).toEqual(tests.map((test) => ({ ...test, user: -1 })))
  })

  const engines: [string, () => Promise<Engine>][] = [
    ['native', async () => loadNative()],
    ['WebAssembly', loadWasm],
  ]
  for (const [name, load] of engines) {
    it(`in requests on ${name}: of a user, of a history, of many, of vectors and of reasons`, async () => {
      const known = await readInteractions(past.flat())
      using shop = await Recommender.load(artefact, { engine: await load(), log: known, models: [watched.definition] })
      const asked = (ask: () => unknown): Seen[] => {
        take()
        ask()
        return take()
      }
      for (const [u, test] of tests.entries()) {
        const user = { user: `u${u}`, ...at(u, 4) }
        expect(asked(() => shop.recommend(user)).at(-1)).toEqual(test)
        expect(asked(() => shop.recommend(requests[u])).at(-1)).toEqual(test)
        expect(asked(() => shop.interests(requests[u]))).toEqual([test])
        const shortened = [1, 2, 3].map((t) => expected(u, 1, 4, 4, t))
        expect(asked(() => shop.recommend({ ...requests[u], explain: true })).slice(-4)).toEqual([test, ...shortened])
      }
      take()
      for await (const list of shop.recommendMany(requests)) expect(list.items).toHaveLength(1)
      expect(take().slice(-3)).toEqual(tests)
    })
  }

  it('in programs, which give the scores of what is ranked here', async () => {
    using here = await Recommender.load(artefact, { models: [watched.definition] })
    using recorded = await Recommender.load(artefact, { models: [sealed.definition] })
    for (const request of requests) {
      const list = recorded.recommend({ ...request, history: request.history.slice(0, 2), k: 3 })
      expect(list.items).toHaveLength(1 + 2)
      take()
      expect(list).toEqual(here.recommend({ ...request, history: request.history.slice(0, 2), k: 3 }))
      expect(take().length).toBeGreaterThan(0)
    }
    const many = []
    for await (const list of recorded.recommendMany(requests)) many.push(list)
    expect(many).toEqual(requests.map((request) => here.recommend(request)))
    // Other times, scenes or users give other scores
    const [first, ...others] = [{}, { now: at(0, 2).now }, { scene: 'video' }, { user: 'u2' }, { user: 'nobody' }].map((change) =>
      recorded.recommend({ ...requests[0], ...change }),
    )
    for (const other of others) expect(other.items[0].score).not.toBe(first.items[0].score)
  })
})

describe('a model that is a part of another', () => {
  it('sees its own latest events, with times from the first of these', async () => {
    const model = pipeline([markov(), watched({ maxLength: 2 })], { candidates: 5 })
    const settings = { ...defaults, model, epochs: 1, batch: 8, given: { epochs: 1, batch: 8 } }
    const { artefact: both } = await runJob(loadNative(), { log, settings, resume: false }, {})
    using shop = await Recommender.load(both, { models: [watched.definition] })
    for (const [u] of USERS.entries()) {
      const history = Array.from({ length: 4 }, (_, i) => row(u, i)).map(({ item, timestamp, scene, event }): Event => {
        return { item, time: 1000 * timestamp, scene, event }
      })
      take()
      shop.recommend({ user: `u${u}`, history, ...at(u, 4) })
      expect(take().at(-1)).toEqual(expected(u, 2, 4, 4))
    }
  })
})

describe('what a model needs and lacks', () => {
  const lacking = async (column: 'scene' | 'event') => {
    const short = await readInteractions(rows.map(({ [column]: _, ...each }) => each))
    const settings = { ...defaults, model: watched(), epochs: 1 }
    return errorOf(runJob(loadNative(), { log: short, settings, resume: false }, {}))
  }

  it.each([
    ['scene', 'probe reads scenes, and the log has none.', '--scene-column'],
    ['event', 'probe reads event types, and the log has none.', '--event-column'],
  ] as const)('is named with the flag of its column: %s', async (column, message, flag) => {
    expect(await lacking(column)).toMatchObject({ code: 'NEED', message, hint: expect.stringContaining(flag) })
  })

  it('is refused where times are positions', async () => {
    const ordinal = await readInteractions(rows.map((each, i) => ({ ...each, timestamp: i })))
    expect(ordinal.unit).toBe('ordinal')
    expect(await errorOf(evaluateArtefact(artefact, ordinal, { models: [watched.definition] }))).toMatchObject({
      code: 'NEED',
      hint: expect.stringContaining('--unit'),
    })
  })

  it('is named where a request lacks it, with the place of the event', async () => {
    using shop = await Recommender.load(artefact, { models: [watched.definition] })
    const whole = { item: 'p', time: 1, scene: 'shop', event: 'view' }
    const wrong: [Request, string, string][] = [
      [{ history: [whole], scene: 'shop' }, 'NEED', 'probe reads users, and the request has none.'],
      [{ history: [whole] }, 'NEED', 'probe reads the scene that is asked for, and the request has none.'],
      [{ history: [whole], scene: 'shpo' }, 'UNKNOWN', 'The model knows no scene "shpo".'],
      [
        { user: 'u0', history: [whole, 'q'], scene: 'shop' },
        'NEED',
        'probe reads the time of events, and the event 1 of the history has none.',
      ],
      [
        { user: 'u0', history: [{ item: 'p', time: 1 }], scene: 'shop' },
        'NEED',
        'probe reads the scene of events, and the event 0 of the history has none.',
      ],
      [
        { user: 'u0', history: [{ ...whole, event: undefined }], scene: 'shop' },
        'NEED',
        'probe reads the event type of events, and the event 0 of the history has none.',
      ],
    ]
    for (const [request, code, message] of wrong) expect(() => shop.recommend(request)).toThrow(expect.objectContaining({ code, message }))
  })
})
