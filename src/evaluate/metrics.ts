/**
 * Metrics of one user's ranked list. Each is a function of where the relevant items stand in it, so leave-one-out (one
 * relevant item) and time splits (several) share one definition.
 */
import { FociError } from '../errors.ts'

/**
 * @param hits ranks, from 1, of the relevant items among the first k, ascending
 * @param relevant how many items are relevant, ≥ 1
 * @returns a figure in [0, 1]
 */
export type Metric = (hits: readonly number[], relevant: number, k: number) => number

/** Hit rate: whether any relevant item is among the first k. */
export const hr: Metric = (hits) => (hits.length > 0 ? 1 : 0)

/** Share of the relevant items that are among the first k. */
export const recall: Metric = (hits, relevant) => hits.length / relevant

/** Share of the k places that hold a relevant item; a list shorter than k is not forgiven. */
export const precision: Metric = (hits, _relevant, k) => hits.length / k

/** Reciprocal rank of the first hit. */
export const mrr: Metric = (hits) => (hits.length > 0 ? 1 / hits[0] : 0)

/** Average precision: Σ over hits at rank r of precision@r, divided by the most hits that there could be. */
export const map: Metric = (hits, relevant, k) => hits.reduce((sum, rank, i) => sum + (i + 1) / rank, 0) / Math.min(k, relevant)

/** Σ over hits at rank r of 1 / log2(r + 1), divided by the same sum for the ideal list (by relevant items, never by hits). */
export const ndcg: Metric = (hits, relevant, k) => {
  let ideal = 0
  for (let rank = 1; rank <= Math.min(k, relevant); rank++) ideal += gain(rank)
  return hits.reduce((sum, rank) => sum + gain(rank), 0) / ideal
}

/** The metrics by the name that reports print before `@k`: of one relevant item, and of several. */
export const metricsOfOne = { hr, ndcg, mrr } satisfies Record<string, Metric>
export const metricsOfMany = { ...metricsOfOne, recall, precision, map } satisfies Record<string, Metric>

function gain(rank: number): number {
  return 1 / Math.log2(rank + 1)
}

/**
 * Ranks of the relevant items among the first k of a list, as the metrics take them.
 * @throws RANGE where an item stands in the list twice: it would be counted twice
 */
export function hitRanks(list: ArrayLike<number>, relevant: ReadonlySet<number>, k: number): number[] {
  const hits: number[] = []
  const met = new Set<number>()
  for (let i = 0; i < Math.min(k, list.length); i++) {
    if (met.has(list[i])) throw new FociError('RANGE', `item ${list[i]} stands in the list twice`, 'Rank each item once.')
    met.add(list[i])
    if (relevant.has(list[i])) hits.push(i + 1)
  }
  return hits
}
