import { beforeAll, describe, expect, it } from 'vitest'
import { catalogueOf } from '../../src/data/catalogue.ts'
import { integers, uniform } from '../../src/data/random.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { loadNative } from '../../src/engine/native.ts'
import { loadWasm } from '../../src/engine/wasm.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { type Alike, alikeBy, diversify } from '../../src/recommend/diversity.ts'
import type { Ranked } from '../../src/recommend/ranking.ts'
import { Recommender } from '../../src/recommend/recommender.ts'
import { runJob } from '../../src/train/job.ts'
import { defaults } from '../../src/train/train.ts'
import { twoRings } from '../contracts/model.ts'

/** A catalogue by its scores; the rankings that were asked for are noted. */
function ranker(f: readonly number[], asked: number[] = []): (count: number) => Ranked {
  const scores = Float32Array.from(f)
  const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b)
  return (count) => {
    asked.push(count)
    const items = Int32Array.from(order.slice(0, count))
    return { items, scores: Float32Array.from(items, (item) => scores[item]), interests: items.map((item) => item % 3) }
  }
}

/** By one letter an item. */
const letters = (text: string): Alike => alikeBy([...text].map((letter) => [letter]))

/** The greedy choice as its definition reads, over all items. */
function bruteForce(f: readonly number[], k: number, weight: number, alike: Alike): number[] {
  const scores = Float32Array.from(f)
  const chosen: number[] = []
  const value = (i: number): number => scores[i] - weight * chosen.filter((j) => alike(i, j)).length
  const left = new Set([...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b))
  while (chosen.length < k && left.size > 0) {
    const best = [...left].reduce((a, b) => (value(b) > value(a) ? b : a))
    chosen.push(best)
    left.delete(best)
  }
  return chosen
}

/** Σ f(i) + λ · |{pairs that are not alike}|. */
function worth(set: readonly number[], f: readonly number[], weight: number, alike: Alike): number {
  const pairs = set.flatMap((a, i) => set.slice(i + 1).filter((b) => !alike(a, b)))
  return set.reduce((sum, i) => sum + f[i], 0) + weight * pairs.length
}

function subsets(size: number, of: readonly number[]): number[][] {
  if (size === 0) return [[]]
  return of.flatMap((first, i) => subsets(size - 1, of.slice(i + 1)).map((rest) => [first, ...rest]))
}

const random = (seed: number, length: number): number[] => Array.from({ length }, (_, i) => uniform(seed, 0, i))

describe('the greedy choice', () => {
  it('takes off λ for each item before it of the same category', () => {
    // 2 at 8; then 3 at 5.5 before 1 at 7 − 2; then 1 at 5 before 0 at 6.5 − 2; then 0 at 6.5 − 4 and 4 at 4.5 − 2: 0 ranks first
    const { items, scores, interests } = diversify(ranker([6.5, 7, 8, 5.5, 4.5]), 4, 2, letters('aaabb'))
    expect([...items]).toEqual([2, 3, 1, 0])
    expect([...scores]).toEqual([8, 5.5, 7, 6.5])
    expect([...interests]).toEqual([2, 0, 1, 0])
  })

  it('is the ranking itself at λ = 0', () => {
    expect(diversify(ranker([3, 1, 2, 5, 4]), 4, 0, letters('aaabb'))).toEqual(ranker([3, 1, 2, 5, 4])(4))
  })

  it('goes round the categories at a great λ, the best of each at a time', () => {
    const f = [9, 8, 7, 6, 5, 4, 3, 2, 1]
    expect([...diversify(ranker(f), 9, 1e30, letters('aaaabbbcc')).items]).toEqual([0, 4, 7, 1, 5, 8, 2, 6, 3])
  })

  it('begins with the best item', () => {
    for (let seed = 0; seed < 20; seed++) {
      const f = random(seed, 30)
      expect(diversify(ranker(f), 1, 1e3, letters('abc'.repeat(10))).items[0]).toBe(f.indexOf(Math.max(...f)))
    }
  })

  it('takes items alike that share one of their categories, and those without for unlike all', () => {
    const alike = alikeBy([['tent', 'gift'], ['stove', 'gift'], ['stove'], [], []])
    const of = (a: number): boolean[] => [0, 1, 2, 3, 4].map((b) => alike(a, b))
    expect(of(0)).toEqual([true, true, false, false, false])
    expect(of(1)).toEqual([true, true, true, false, false])
    expect(of(3)).toEqual([false, false, false, false, false])
    for (const none of [undefined, [[], []]]) expect(() => alikeBy(none)).toThrow(expect.objectContaining({ code: 'NEED' }))
  })

  it('is worth at least 1 − 1/e of the best set of up to three among eight', () => {
    for (let seed = 0; seed < 200; seed++) {
      const f = random(seed, 8)
      const alike = letters([...integers(8, 3, seed, 1)].map((i) => 'abc'[i]).join(''))
      for (const weight of [0.05, 0.3, 2]) {
        for (const size of [1, 2, 3]) {
          const best = Math.max(...subsets(size, [...f.keys()]).map((set) => worth(set, f, weight, alike)))
          const greedy = worth([...diversify(ranker(f), size, weight, alike).items], f, weight, alike)
          expect(greedy).toBeGreaterThanOrEqual((1 - 1 / Math.E) * best)
        }
      }
    }
  })

  it('is that over the whole catalogue, from rankings no longer than it takes', () => {
    const lengths = new Set<number>()
    for (let seed = 0; seed < 60; seed++) {
      const f = random(seed, 500)
      const named = [...integers(500, 6, seed, 1)].map((i, item) =>
        item % 50 === 0 ? [] : item % 7 === 0 ? ['a', 'bcdef'[i % 5]] : ['abcdef'[i]],
      )
      // Most of the best are alike, so that the first ranking is too short where λ is great
      for (const item of ranker(f)(100).items) named[item] = ['a']
      const alike = alikeBy(named)
      for (const weight of [0, 0.001, 0.05, 0.4, 10]) {
        for (const k of [1, 5, 12]) {
          const asked: number[] = []
          expect([...diversify(ranker(f, asked), k, weight, alike).items]).toEqual(bruteForce(f, k, weight, alike))
          lengths.add(asked[asked.length - 1] / k)
        }
      }
    }
    expect([...lengths].sort((a, b) => a - b)).toEqual([8, 64])
  })

  it('gives all there are where fewer than k are', () => {
    const { items } = diversify(ranker([1, 2, 3]), 5, 0.5, letters('aab'))
    expect([...items]).toEqual([2, 1, 0, -1, -1])
    const none = { items: Int32Array.of(-1), scores: Float32Array.of(Number.NEGATIVE_INFINITY), interests: Int32Array.of(-1) }
    expect(diversify(() => none, 1, 0.5, letters('aab'))).toEqual(none)
  })
})

