import { describe, expect, it } from 'vitest'
import { bits, integers, mix, normal, seedOf, uniform } from '../../src/data/random.ts'

const N = 100_000
const draws = (f: (i: number) => number): number[] => Array.from({ length: N }, (_, i) => f(i))
const mean = (x: number[]): number => x.reduce((sum, value) => sum + value, 0) / x.length
const moment = (x: number[], power: number): number => mean(x.map((value) => value ** power))

/** Σ (observed − expected)² / expected, which has as many degrees of freedom as there are cells, less one. */
function chiSquare(x: number[], cells: number): number {
  const counts = new Float64Array(cells)
  for (const value of x) counts[value]++
  return counts.reduce((sum, count) => sum + (count - N / cells) ** 2 / (N / cells), 0)
}
/** Five standard deviations above the mean: a chi-square of n degrees has mean n and variance 2n. */
const chiSquareBound = (cells: number): number => cells - 1 + 5 * Math.sqrt(2 * (cells - 1))

describe('known values', () => {
  // Worked out with integers of unbounded size, reduced modulo 2³² after each step
  it('mixes', () => {
    expect([0, 1, 2, 0xffffffff, 0x80000000].map(mix)).toEqual([0, 0x688990c0, 0xd1132181, 0x6768824a, 0xcc4b4124])
  })

  it('gives the bits of a seed, a draw and an index, up to the largest u32', () => {
    expect(bits(0, 0, 0)).toBe(0x79646377)
    expect(bits(1, 2, 3)).toBe(0x67e81b76)
    expect(bits(7, 0, 1)).toBe(0x5e4abc30)
    expect(bits(2 ** 31, 5, (65536 * 70000) % 2 ** 32)).toBe(0xb6be3623)
    expect(bits(0xffffffff, 0xffffffff, 0xffffffff)).toBe(0xf84c34e5)
  })

  it('takes arguments modulo 2³², as the kernels do', () => {
    expect(bits(2 ** 31, 5, 65536 * 70000)).toBe(0xb6be3623)
    expect(bits(-1, -1, -1)).toBe(0xf84c34e5)
  })

  it('hashes a seed and a name in any script', () => {
    expect(seedOf(1, '')).toBe(0x9f505634)
    expect(seedOf(1, 'item')).toBe(0xf492833b)
    expect(seedOf(2, 'item')).toBe(0x59154998)
    expect(seedOf(1, 'élan')).toBe(0x3a07f71f)
  })

  it('scales bits to the unit interval', () => {
    expect(uniform(1, 2, 3)).toBe(0x67e81b76 / 2 ** 32)
  })
})

describe('uniform', () => {
  const x = draws((i) => uniform(1, 0, i))

  it('has mean 1/2 and variance 1/12', () => {
    expect(Math.abs(mean(x) - 1 / 2)).toBeLessThan(5 / Math.sqrt(12 * N)) // the standard error is σ/√N, σ² = 1/12
    expect(Math.abs(moment(x, 2) - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / N)) // Var u² = 1/5 − 1/9 = 4/45
    expect(Math.min(...x.slice(0, 1000))).toBeGreaterThanOrEqual(0)
    expect(Math.max(...x.slice(0, 1000))).toBeLessThan(1)
  })

  it('fills cells evenly, by the high bits and by the low ones', () => {
    const high = draws((i) => bits(1, 0, i) >>> 24)
    const low = draws((i) => bits(1, 0, i) & 255)
    expect(chiSquare(high, 256)).toBeLessThan(chiSquareBound(256))
    expect(chiSquare(low, 256)).toBeLessThan(chiSquareBound(256))
  })

  it.each([
    ['indices', (i: number) => uniform(1, 0, i), (i: number) => uniform(1, 0, i + 1)],
    ['draws', (i: number) => uniform(1, 0, i), (i: number) => uniform(1, 1, i)],
    ['seeds', (i: number) => uniform(1, 0, i), (i: number) => uniform(2, 0, i)],
    ['indices where the draw counts', (i: number) => uniform(1, i, 0), (i: number) => uniform(1, i + 1, 0)],
    ['rows of 65536', (i: number) => uniform(1, 0, i), (i: number) => uniform(1, 0, i + 65536)],
  ])('does not correlate neighbouring %s', (_, a, b) => {
    const correlation = mean(draws((i) => (a(i) - 0.5) * (b(i) - 0.5))) * 12
    expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(N)) // an independent pair has standard error 1/√N
  })
})

describe('normal', () => {
  const x = draws((i) => normal(3, 0, i))

  it('has the moments of a standard normal: 0, 1, 0, 3', () => {
    // Var xᵏ of a standard normal: 1, 2, 15, 96
    expect(Math.abs(mean(x))).toBeLessThan(5 * Math.sqrt(1 / N))
    expect(Math.abs(moment(x, 2) - 1)).toBeLessThan(5 * Math.sqrt(2 / N))
    expect(Math.abs(moment(x, 3))).toBeLessThan(5 * Math.sqrt(15 / N))
    expect(Math.abs(moment(x, 4) - 3)).toBeLessThan(5 * Math.sqrt(96 / N))
  })

  it('does not correlate neighbours', () => {
    expect(Math.abs(mean(draws((i) => normal(3, 0, i) * normal(3, 0, i + 1))))).toBeLessThan(5 / Math.sqrt(N))
  })
})

describe('integers', () => {
  it('are even over a bound that divides nothing', () => {
    const x = [...integers(N, 101, 5, 2)]
    expect(x.every((value) => Number.isInteger(value) && value >= 0 && value < 101)).toBe(true)
    expect(chiSquare(x, 101)).toBeLessThan(chiSquareBound(101))
  })

  it('of a longer list begin with those of a shorter one', () => {
    expect(integers(20, 1000, 5, 2).slice(0, 7)).toEqual(integers(7, 1000, 5, 2))
    expect(integers(0, 1000, 5, 2)).toEqual(new Int32Array(0))
  })
})
