/** How sure a mean over users is, and whether two models differ: resampling of users, never of events. */

import { bits } from '../data/random.ts'
import { FociError } from '../errors.ts'

export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
}

export interface Resampling {
  /** Fixed beforehand, so that a report can be repeated. */
  readonly seed?: number
  readonly resamples?: number
}

/** Of a weighted mean. */
interface Weighting extends Resampling {
  /** What each user counts, [n]; 1 where absent. */
  readonly weights?: Float64Array
}

/**
 * Mean over users, or a weighted one, with its 95 % bootstrap interval: 1,000 resamples of the users, percentiles 2.5 and 97.5.
 * @param values a metric of each user, [n]
 * @throws DATA where there are no users
 */
export function bootstrap(values: Float64Array, { seed = 1, resamples = 1000, weights }: Weighting = {}): Interval {
  const n = values.length
  if (n === 0) throw new FociError('DATA', 'there is no user to average over', 'Check that the split leaves users with a target.')
  const means = new Float64Array(resamples)
  for (let r = 0; r < resamples; r++) {
    let [sum, whole] = [0, 0]
    for (let i = 0; i < n; i++) {
      const user = Math.floor((bits(seed, r, i) * n) / 2 ** 32)
      const weight = weights ? weights[user] : 1
      sum += weight * values[user]
      whole += weight
    }
    means[r] = sum / whole
  }
  means.sort()
  const whole = weights ? mean(values.map((value, i) => value * weights[i])) / mean(weights) : mean(values)
  return { mean: whole, low: percentile(means, 0.025), high: percentile(means, 0.975) }
}

export interface PairedTest {
  /** Mean of a − b. */
  readonly difference: number
  /** Chance of a mean at least as far from 0 if a and b were exchangeable for each user. */
  readonly p: number
}

/**
 * Paired sign-flip permutation test, two-sided: under the null the sign of each user's difference is a coin's. The
 * observed signs count as one of the permutations, so p ≥ 1 / (resamples + 1).
 * @param a and b: a metric of the same users under two models, [n]
 * @throws SHAPE where the lengths differ
 */
export function signFlip(a: Float64Array, b: Float64Array, { seed = 1, resamples = 10_000 }: Resampling = {}): PairedTest {
  if (a.length !== b.length)
    throw new FociError('SHAPE', `a paired test got ${a.length} and ${b.length} users`, 'Evaluate both models on the same users.')
  // Users on whom the models agree add nothing to any permutation
  const differences = a.map((x, i) => x - b[i]).filter((x) => x !== 0)
  const total = differences.reduce((sum, x) => sum + x, 0)
  // Sums of the same numbers in other signs may differ by rounding alone: those are ties, and ties count against us
  const bar = Math.abs(total) - 1e-12 * differences.reduce((sum, x) => sum + Math.abs(x), 0)
  let extreme = 1
  for (let r = 0; r < resamples; r++) if (Math.abs(flipped(differences, seed, r)) >= bar) extreme++
  return { difference: a.length > 0 ? total / a.length : 0, p: extreme / (resamples + 1) }
}

/** Σ ± x with the signs of one permutation: bit i % 32 of random word ⌊i / 32⌋. */
function flipped(differences: Float64Array, seed: number, permutation: number): number {
  let sum = 0
  let word = 0
  for (let i = 0; i < differences.length; i++, word >>>= 1) {
    if (i % 32 === 0) word = bits(seed, permutation, i / 32)
    sum += word & 1 ? differences[i] : -differences[i]
  }
  return sum
}

function mean(values: Float64Array): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length
}

/** Linear between the two nearest of the sorted values. */
function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1)
  const below = Math.floor(at)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (at - below) * (sorted[above] - sorted[below])
}
