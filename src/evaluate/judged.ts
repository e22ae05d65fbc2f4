import { type Judge, judgesLabels, listJudge } from '../models/training.ts'
import type { Served } from '../recommend/served.ts'
import type { Split } from '../split/split.ts'
import { type Found, findTargets } from './found.ts'
import { labelledMetrics, scoreLabelled } from './labelled.ts'
import { type Metric, metricsOfOne, recall } from './metrics.ts'

/** Length of the lists that every run tells of. */
export const K = 10

/**
 * The means by which a run stops, on its validation cases: hr, ndcg and mrr of lists of ten, as they would be served, and the
 * judge's own; of labelled candidates auc, gauc and logloss alone, for a ranker of candidates need not be able to rank a whole
 * catalogue in an epoch's time.
 * @param negatives drawn beside each target where labels are judged
 */
export function judged(served: Served, split: Split, judge: Judge, negatives: number): Record<string, number> {
  if (judgesLabels(judge)) return labelledMeans(served, split, negatives)
  const { metric, k } = listJudge(judge)
  const found = findTargets(served, split, split.validation, Math.max(K, k))
  const means = Object.fromEntries(Object.entries(metricsOfOne).map(([name, of]) => [`${name}@${K}`, mean(found, of, K)]))
  return { ...means, [judge]: mean(found, { ...metricsOfOne, recall }[metric], k) }
}

function labelledMeans(served: Served, split: Split, negatives: number): Record<string, number> {
  const scored = scoreLabelled(served, split, split.validation, negatives)
  if (scored.length === 0) return { auc: 0, gauc: 0, logloss: Number.MAX_VALUE } // none is better
  return Object.fromEntries(Object.entries(labelledMetrics(scored)).map(([name, { mean }]) => [name, mean]))
}

function mean(found: readonly Found[], metric: Metric, k: number): number {
  const among = (hits: readonly number[]): readonly number[] => hits.filter((rank) => rank <= k)
  return found.reduce((sum, { hits, relevant }) => sum + metric(among(hits), relevant, k), 0) / Math.max(1, found.length)
}