describe('recommend with diversity', () => {
  const settings = { ...defaults, model: sasrec({ dim: 16, blocks: 1, maxLength: 10 }), epochs: 3, batch: 16, learningRate: 0.01 }
  /** Items of ring 0 are tents or stoves, those of ring 1 are boots; every tenth is a gift as well, and the last is nothing. */
  const categories = Array.from({ length: 40 }, (_, i) => [i < 20 ? ['tent', 'stove'][i % 2] : 'boot', ...(i % 10 ? [] : ['gift'])])
  categories[39] = []
  const alike = alikeBy(categories)
  let artefact: Uint8Array
  let plain: Uint8Array
  beforeAll(async () => {
    const log = twoRings()
    const train = async (named?: string[][]) =>
      (
        await runJob(
          loadNative(),
          { log: { ...log, catalogue: catalogueOf(log.catalogue.ids, undefined, named) }, settings, resume: false },
          {},
        )
      ).artefact
    artefact = await train(categories)
    plain = await train()
  })

  for (const [name, load] of [
    ['native', async () => loadNative()],
    ['wasm', loadWasm],
  ] as [string, () => Promise<Engine>][]) {
    it(`is the greedy choice over the whole catalogue on ${name}`, async () => {
      using shop = await Recommender.load(artefact, { engine: await load() })
      const even = shop.filter((item) => Number(item.slice(5)) % 2 === 0)
      for (const extra of [{}, { filter: even }, { exclude: ['item-6', 'item-20'], seen: ['item-39'] }]) {
        const request = { history: ['item-3', 'item-4', 'item-5'], ...extra }
        const all = shop.recommend({ ...request, k: 40 }).items
        const f = all.map(({ score }) => score)
        const indices = all.map(({ item }) => Number(item.slice(5)))
        for (const diversity of [0, 0.01, 0.5, 3, 1e9]) {
          for (const k of [1, 4, 10, 40]) {
            const expected = bruteForce(f, k, diversity, (a, b) => alike(indices[a], indices[b]))
            expect(shop.recommend({ ...request, k, diversity }).items).toEqual(expected.map((place) => all[place]))
          }
        }
      }
    })
  }

  it('explains what it chose', async () => {
    using shop = await Recommender.load(artefact, { engine: loadNative() })
    const request = { history: ['item-3', 'item-30', 'item-4'], k: 5 }
    const diverse = shop.recommend({ ...request, diversity: 1e9, explain: true }).items
    const all = shop.recommend({ ...request, k: 40, explain: true }).items
    expect(diverse).toEqual(diverse.map(({ item }) => all.find((each) => each.item === item)))
    expect(diverse).not.toEqual(all.slice(0, 5))
  })

  it('wants categories and a weight', async () => {
    using shop = await Recommender.load(plain, { engine: loadNative() })
    expect(() => shop.recommend({ history: ['item-3'], diversity: 0.2 })).toThrow(
      expect.objectContaining({ code: 'NEED', hint: expect.stringContaining('--items') }),
    )
    expect(shop.recommend({ history: ['item-3'], diversity: 0 })).toEqual(shop.recommend({ history: ['item-3'] }))
    for (const diversity of [-0.1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => shop.recommend({ history: ['item-3'], diversity })).toThrow(expect.objectContaining({ code: 'OPTION' }))
  })
})
