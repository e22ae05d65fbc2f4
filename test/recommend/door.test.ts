import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadNative } from '../../src/engine/native.ts'
import { evaluateArtefact } from '../../src/evaluate/evaluate-artefact.ts'
import { markov } from '../../src/models/markov.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { readInteractions } from '../../src/read/read.ts'
import { sortRows } from '../../src/read/sort.ts'
import { Recommender } from '../../src/recommend/recommender.ts'
import type { Request, UserRequest } from '../../src/recommend/request.ts'
import { sampleWorld } from '../../src/sample/sample.ts'
import { runJob } from '../../src/train/job.ts'
import { defaults, train } from '../../src/train/train.ts'
import { errorOf } from '../artefact/sample.ts'
import { twoRings } from '../contracts/model.ts'

const log = twoRings()
const settings = { ...defaults, model: sasrec({ dim: 8, blocks: 1, maxLength: 10 }), epochs: 2, batch: 32, learningRate: 0.01 }
let artefact: Uint8Array
let shop: Recommender
beforeAll(async () => {
  artefact = (await runJob(loadNative(), { log, settings, resume: false }, {})).artefact
  shop = await Recommender.load(artefact, { log })
})
afterAll(() => shop[Symbol.dispose]())

/** Whatever a caller without types may hand over. */
const odd = (value: unknown) => value as never
const option = (message: string) => expect.objectContaining({ code: 'OPTION', message, hint: expect.stringMatching(/\w/) })

async function lists(requests: Iterable<UserRequest> | AsyncIterable<UserRequest>): Promise<unknown[]> {
  const found = []
  for await (const list of shop.recommendMany(requests)) found.push(list)
  return found
}

