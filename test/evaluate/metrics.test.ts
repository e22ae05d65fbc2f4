import { describe, expect, it } from 'vitest'
import { hitRanks, hr, type Metric, map, mrr, ndcg, precision, recall } from '../../src/evaluate/metrics.ts'

describe('metrics of one target', () => {
  // Of thirty items in their order, at the ranks 1, 2, 3, 5, 10 and 11; the last target is not ranked
  const list = Array.from({ length: 30 }, (_, item) => item)
  const byUser = (metric: Metric, k: number) => [0, 1, 2, 4, 9, 10, 30].map((target) => metric(hitRanks(list, new Set([target]), k), 1, k))

  it('discounts the rank by its logarithm', () => {
    const values = byUser(ndcg, 10)
    const expected = [1, 0.63093, 0.5, 0.38685, 0.28906, 0, 0]
    for (const [u, value] of expected.entries()) expect(values[u]).toBeCloseTo(value, 5)
  })

  it('counts a hit from the first place to the k-th', () => {
    expect(byUser(hr, 10)).toEqual([1, 1, 1, 1, 1, 0, 0])
    expect(byUser(hr, 3)).toEqual([1, 1, 1, 0, 0, 0, 0])
  })

  it('takes the reciprocal of a rank up to k', () => {
    expect(byUser(mrr, 10)).toEqual([1, 1 / 2, 1 / 3, 1 / 5, 1 / 10, 0, 0])
  })

  it('makes recall the hit rate and average precision the reciprocal rank', () => {
    expect(byUser(recall, 10)).toEqual(byUser(hr, 10))
    expect(byUser(map, 10)).toEqual(byUser(mrr, 10))
  })
})

describe('metrics of several relevant items', () => {
  // Places 2 and 4 hit; one relevant item is not in the list
  const hits = hitRanks([7, 3, 8, 5], new Set([3, 5, 9]), 4)

  it('finds the ranks of the relevant items', () => {
    expect(hits).toEqual([2, 4])
    expect(hitRanks([7, 3, 8, 5], new Set([3, 5, 9]), 3)).toEqual([2])
    expect(hitRanks([], new Set([3]), 3)).toEqual([])
  })

  it('agrees with the sums worked out by hand', () => {
    expect(hr(hits, 3, 4)).toBe(1)
    expect(recall(hits, 3, 4)).toBe(2 / 3)
    expect(precision(hits, 3, 4)).toBe(2 / 4)
    expect(mrr(hits, 3, 4)).toBe(1 / 2)
    expect(map(hits, 3, 4)).toBeCloseTo((1 / 2 + 2 / 4) / 3, 12)
    expect(ndcg(hits, 3, 4)).toBeCloseTo((0.6309298 + 0.4306766) / (1 + 0.6309298 + 0.5), 6)
  })

  it('divides precision by k even where the list is shorter', () => {
    expect(precision(hits, 3, 10)).toBe(2 / 10)
  })

  it('takes the ideal from the relevant items, as many as fit into k', () => {
    expect(ndcg([2], 5, 2)).toBeCloseTo(0.6309298 / (1 + 0.6309298), 6)
    expect(map([1, 2], 5, 2)).toBe(1)
    expect(ndcg([1, 2], 5, 2)).toBe(1)
  })

  it('gives a user without hits nothing', () => {
    for (const metric of [hr, recall, precision, mrr, map, ndcg]) expect(metric([], 3, 10)).toBe(0)
  })

  it('rejects a list with repeats', () => {
    expect(() => hitRanks([4, 2, 4], new Set([1]), 10)).toThrow(
      expect.objectContaining({ code: 'RANGE', message: 'item 4 stands in the list twice' }),
    )
  })
})
