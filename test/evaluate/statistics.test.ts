import { describe, expect, it } from 'vitest'
import { normal, uniform } from '../../src/data/random.ts'
import { bootstrap, signFlip } from '../../src/evaluate/statistics.ts'

const sample = (n: number, at: (i: number) => number) => Float64Array.from({ length: n }, (_, i) => at(i))

describe('bootstrap', () => {
  it('is as wide as the standard error says', () => {
    const n = 2000
    const values = sample(n, (i) => 3 + 2 * normal(1, 0, i))
    const mean = values.reduce((sum, x) => sum + x, 0) / n
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n)
    const interval = bootstrap(values)
    expect(interval.mean).toBeCloseTo(mean, 12)
    // The percentiles of 1,000 resamples are themselves uncertain by 3 % of the width
    expect((interval.high - interval.low) / ((2 * 1.96 * deviation) / Math.sqrt(n))).toBeCloseTo(1, 1)
    expect((interval.high + interval.low) / 2 - mean).toBeCloseTo(0, 1)
  })

  it('covers a known mean about nineteen times in twenty', () => {
    const trials = 300
    let covered = 0
    for (let trial = 0; trial < trials; trial++) {
      const { low, high } = bootstrap(
        sample(60, (i) => uniform(2, trial, i)),
        { seed: trial, resamples: 400 },
      )
      if (low <= 0.5 && 0.5 <= high) covered++
    }
    expect(covered / trials).toBeGreaterThan(0.95 - 0.05)
    expect(covered / trials).toBeLessThan(0.95 + 0.04)
  })

  it('spans all of two users, whose resamples are 0, ½ and 1', () => {
    expect(bootstrap(Float64Array.of(0, 1))).toEqual({ mean: 0.5, low: 0, high: 1 })
  })

  it('has no width where all users agree', () => {
    expect(bootstrap(new Float64Array(50).fill(0.25))).toEqual({ mean: 0.25, low: 0.25, high: 0.25 })
  })

  it('interpolates between resamples', () => {
    // Two resamples: the 2.5th percentile lies 2.5 % of the way from the lower mean to the higher
    const values = sample(7, (i) => i)
    const { low, high } = bootstrap(values, { seed: 4, resamples: 2 })
    const spread = (high - low) / 0.95
    const means = [low - 0.025 * spread, high + 0.025 * spread]
    expect(spread).toBeGreaterThan(0)
    for (const mean of means) expect(7 * mean).toBeCloseTo(Math.round(7 * mean), 9) // means of seven whole numbers
  })

  it('repeats itself for a seed and differs between seeds', () => {
    const values = sample(200, (i) => uniform(3, 0, i))
    expect(bootstrap(values, { seed: 7 })).toEqual(bootstrap(values, { seed: 7 }))
    expect(bootstrap(values)).toEqual(bootstrap(values, { seed: 1, resamples: 1000 }))
    expect(bootstrap(values, { seed: 7 }).low).not.toBe(bootstrap(values, { seed: 8 }).low)
  })

  it('refuses to average over nobody', () => {
    expect(() => bootstrap(new Float64Array(0))).toThrow(expect.objectContaining({ code: 'DATA' }))
  })
})

describe('signFlip', () => {
  const zeros = (n: number) => new Float64Array(n)

  it('counts the permutations as extreme as the observed one', () => {
    // Of the 8 ways to sign 1, 1, 1 only +++ and −−− reach ±3; 3 standard errors of 10,000 draws are .013
    const { difference, p } = signFlip(Float64Array.of(1, 1, 1), zeros(3))
    expect(difference).toBe(1)
    expect(Math.abs(p - 2 / 8)).toBeLessThan(0.013)
    expect(Math.abs(signFlip(zeros(9).fill(1), zeros(9)).p - 2 / 512)).toBeLessThan(0.002)
  })

  it('counts sums that are equal but for rounding', () => {
    // .1 + .1 + .1 − .1 is .20000000000000004 as summed; 10 of the 16 ways to sign reach .2, but 6 only exactly
    const { p } = signFlip(Float64Array.of(0.1, 0.1, 0.1, -0.1), zeros(4))
    expect(Math.abs(p - 10 / 16)).toBeLessThan(0.015)
  })

  it('uses more signs than one random word holds', () => {
    // 42 of 70 coins or more show the same side with probability .11961
    const a = sample(70, (i) => (i < 42 ? 1 : -1))
    expect(Math.abs(signFlip(a, zeros(70)).p - 0.11961)).toBeLessThan(0.01)
  })

  it('gives p spread evenly where there is no difference', () => {
    const trials = 400
    const ps = sample(
      trials,
      (trial) =>
        signFlip(
          sample(30, (i) => uniform(11, trial, i)),
          sample(30, (i) => uniform(12, trial, i)),
          { seed: trial, resamples: 199 },
        ).p,
    ).sort()
    const distance = Math.max(...ps.map((p, i) => Math.max(Math.abs(p - i / trials), Math.abs(p - (i + 1) / trials))))
    expect(distance).toBeLessThan(1.63 / Math.sqrt(trials)) // Kolmogorov and Smirnov, 1 %
  })

  it('gives a planted difference the smallest p there is', () => {
    const a = sample(500, (i) => normal(13, 0, i) + 0.5)
    const b = sample(500, (i) => normal(14, 0, i))
    const { difference, p } = signFlip(a, b)
    expect(difference).toBeGreaterThan(0.3)
    expect(p).toBe(1 / 10_001)
    expect(signFlip(b, a)).toEqual({ difference: -difference, p })
  })

  it('averages over all users, those who see no difference too', () => {
    expect(signFlip(Float64Array.of(1, 5, 5, 5), Float64Array.of(0, 5, 5, 5))).toEqual({ difference: 0.25, p: 1 })
  })

  it('gives equal models p = 1', () => {
    expect(signFlip(zeros(10), zeros(10))).toEqual({ difference: 0, p: 1 })
    expect(signFlip(zeros(0), zeros(0))).toEqual({ difference: 0, p: 1 })
  })

  it('refuses to pair different users', () => {
    expect(() => signFlip(zeros(3), zeros(4))).toThrow(
      expect.objectContaining({ code: 'SHAPE', message: 'a paired test got 3 and 4 users' }),
    )
  })
})