describe('a request', () => {
  const wrong: [request: unknown, message: string][] = [
    [undefined, 'Where the fields of a request are due, undefined is given.'],
    [null, 'Where the fields of a request are due, null is given.'],
    ['item-1', 'Where the fields of a request are due, "item-1" is given.'],
    [['item-1'], 'Where the fields of a request are due, ["item-1"] is given.'],
    [{}, 'Neither a user nor a history is given.'],
    [{ user: 'user-1', history: [] }, 'Both a user and a history are given, and sasrec does not read users.'],
    [{ historry: ['item-1'] }, 'There is no "historry" among the fields of a request.'],
    [{ history: ['item-1'], constructor: 1 }, 'There is no "constructor" among the fields of a request.'],
    [{ history: 'item-1' }, 'history is "item-1".'],
    [{ history: null }, 'history is null.'],
    [{ history: 3 }, 'history is 3.'],
    [{ history: [['item-1']] }, 'An event of the history is ["item-1"].'],
    [{ history: [{ item: 'item-1', time: 'now' }] }, 'The time of an event of the history is "now".'],
    [{ history: [1.5] }, 'An event of the history is 1.5, which is no whole number that is told from its neighbours.'],
    [{ history: [2 ** 53] }, 'An event of the history is 9007199254740992, which is no whole number that is told from its neighbours.'],
    [{ history: [], exclude: 'item-1' }, 'exclude is "item-1".'],
    [{ history: [], exclude: null }, 'exclude is null.'],
    [{ history: [], exclude: [null] }, 'An item of exclude is null.'],
    [{ history: [], seen: 7 }, 'seen is 7.'],
    [{ history: [], seen: [{}] }, 'An item of seen is {}.'],
    [{ user: null }, 'user is null.'],
    [{ user: {} }, 'user is {}.'],
    [{ history: [], k: null }, 'k is null.'],
    [{ history: [], k: '3' }, 'k is "3".'],
    [{ history: [], diversity: null }, 'diversity is null.'],
    [{ history: [], diversity: -1 }, 'diversity is -1.'],
    [{ history: [], explain: 'yes' }, 'explain is "yes".'],
    [{ history: [], filter: function inStock() {} }, 'filter is the function inStock.'],
  ]
  it.each(wrong)('%j is refused', (request, message) => {
    expect(() => shop.recommend(odd(request))).toThrow(option(message))
  })

  it('is refused the same among many, with its place', async () => {
    for (const [request, message] of wrong.filter(([, text]) => /history|user|seen|exclude/.test(text) && !/fields|k is/.test(text))) {
      await expect(lists([odd(request)])).rejects.toEqual(option(`requests[0]: ${message}`))
    }
    await expect(lists([odd({ history: [], k: 3 })])).rejects.toEqual(
      option('requests[0]: There is no "k" among the fields of a request for one of many users.'),
    )
    for (const requests of [null, undefined, 'item-1', 7, {}]) expect(() => shop.recommendMany(odd(requests))).toThrow(/^requests is /)
    expect(() => shop.recommendMany([], odd({ k: 3, filtre: 1 }))).toThrow(
      option('There is no "filtre" among the options of recommendMany.'),
    )
    expect(() => shop.interests(odd({ historry: [] }))).toThrow(expect.objectContaining({ code: 'OPTION' }))
    expect(() => shop.similarItems(odd(null))).toThrow(option('The item is null.'))
    expect(() => shop.filter(odd('item-1'))).toThrow(option('The predicate is "item-1".'))
    expect(() => shop.filter(odd(async () => false))).toThrow(option('The predicate answers "item-0" with {}.'))
    for (const nothing of [new Map([['k', 2]]), Promise.resolve({ k: 2 }), new Date(), [2]]) {
      expect(() => shop.recommendMany([], odd(nothing))).toThrow(/^Where the options of recommendMany are due, /)
    }
  })

  it('for a log whose columns do not fit together is refused before anything is made of it', async () => {
    const { offsets, items, times, users } = log
    for (const [change, message] of [
      [{ offsets: Int32Array.of(0) }, `it has ${users.length} users and 1 offsets`],
      [{ offsets: offsets.map((offset, i) => (i === 1 ? 1e9 : offset)) }, `its offsets do not go from 0 to ${items.length}`],
      [{ offsets: offsets.map((offset, i) => (i === 0 ? 1 : offset)) }, `its offsets do not go from 0 to ${items.length}`],
      [{ items: items.map(() => 99) }, `its items name 99, and there are ${log.catalogue.ids.length}`],
      [{ items: Array.from(items) }, 'its items are no typed array'],
      [{ times: times.slice(1) }, `it has ${items.length} items and ${items.length - 1} times`],
      [{ events: items.map(() => 1), eventNames: ['view'] }, 'its events name 1, and there are 1'],
      [
        { userColumns: { age: { kind: 'number', of: new Float64Array(1) } } },
        `its column "age" is of 1 users, and there are ${users.length}`,
      ],
      [
        {
          catalogue: {
            ...log.catalogue,
            columns: { emb: { kind: 'vector', width: 2, of: new Float32Array(2), given: new Uint8Array(1) } },
          },
        },
        `its column "emb" is of 1 items, and there are ${log.catalogue.ids.length}`,
      ],
    ] as const) {
      const broken = odd({ ...log, ...change })
      const error = expect.objectContaining({ code: 'DATA', message: `The log does not hold together: ${message}.` })
      await expect(Recommender.load(artefact, { log: broken })).rejects.toEqual(error)
      await expect(evaluateArtefact(artefact, broken)).rejects.toEqual(error)
      await expect(train(broken, { model: markov() })).rejects.toEqual(error)
    }
  })

  it('for roles of events is checked wherever they are given', async () => {
    for (const roles of [
      { sen: 'none' },
      { seen: 'None' },
      { target: 'view' },
      { input: [5] },
      { weight: 5 },
      { weight: { a: -1 } },
      'none',
      5,
    ]) {
      await expect(evaluateArtefact(artefact, log, { roles: odd(roles) })).rejects.toMatchObject({ code: 'OPTION' })
      const options = typeof roles === 'object' ? roles : { seen: roles === 'none' ? 'nobody' : roles }
      await expect(readInteractions([{ user: 1, item: 1, timestamp: 1 }], odd(options))).rejects.toMatchObject({ code: 'OPTION' })
    }
    await expect(evaluateArtefact(artefact, log, { roles: { target: ['x'] } })).rejects.toMatchObject({ code: 'COLUMN' })
  })

  it('for reading is checked before a file is opened', async () => {
    const rows = [{ user: 1, item: 1, timestamp: 1 }]
    for (const options of [
      { columns: 'usr' },
      { columns: { usr: 'x' } },
      { columns: { user: 5 } },
      { skipInvalid: 'false' },
      { memory: 5 },
      { items: 5 },
    ]) {
      await expect(readInteractions(rows, odd(options))).rejects.toMatchObject({ code: 'OPTION' })
    }
    for (const source of [undefined, null, 5, {}, Promise.resolve(rows)]) {
      await expect(readInteractions(odd(source))).rejects.toMatchObject({ code: 'OPTION', hint: expect.stringContaining('path') })
    }
    for (const options of [{ user: 5 }, 5, { users: -3 }, { users: 1.5 }, { days: Number.POSITIVE_INFINITY }, { seed: 'abc' }, new Map()]) {
      expect(() => sampleWorld(odd(options))).toThrow(expect.objectContaining({ code: 'OPTION' }))
    }
  })

  it('is the same with what is undefined as without it', () => {
    const plain = shop.recommend({ history: ['item-3'] })
    const absent = { user: undefined, seen: undefined, exclude: undefined, k: undefined, filter: undefined, diversity: undefined }
    expect(shop.recommend(odd({ history: ['item-3'], ...absent, explain: undefined, stranger: undefined }))).toEqual(plain)
  })

  it('takes any list of ids, and whole numbers for their texts', async () => {
    const rows = Array.from({ length: 180 }, (_, row) => ({ user: row % 30, item: (7 * row) % 15, timestamp: 1e9 + row }))
    const numbered = await readInteractions(rows)
    const { artefact: own } = await runJob(loadNative(), { log: numbered, settings: { ...settings, model: markov() }, resume: false }, {})
    using counted = await Recommender.load(own, { log: numbered })
    const as = (id: (n: number) => string | number) => [
      counted.recommend({ history: [id(1), { item: id(4) }], exclude: new Set([id(2)]), seen: [id(3)] }),
      counted.recommend({ user: id(3) }),
      counted.similarItems(id(3), { k: 2 }),
    ]
    expect(as((n) => n)).toEqual(as(String))
    const served = counted.recommend({ history: [1, 4], exclude: [2] }).items.map(({ item }) => item)
    expect(served).not.toContain('2')
    expect(counted.recommend({ history: [-0] })).toEqual(counted.recommend({ history: ['0'] }))
  })
})

