import { integers, seedOf } from '../data/random.ts'
import { shownBetween } from '../examples/labelled.ts'
import { ListsBuilder } from '../recommend/lists.ts'
import { type LogView, viewLog } from '../recommend/log-view.ts'
import { scoreItems } from '../recommend/ranking.ts'
import type { Served } from '../recommend/served.ts'
import type { Cases, Split } from '../split/split.ts'
import { askAbout } from './found.ts'
import { bootstrap, type Interval } from './statistics.ts'

/** Scores of one user's candidates as logits. */
export interface Labelled {
  readonly wanted: Float32Array
  readonly unwanted: Float32Array
}

/** Keys the negatives that are drawn, the same for every model. */
const SEED = 1

/**
 * How a ranker scores what each user wanted, and beside it what was shown and not wanted, where the log says so; else items
 * drawn uniformly among those that the model may show and the user has not seen. Users without a history, and those of whom
 * nothing is wanted that the model may show, are left out.
 * @param negatives drawn beside each wanted item
 */
export function scoreLabelled(served: Served, { log }: Split, cases: Cases, negatives: number): Labelled[] {
  const named = viewLog(log, served, served.needs, served.name)
  const all = Array.from(cases.users.keys(), (i) => candidatesOf(served, named, cases, i, negatives))
  const canScore = (i: number): boolean =>
    all[i].wanted.length > 0 && all[i].unwanted.length > 0 && cases.ends[i] > log.offsets[cases.users[i]]
  const found: Labelled[] = []
  for (const { asked, of } of askAbout(served, log, cases, Int32Array.from(all.keys()).filter(canScore))) {
    const candidates = new ListsBuilder()
    for (const i of of) {
      for (const item of [...all[i].wanted, ...all[i].unwanted]) candidates.push(item)
      candidates.close()
    }
    const { offsets, values } = candidates.view()
    const scores = scoreItems(served.engine, served, asked.view().columns, { offsets, values })
    for (const [b, i] of of.entries()) {
      const own = scores.slice(offsets[b], offsets[b + 1])
      const count = all[i].wanted.length
      found.push({ wanted: own.subarray(0, count), unwanted: own.subarray(count) })
    }
  }
  return found
}

function candidatesOf({ trained, popular }: Served, view: LogView, cases: Cases, i: number, negatives: number) {
  const { users, ends, rows, relevant, relevantOffsets } = cases
  const relevantItems = new Set(Array.from(relevant.subarray(relevantOffsets[i], relevantOffsets[i + 1]), (item) => view.items[item]))
  const mayShow = (item: number): boolean => item >= 0 && trained.has(item)
  const wanted = [...relevantItems].filter(mayShow)
  const shown = shownBetween(view.log)(ends[i] - 1, rows[i], negatives * wanted.length).map((item) => view.items[item])
  const unwanted = shown.filter((item) => mayShow(item) && !relevantItems.has(item))
  if (unwanted.length > 0) return { wanted, unwanted }
  const seen = new Set<number>()
  for (let row = view.log.offsets[users[i]]; row < ends[i]; row++) seen.add(view.items[view.log.items[row]])
  const drawn = integers(8 * negatives * wanted.length, popular.length, seedOf(SEED, 'labelled'), users[i])
  const fresh = Array.from(drawn, (at) => popular[at]).filter((item) => !relevantItems.has(item) && !seen.has(item))
  return { wanted, unwanted: [...new Set(fresh)].slice(0, negatives * wanted.length) }
}

/**
 * AUC over the pairs of all users, GAUC (the mean of each user's AUC, by the number of candidates) and LogLoss, with 95%
 * bootstrap intervals over users.
 */
export function labelledMetrics(users: readonly Labelled[]): Record<'auc' | 'gauc' | 'logloss', Interval> {
  const pool = Float32Array.from(users.flatMap(({ unwanted }) => [...unwanted])).sort()
  const shares = users.map(({ wanted }) => mean(wanted, (score) => shareBelow(pool, score)))
  const own = users.map(({ wanted, unwanted }) => mean(wanted, (score) => shareBelow(unwanted.slice().sort(), score)))
  const losses = users.map(({ wanted, unwanted }) => {
    const sum = total(wanted, (score) => softplus(-score)) + total(unwanted, softplus)
    return sum / (wanted.length + unwanted.length)
  })
  const sizes = Float64Array.from(users, ({ wanted, unwanted }) => wanted.length + unwanted.length)
  const counts = Float64Array.from(users, ({ wanted }) => wanted.length)
  return {
    auc: bootstrap(Float64Array.from(shares), { weights: counts }),
    gauc: bootstrap(Float64Array.from(own), { weights: sizes }),
    logloss: bootstrap(Float64Array.from(losses), { weights: sizes }),
  }
}

/** Share of ascending scores that are below one, equal ones by half. */
export function shareBelow(ascending: Float32Array, score: number): number {
  return (firstFrom(ascending, score, false) + firstFrom(ascending, score, true)) / (2 * ascending.length)
}

/** The first place that is not below a score, or that is above it. */
function firstFrom(ascending: Float32Array, score: number, above: boolean): number {
  let [low, high] = [0, ascending.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (above ? ascending[middle] <= score : ascending[middle] < score) low = middle + 1
    else high = middle
  }
  return low
}

/** −ln p of a label at the probability σ(x), clipped as usual: p from 1e-7 to 1 − 1e-7. */
const softplus = (x: number): number => Math.min(-Math.log(1e-7), Math.max(-Math.log1p(-1e-7), Math.log1p(Math.exp(Math.min(x, 700)))))

const total = (scores: Float32Array, of: (score: number) => number): number => scores.reduce((sum, score) => sum + of(score), 0)
const mean = (scores: Float32Array, of: (score: number) => number): number => total(scores, of) / scores.length
