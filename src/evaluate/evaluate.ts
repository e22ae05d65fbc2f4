import type { Engine } from '../engine/engine.ts'
import type { Model } from '../models/contracts.ts'
import { popularItems } from '../models/popularity.ts'
import { popularList, present, rankItems, usersAtOnce } from '../recommend/ranking.ts'
import { caseBatches } from '../split/batches.ts'
import { history, seenItems, seenTargets } from '../split/history.ts'
import type { Cases, Split } from '../split/split.ts'
import { hitRanks, type Metric, metricsOfMany, metricsOfOne } from './metrics.ts'
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
  /** Share of the targets that the user had seen before: the seen filter makes them misses. */
  readonly seenTargets: number
  /** Of a time split: the users with a history, and those without, who are given popular items. */
  readonly warm?: Figures
  readonly cold?: Figures
  /** Of a time split: share of the targets that are items which were never trained on. */
  readonly untrainedTargets?: number
}

/** What a user's list holds of what is relevant. */
export interface Found {
  /** Ranks, from 1, of the relevant items among the first k, ascending. */
  readonly hits: readonly number[]
  /** How many items are relevant. */
  readonly relevant: number
  /** Whether the user has a history. */
  readonly warm: boolean
}

/**
 * What each case finds among the first k of the whole catalogue, the user's seen items left out. An item's rank is 1 + the
 * items that score higher + the equal ones that stand earlier in the catalogue; a target that was seen before has none.
 */
export function findTargets(engine: Engine, model: Model, split: Split, cases: Cases, k: number): Found[] {
  const { users, ends, relevant, relevantOffsets } = cases
  const warm = Array.from(users.keys()).filter((i) => history(split.log, users[i], ends[i]).items.length > 0)
  const asked = { users: Int32Array.from(warm, (i) => users[i]), ends: Int32Array.from(warm, (i) => ends[i]) }
  const found = new Array<Found | undefined>(users.length).fill(undefined)
  const finds = (i: number, list: ArrayLike<number>, isWarm: boolean): Found => {
    const wanted = new Set(relevant.subarray(relevantOffsets[i], relevantOffsets[i + 1]))
    return { hits: hitRanks(list, wanted, k), relevant: wanted.size, warm: isWarm }
  }
  let next = 0
  for (const list of ranked(engine, model, split, asked, k)) {
    const i = warm[next++]
    found[i] = finds(i, list, true) // so that no list outlives its batch
  }
  const popular = popularItems(split)
  return found.map((own, i) => own ?? finds(i, popularUnseen(popular, k, seenItems(split.log, users[i], ends[i])), false))
}

/** The model's list for each of some users with a history. */
function* ranked(engine: Engine, model: Model, { log }: Split, asked: Pick<Cases, 'users' | 'ends'>, k: number): Generator<Int32Array> {
  const maxLength = model.kind === 'encoder' ? model.maxLength : Number.MAX_SAFE_INTEGER
  const items = log.catalogue.size
  const places = Math.min(k, items)
  for (const batch of caseBatches(log, asked, { size: usersAtOnce(model, items), maxLength })) {
    const ranked = rankItems(engine, model, {
      histories: { values: batch.items, offsets: batch.offsets },
      times: batch.times,
      k: places,
      seen: { values: batch.seen, offsets: batch.seenOffsets },
    })
    for (let b = 0; b < batch.users.length; b++) yield present(ranked.items.subarray(b * places, (b + 1) * places))
  }
}

function popularUnseen(popular: Int32Array, k: number, seen: Int32Array): number[] {
  const hidden = new Set(seen)
  return popularList(popular, k, (item) => !hidden.has(item))
}

/** A model's figures at k on one part of a split. @throws FociError DATA where nobody is asked */
export function evaluate(engine: Engine, name: string, model: Model, split: Split, on: ReportRow['on'], k: number): ReportRow {
  const cases = split[on]
  const found = findTargets(engine, model, split, cases, k)
  const byTime = split.name !== 'leave-one-out'
  const metrics = byTime ? metricsOfMany : metricsOfOne
  const row = { model: name, on, ...figures(found, metrics, k), seenTargets: seenTargets(split.log, cases) }
  if (!byTime) return row
  const group = (users: readonly Found[]): Figures => (users.length > 0 ? figures(users, metrics, k) : { users: 0, metrics: {} })
  const [warm, cold] = [group(found.filter((user) => user.warm)), group(found.filter((user) => !user.warm))]
  return { ...row, warm, cold, untrainedTargets: untrainedTargets(split, cases) }
}

function figures(found: readonly Found[], metrics: Readonly<Record<string, Metric>>, k: number): Figures {
  const rows = Object.entries(metrics).map(([name, metric]) => [`${name}@${k}`, bootstrap(byUser(found, metric, k))] as const)
  return { users: found.length, metrics: Object.fromEntries(rows) }
}

function untrainedTargets(split: Split, { relevant }: Cases): number {
  const trained = new Set(popularItems(split))
  return relevant.filter((item) => !trained.has(item)).length / relevant.length
}

/** The means alone, as early stopping reads them. */
export function means(found: readonly Found[], k: number): Record<string, number> {
  const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  return Object.fromEntries(Object.entries(metricsOfOne).map(([name, metric]) => [`${name}@${k}`, mean(byUser(found, metric, k))]))
}

/** A metric of each user, [n]. */
function byUser(found: readonly Found[], metric: Metric, k: number): Float64Array {
  return Float64Array.from(found, ({ hits, relevant }) => metric(hits, relevant, k))
}
