import { caseBatches } from '../data/batches.ts'
import { seenTargets } from '../data/history.ts'
import type { Cases, Split } from '../data/split.ts'
import type { Engine } from '../engine/engine.ts'
import type { Model } from '../models/contracts.ts'
import { rankItems } from '../recommend/ranking.ts'
import { byUser, metrics } from './metrics.ts'
import { bootstrap, type Interval } from './statistics.ts'

/** Users that are ranked at once. */
const BATCH = 256

/** One model's figures on one part of a split. */
export interface ReportRow {
  readonly model: string
  readonly on: 'validation' | 'test'
  readonly users: number
  /** Share of the targets that the user had seen before: the seen filter makes them misses. */
  readonly seenTargets: number
  /** By name, `ndcg@10` and so on: means over users with 95% bootstrap intervals. */
  readonly metrics: Readonly<Record<string, Interval>>
}

/**
 * The rank of each case's target among the whole catalogue, the user's seen items left out: 1 + the items that score higher
 * + the equal ones that stand earlier in the catalogue. Infinity beyond k, and for a target that was seen before.
 */
export function ranks(engine: Engine, model: Model, split: Split, cases: Cases, k: number): Float64Array {
  const found = new Float64Array(cases.users.length)
  const maxLength = model.kind === 'encoder' ? model.maxLength : Number.MAX_SAFE_INTEGER
  const places = Math.min(k, split.log.catalogue.size)
  let start = 0
  for (const batch of caseBatches(split, cases, { size: BATCH, maxLength })) {
    const { items } = rankItems(engine, model, {
      histories: { values: batch.items, offsets: batch.offsets },
      times: batch.times,
      k: places,
      seen: { values: batch.seen, offsets: batch.seenOffsets },
    })
    batch.targets.forEach((target, b) => {
      const place = items.subarray(b * places, (b + 1) * places).indexOf(target)
      found[start + b] = place < 0 ? Number.POSITIVE_INFINITY : place + 1
    })
    start += batch.targets.length
  }
  return found
}

/** A model's HR, NDCG and MRR at k on one part of a split, means over users with intervals. */
export function evaluate(engine: Engine, name: string, model: Model, split: Split, on: ReportRow['on'], k: number): ReportRow {
  const found = ranks(engine, model, split, split[on], k)
  const rows = Object.entries(metrics).map(([metric, by]) => [`${metric}@${k}`, bootstrap(byUser(by, found, k))] as const)
  return { model: name, on, users: found.length, seenTargets: seenTargets(split.log, split[on]), metrics: Object.fromEntries(rows) }
}

/** The means alone, as early stopping reads them. */
export function means(found: Float64Array, k: number): Record<string, number> {
  const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  return Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [`${name}@${k}`, mean(byUser(metric, found, k))]))
}