describe('a caller who asks while a request is read', () => {
  const inner = () => void shop.recommend({ history: ['item-30', 'item-31'], exclude: ['item-1'], k: 7 })
  const event = (item: string) => ({
    get item() {
      inner()
      return item
    },
    get time() {
      inner()
      return 5
    },
  })
  function* ids(...items: string[]): Generator<string> {
    for (const item of items) {
      inner()
      yield item
    }
  }
  const plain: UserRequest = { history: ['item-3', 'item-4', 'gone'], exclude: ['item-5'], seen: ['item-6'] }
  const hostile = (): Record<string, UserRequest> => ({
    events: { ...plain, history: ['item-3', 'item-4', 'gone'].map(event) },
    history: { ...plain, history: ids('item-3', 'item-4', 'gone') },
    exclude: { ...plain, exclude: ids('item-5') },
    seen: { ...plain, seen: ids('item-6') },
    all: new Proxy(plain, {
      get(target, key, receiver) {
        inner()
        return Reflect.get(target, key, receiver)
      },
    }),
  })

  it('gets the list that was due', async () => {
    for (const engine of ['codes', 'vectors']) {
      using other = await Recommender.load(artefact, { table: engine === 'codes' ? 'int8' : 'f32' })
      for (const [field, request] of Object.entries(hostile())) {
        expect(other.recommend(request as Request), field).toEqual(shop.recommend(plain as Request))
      }
    }
    for (const [field, request] of Object.entries(hostile())) {
      const own = shop.recommend({ ...plain, k: 3, explain: true } as Request)
      expect(shop.recommend({ ...request, k: 3, explain: true } as Request), field).toEqual(own)
    }
  })

  it('gets it among many, and the vectors too', async () => {
    const due = shop.recommend(plain as Request)
    expect(await lists(Object.values(hostile()))).toEqual(Object.keys(hostile()).map(() => due))
    const history = ['item-3', 'item-4']
    expect(shop.interests({ history: history.map(event) })).toEqual(shop.interests({ history }))
  })

  it('gets it where a predicate asks', () => {
    const even = (item: string) => Number(item.slice(5)) % 2 === 0
    const asking = shop.filter((item) => {
      inner()
      return even(item)
    })
    expect(shop.recommend({ ...plain, filter: asking } as Request)).toEqual(
      shop.recommend({ ...plain, filter: shop.filter(even) } as Request),
    )
  })

  it('is told where the recommender is disposed meanwhile, and is served again after an error', async () => {
    const other = await Recommender.load(artefact)
    const history = ids('item-3', 'item-4')
    const disposing = [{ get item() { other[Symbol.dispose](); return 'item-3' } }] // biome-ignore format: short
    expect(() => other.recommend({ history: disposing })).toThrow(expect.objectContaining({ code: 'TENSOR_FREED' }))
    expect(() => shop.recommend({ history: odd(['item-3', null]) })).toThrow(expect.objectContaining({ code: 'OPTION' }))
    expect(shop.recommend({ history })).toEqual(shop.recommend({ history: ['item-3', 'item-4'] }))
  })
})

