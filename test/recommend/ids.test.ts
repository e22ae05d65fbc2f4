import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { markov } from '../../src/models/markov.ts'
import { readInteractions } from '../../src/read/read.ts'
import { Recommender } from '../../src/recommend/recommender.ts'
import type { Id, Request } from '../../src/recommend/request.ts'
import { train } from '../../src/train/train.ts'
import { errorOf } from '../artefact/sample.ts'

/** Users 1 to 30, and items 1 to 15 that follow each other; `spell` writes their ids. */
const rows = (spell: (id: number) => Id) =>
  Array.from({ length: 180 }, (_, i) => {
    const [user, k] = [1 + Math.floor(i / 6), i % 6]
    return { user: spell(user), item: spell(((user * 7 + k * 3) % 15) + 1), timestamp: 1_600_000_000 + i }
  })

const shops: Recommender[] = []
beforeAll(async () => {
  for (const spell of [Number, String]) {
    const table = Array.from({ length: 15 }, (_, i) => ({ item: spell(i + 1), title: `item ${i}` }))
    const log = await readInteractions(rows(spell), {
      items: table as never,
    })
    const { artefact } = await train(log, { model: markov() })
    shops.push(await Recommender.load(artefact, { log }))
  }
})
afterAll(() => {
  for (const shop of shops) shop[Symbol.dispose]()
})

/** The same of texts and of numbers, of a log read with texts and with numbers. */
const everywhere = <T>(ask: (shop: Recommender, spell: (id: number) => Id) => T): T[] =>
  shops.flatMap((shop) => [ask(shop, Number), ask(shop, String)])

describe('a safe whole number is its decimal text', () => {
  const same = (answers: readonly unknown[]) => {
    for (const answer of answers) expect(answer).toEqual(answers[0])
  }
  const items = (request: Request) => (shop: Recommender) => shop.recommend(request).items.map(({ item }) => item)

  it('in a history, in exclude and in seen', () => {
    same(everywhere((shop, id) => items({ history: [id(1), { item: id(4) }], exclude: [id(7)], seen: [id(10)], k: 15 })(shop)))
    const [list] = everywhere((shop, id) => items({ history: [id(1), id(4)], exclude: [id(7)], seen: [id(10)], k: 15 })(shop))
    expect(list).toHaveLength(11)
    expect(list).not.toContain('7')
    expect(list).not.toContain('10')
  })

  it('of a user, and of an item that others are like', () => {
    same(everywhere((shop, id) => items({ user: id(3) })(shop)))
    same(everywhere((shop, id) => shop.similarItems(id(3), { k: 5 })))
  })

  it('in an items table', () => {
    for (const { catalogue } of shops) expect(catalogue.titles?.[catalogue.indexOf('3')]).toBe('item 2')
  })
})

describe.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('%d is no id', (id) => {
  it('of a request', () => {
    const asks: ((shop: Recommender) => unknown)[] = [
      (shop) => shop.recommend({ history: [id] }),
      (shop) => shop.recommend({ history: [{ item: id }] }),
      (shop) => shop.recommend({ history: [], exclude: [id] }),
      (shop) => shop.recommend({ history: [], seen: [id] }),
      (shop) => shop.recommend({ user: id }),
      (shop) => shop.similarItems(id),
    ]
    for (const ask of asks) expect(() => ask(shops[0])).toThrow(expect.objectContaining({ code: 'OPTION' }))
  })

  it('of rows in memory, and of an items table', async () => {
    const good = { user: 1, item: 1, timestamp: 1 }
    expect(await errorOf(readInteractions([good, { ...good, user: id }]))).toMatchObject({ code: 'DATA' })
    expect(await errorOf(readInteractions([good, { ...good, item: id }]))).toMatchObject({ code: 'DATA' })
    expect(await errorOf(readInteractions([good], { items: [{ item: id }] as never }))).toMatchObject({ code: 'DATA' })
  })
})
