import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalogueOf } from '../../src/data/catalogue.ts'
import type { Interactions } from '../../src/data/interactions.ts'
import { integers } from '../../src/data/random.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { loadNative } from '../../src/engine/native.ts'
import { loadWasm } from '../../src/engine/wasm.ts'
import { markov } from '../../src/models/markov.ts'
import { popularity } from '../../src/models/popularity.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { Recommender } from '../../src/recommend/recommender.ts'
import { runJob } from '../../src/train/job.ts'
import { defaults } from '../../src/train/train.ts'
import { twoRings } from '../contracts/model.ts'

/** The world of two rings, with one item that nobody ever chose. */
function world(): Interactions {
  const log = twoRings()
  return { ...log, catalogue: catalogueOf([...log.catalogue.ids, 'never']) }
}

const settings = { ...defaults, model: sasrec({ dim: 16, blocks: 1, maxLength: 10 }), epochs: 25, batch: 16, learningRate: 0.01 }
let artefact: Uint8Array
beforeAll(async () => {
  artefact = (await runJob(loadNative(), { log: world(), settings, resume: false }, {})).artefact
})

for (const [name, load] of [
  ['native', async () => loadNative()],
  ['wasm', loadWasm],
  ['wasm for inference', () => loadWasm({ inference: true })],
] as [string, () => Promise<Engine>][]) {
  describe(`Recommender on ${name}`, () => {
    let shop: Recommender
    let engine: Engine
    beforeAll(async () => {
      engine = await load()
      shop = await Recommender.load(artefact, { engine, log: world() })
    })
    afterAll(() => shop[Symbol.dispose]())

    const ids = (request: Parameters<Recommender['recommend']>[0]): string[] => shop.recommend(request).items.map(({ item }) => item)

    it('recommends what follows, and nothing of the history', () => {
      const { items, unknown, model } = shop.recommend({ history: ['item-3', 'item-4', { item: 'item-5', time: 7 }], k: 5 })
      expect(items[0]).toMatchObject({ item: 'item-6', interest: 0, source: 'model' })
      expect(items.map(({ item }) => item)).not.toEqual(expect.arrayContaining(['item-5']))
      expect(items.map(({ score }) => score)).toEqual(items.map(({ score }) => score).toSorted((a, b) => b - a))
      expect([unknown, model]).toEqual([[], 'sasrec'])
    })

    it('takes a user of the log for a history', () => {
      const log = world()
      const history = Array.from(log.items.subarray(log.offsets[8], log.offsets[9]), (item) => log.catalogue.ids[item])
      expect(shop.recommend({ user: 'user-8' })).toEqual(shop.recommend({ history }))
      expect(() => shop.recommend({ user: 'nobody' })).toThrow(expect.objectContaining({ code: 'UNKNOWN' }))
    })

    it('skips and reports what it does not know', () => {
      expect(shop.recommend({ history: ['item-3', 'gone', 'item-4'] })).toEqual({
        ...shop.recommend({ history: ['item-3', 'item-4'] }),
        unknown: ['gone'],
      })
    })

    it('falls back to popular items for an empty history, and says so', () => {
      const { items } = shop.recommend({ history: ['gone'], k: 3 })
      expect(items.map(({ source }) => source)).toEqual(['popular', 'popular', 'popular'])
      expect(shop.recommend({ history: [], k: 3 }).items).toEqual(items)
    })

    it('never recommends what nobody ever chose, and gives all the rest where asked', () => {
      const all = ids({ history: ['item-0'], k: 1000 })
      expect(new Set(all).size).toBe(39)
      expect(all).not.toContain('never')
    })

    it('filters before it chooses, on the way of popular items too', () => {
      const odd = shop.filter((item) => Number(item.slice(5)) % 2 === 1)
      expect(ids({ history: ['item-3', 'item-4'], k: 40, filter: odd })).toHaveLength(19)
      expect(ids({ history: [], k: 40, filter: odd })).toHaveLength(20)
      expect(ids({ history: ['item-3', 'item-4'], k: 1, exclude: ['item-5'], seen: ['item-6'] })[0]).not.toMatch(/^item-[56]$/)
    })

    it('refuses a filter of another artefact', async () => {
      const { artefact: other } = await runJob(
        loadNative(),
        { log: world(), settings: { ...settings, model: popularity() }, resume: false },
        {},
      )
      using elsewhere = await Recommender.load(other, { engine })
      const filter = elsewhere.filter(() => true)
      expect(() => shop.recommend({ history: ['item-3'], filter })).toThrow(expect.objectContaining({ code: 'OPTION' }))
    })

    it('serves a user of the log by the roles of the training', async () => {
      const eventful = { ...world(), events: Int32Array.from(world().items, (_, row) => row % 2), eventNames: ['view', 'buy'] }
      const log = { ...eventful, roles: { input: ['view'], seen: ['buy'] } }
      const { artefact: own } = await runJob(loadNative(), { log, settings: { ...settings, epochs: 1 }, resume: false }, {})
      using roled = await Recommender.load(own, { engine, log: eventful })
      const rows = Array.from(eventful.items.subarray(0, eventful.offsets[1]), (item) => log.catalogue.ids[item])
      const [viewed, bought] = [0, 1].map((event) => rows.filter((_, row) => row % 2 === event))
      const { items } = roled.recommend({ user: 'user-0', k: 40 })
      expect(items.map(({ item }) => item)).toEqual(expect.arrayContaining(viewed.filter((item) => !bought.includes(item))))
      expect(items.filter(({ item }) => bought.includes(item))).toEqual([])
      expect(roled.interests({ user: 'user-0' })).toEqual(roled.interests({ history: viewed }))
    })

    it('explains by what would be lost: the last event decides where the next item is known', () => {
      const [first] = shop.recommend({ history: ['item-3', 'item-4', 'item-5'], k: 1, explain: true }).items
      expect(first.because?.[0].item).toBe('item-5')
      expect(first.because?.reduce((sum, { share }) => sum + Math.abs(share), 0)).toBeCloseTo(1, 5)
      expect(shop.recommend({ history: ['item-5'], k: 1, explain: true }).items[0].because).toEqual([{ item: 'item-5', share: 1 }])
    })

    it('gives interests and similar items', () => {
      expect(shop.interests({ history: ['item-3'] }).map((vector) => vector.length)).toEqual([16])
      expect(shop.interests({ history: [] })).toEqual([])
      const similar = shop.similarItems('item-3', { k: 5 })
      expect(similar).toHaveLength(5)
      expect(similar.map(({ item }) => item)).not.toContain('item-3')
      expect(similar.every(({ score }) => score <= 1.000001)).toBe(true)
      expect(() => shop.similarItems('gone')).toThrow(expect.objectContaining({ code: 'UNKNOWN' }))
    })

    it('reads codes or vectors of the items, and nothing else', async () => {
      using plain = await Recommender.load(artefact, { engine, log: world(), table: 'f32' })
      for (const { item } of shop.similarItems('item-1')) {
        const request = { history: ['item-30', item], k: 30 }
        expect(shop.recommend(request)).toEqual(plain.recommend(request))
      }
      await expect(Recommender.load(artefact, { engine, table: 'int4' as 'int8' })).rejects.toMatchObject({
        code: 'OPTION',
        message: 'table is "int4".',
      })
    })

    it('refuses a k that is no count', () => {
      for (const k of [0, -1, 1.5, Number.NaN])
        expect(() => shop.recommend({ history: [], k })).toThrow(expect.objectContaining({ code: 'OPTION' }))
    })

    it('takes no more memory over ten thousand calls with random histories', () => {
      const call = (i: number): void => {
        const history = Array.from(integers(1 + (i % 14), 40, i, 0), (item) => `item-${item}`)
        shop.recommend({ history, k: 10, explain: i % 15 === 0 }) // 15 and 14 share no factor: every length is explained
      }
      for (let i = 0; i < 500; i++) call(i)
      const [live, kept, allocations] = Array.from(engine.memory())
      for (let i = 0; i < 10_000; i++) call(i)
      const after = Array.from(engine.memory())
      expect([after[0], after[2]]).toEqual([live, allocations])
      expect(after[1]).toBeLessThanOrEqual(kept) // what nobody needs goes back to the system
    })

    it('is refused once disposed', async () => {
      const other = await Recommender.load(artefact, { engine })
      other[Symbol.dispose]()
      other[Symbol.dispose]()
      expect(() => other.recommend({ history: [] })).toThrow(expect.objectContaining({ code: 'TENSOR_FREED' }))
      expect(ids({ history: ['item-3', 'item-4'], k: 1 })).toEqual(['item-5'])
    })
  })
}

describe('the two WebAssembly builds', () => {
  it.each([sasrec({ dim: 16, blocks: 1, maxLength: 10 }), markov(), popularity()])('recommend with the same bits', async (model) => {
    const trained = await runJob(loadNative(), { log: world(), settings: { ...settings, model, epochs: 2 }, resume: false }, {})
    const shops = await Promise.all(
      [false, true].map(async (inference) => Recommender.load(trained.artefact, { engine: await loadWasm({ inference }) })),
    )
    for (let i = 0; i < 200; i++) {
      const history = Array.from(integers(1 + (i % 14), 40, i, 1), (item) => `item-${item}`)
      const [whole, small] = shops.map((shop) => ({
        ...shop.recommend({ history, k: 20, explain: i % 3 === 0 }),
        similar: shop.similarItems(history[0]),
        interests: model.definition.name === 'sasrec' ? shop.interests({ history }) : [],
      }))
      expect(whole.items.some(({ source }) => source === 'model')).toBe(true)
      expect(small).toEqual(whole)
    }
    for (const shop of shops) shop[Symbol.dispose]()
  })
})