describe('what is loaded', () => {
  const path = join(tmpdir(), `foci-door-${process.pid}.safetensors`)
  afterAll(() => rmSync(path, { force: true }))

  it('is a path, a file URL, or bytes of any kind', async () => {
    writeFileSync(path, artefact)
    const copy = new Uint8Array(artefact)
    const shared = new Uint8Array(new SharedArrayBuffer(copy.length))
    shared.set(copy)
    for (const source of [path, pathToFileURL(path), readFileSync(path), copy, copy.buffer, new DataView(copy.buffer), shared]) {
      using loaded = await Recommender.load(source as Uint8Array)
      expect(loaded.recommend({ history: ['item-3'] })).toEqual(shop.recommend({ history: ['item-3'] }))
    }
    expect((await evaluateArtefact(pathToFileURL(path), log)).model).toBe('sasrec')
  })

  it.each([undefined, null, {}, [], 7, true, Promise.resolve(), new URL('https://example.org/x')])('is refused as %s', async (source) => {
    expect((await errorOf(Recommender.load(odd(source)))).code).toBe('OPTION')
    expect((await errorOf(evaluateArtefact(odd(source), log))).code).toBe('OPTION')
  })

  it('has options that are read', async () => {
    for (const options of [null, 'log', { logg: log }, { log: 'events.csv' }, { engine: 'wasm' }, { models: sasrec }, { table: 'int4' }])
      expect((await errorOf(Recommender.load(artefact, odd(options)))).code, JSON.stringify(options)).toBe('OPTION')
    for (const options of [null, { kk: 1 }, { k: 0 }, { on: 'train' }])
      expect((await errorOf(evaluateArtefact(artefact, log, odd(options)))).code).toBe('OPTION')
  })
})

describe('training and reading', () => {
  it('refuse options that nobody reads, and values of the wrong kind', async () => {
    const rows = [{ user: 1, item: 1, timestamp: 1 }]
    const wrong: [Promise<unknown>, string][] = [
      [train(log, odd({ model: sasrec(), batchSize: 4 })), 'There is no "batchSize" among the options of train.'],
      [train(log, odd({ model: 'sasrec' })), 'The training option "model" is "sasrec".'],
      [train(log, odd({ model: sasrec })), 'The training option "model" is the function'],
      [train(log, odd(undefined)), 'Where the options of train are due, undefined is given.'],
      [train(odd('events.csv'), { model: sasrec() }), 'Where a log is due, "events.csv" is given.'],
      [train(log, odd({ model: sasrec(), onEpoch: 1 })), 'The training option "onEpoch" is 1.'],
      [readInteractions(rows, odd({ unit: 'ms' })), 'unit is "ms".'],
      [readInteractions(rows, odd({ untis: 'seconds' })), 'There is no "untis" among the options of readInteractions.'],
      [readInteractions(rows, { weight: { buy: -1 } }), 'The weight of "buy" is -1.'],
    ]
    for (const [call, message] of wrong)
      expect(await errorOf(call)).toMatchObject({ code: 'OPTION', message: expect.stringContaining(message) })
    expect(() => sasrec(odd({ constructor: 1 }))).toThrow(option('sasrec has no option "constructor".'))
    expect(() => sasrec(odd({ maxLenght: 1 }))).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/^Did you mean "maxLength"\?/) }),
    )
    expect(() => sasrec(odd(null))).toThrow(option('Where options of sasrec are due, null is given.'))
  })

  it('refuse more rows than an i32 counts before they take memory for them', async () => {
    const rows = 2 ** 31
    const message = 'The log has 2,147,483,648 rows, and 2,147,483,647 are the most.'
    const gathered = { blocks: [{ rows }], ids: { user: { count: 1 } } }
    expect(await errorOf(sortRows(odd(gathered), odd({ unit: 'seconds' })))).toMatchObject({ code: 'DATA', message })
    const long = { ...log, items: { length: rows } }
    expect(await errorOf(train(odd(long), { model: sasrec() }))).toMatchObject({ code: 'DATA', message })
  })
})
