import type { BuiltModel } from '../models/define.ts'
import type { Served } from '../recommend/served.ts'
import type { Split } from '../split/split.ts'
import { type Found, findTargets } from './found.ts'
import { describeInterests, type InterestFigures } from './interests.ts'
import { labelledMetrics, scoreLabelled } from './labelled.ts'
import { type Metric, metricsOfMany, metricsOfOne } from './metrics.ts'
import { bootstrap, type Interval } from './statistics.ts'

/** Some users, and their figures. */
export interface Figures {
  readonly users: number
  /** By name, `ndcg@10` and so on: means over users with 95% bootstrap intervals; none where there are no users. */
  readonly metrics: Readonly<Record<string, Interval>>
}

/** One model's figures on one part of a split. */
export interface ReportRow extends Figures {
  readonly model: string
  readonly on: 'validation' | 'test'
  /** Shares of the targets that are misses whatever the model says: the user had seen them, and the seen filter hides them; */
  readonly seenTargets: number
  /** they are items that were never a target in training, and are not shown; */
  readonly untrainedTargets: number
  /** and of these, they are items that the artefact has not heard of. */
  readonly unknownTargets: number
  /** Of a ranker, whose scores are logits: auc, gauc and logloss of labelled candidates (labelled.ts). */
  readonly labels?: Figures
  /** Of a model with several interests of each user. */
  readonly interests?: InterestFigures
  /** Of a time split: the users with a history, and those without, who are given popular items. */
  readonly warm?: Figures
  readonly cold?: Figures
}

/** A model's figures at k on one part of a split, judged as it is served. @throws FociError DATA where nobody is asked */
export function evaluate(served: Served, split: Split, on: ReportRow['on'], k: number): ReportRow {
  const found = findTargets(served, split, split[on], k)
  const byTime = split.name !== 'leave-one-out'
  const metrics = byTime ? metricsOfMany : metricsOfOne
  const share = (count: 'seen' | 'untrained' | 'unknown'): number =>
    found.reduce((sum, user) => sum + user[count], 0) /
    Math.max(
      1,
      found.reduce((sum, { relevant }) => sum + relevant, 0),
    )
  const interests = describeInterests(served, split, split[on], k)
  const row = {
    ...{ model: served.name, on, ...figures(found, metrics, k) },
    ...{ seenTargets: share('seen'), untrainedTargets: share('untrained'), unknownTargets: share('unknown') },
    ...labelsOf(served, split, on),
    ...(interests && { interests }),
  }
  if (!byTime) return row
  const group = (users: readonly Found[]): Figures => (users.length > 0 ? figures(users, metrics, k) : { users: 0, metrics: {} })
  return { ...row, warm: group(found.filter((user) => user.warm)), cold: group(found.filter((user) => !user.warm)) }
}

/** Of a model that learns by labels, or has a part that does. */
function labelsOf(served: Served, split: Split, on: ReportRow['on']): Pick<ReportRow, 'labels'> {
  const negatives = negativesOf(served)
  if (negatives === undefined) return {}
  const scored = scoreLabelled(served, split, split[on], negatives)
  return { labels: { users: scored.length, metrics: scored.length > 0 ? labelledMetrics(scored) : {} } }
}

function negativesOf({ model: { learner }, parts }: BuiltModel): number | undefined {
  if (learner.by === 'steps') return learner.negatives
  return parts.map(negativesOf).find((negatives) => negatives !== undefined)
}

function figures(found: readonly Found[], metrics: Readonly<Record<string, Metric>>, k: number): Figures {
  const rows = Object.entries(metrics).map(([name, metric]) => [`${name}@${k}`, bootstrap(byUser(found, metric, k))] as const)
  return { users: found.length, metrics: Object.fromEntries(rows) }
}

/** A metric of each user, [n]. */
function byUser(found: readonly Found[], metric: Metric, k: number): Float64Array {
  return Float64Array.from(found, ({ hits, relevant }) => metric(hits, relevant, k))
}
