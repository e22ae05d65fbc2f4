import { describe, expect, it } from 'vitest'
import { bits, uniform } from '../../src/data/random.ts'
import { findTargets } from '../../src/evaluate/found.ts'
import type { Counts } from '../../src/models/adapters.ts'
import { Tensor } from '../../src/tensor/tensor.ts'
import { loadReference } from '../engine/reference.ts'
import { servedCounts, smallSplit } from '../models/small.ts'
import { rankOf } from './rank-of.ts'

const hitRate = (ranks: readonly number[]) => ranks.filter(Number.isFinite).length / ranks.length

/** Ranks of the users' last items, Infinity where they are not found, by a scorer that knows the first item of a history and nothing else. */
function ranked(users: readonly (readonly number[])[], V: number, scoreOf: (first: number) => Float32Array, k = 10): number[] {
  const engine = loadReference()
  const scores: Counts['scores'] = ({ items, offsets }) => {
    const [values, starts] = [items.int32(), offsets.int32()]
    const rows = Array.from(starts.subarray(0, -1), (start) => [...scoreOf(values[start])])
    return Tensor.float32(engine, Float32Array.from(rows.flat()), [rows.length, V])
  }
  const split = smallSplit(users, V)
  return findTargets(servedCounts(engine, scores, split), split, split.test, k).map(({ hits }) => hits[0] ?? Number.POSITIVE_INFINITY)
}

describe('ranks', () => {
  it('gives a constant scorer exactly the hit rate of chance', () => {
    const seen = [3, 4, 50, 99]
    const targets = Array.from({ length: 100 }, (_, item) => item).filter((item) => !seen.includes(item))
    const users = targets.map((target) => [...seen, target])
    const found = ranked(users, 100, () => new Float32Array(100).fill(0.5))
    expect(hitRate(found)).toBe(10 / 96)
  })

  it('gives random scores the hit rate of chance', () => {
    const users = Array.from({ length: 400 }, (_, u) => [u, 400, 401, bits(6, u, 0) % 400].map((item) => item % 400)).filter(
      (items) => new Set(items).size === 4,
    )
    const found = ranked(users, 400, (first) => Float32Array.from({ length: 400 }, (_, i) => uniform(5, first, i)), 100)
    const chance = 100 / 397
    expect(Math.abs(hitRate(found) - chance)).toBeLessThan(3 * Math.sqrt((chance * (1 - chance)) / users.length))
  })

  // Eight levels on forty items: most are tied
  const coarse = (first: number) => Float32Array.from({ length: 40 }, (_, i) => bits(3, first, i) % 8)
  const users = Array.from({ length: 300 }, (_, u) => Array.from({ length: 6 }, (_, i) => bits(4, u, i) % 40))

  it('agrees with the formula up to k, and is Infinity beyond it and for a target that was seen', () => {
    const expected = users.map((items) => rankOf(coarse(items[0]), items[5], items.slice(0, 5)))
    expect(expected.filter((rank) => rank === Number.POSITIVE_INFINITY).length).toBeGreaterThan(10)
    expect(ranked(users, 40, coarse)).toEqual(expected.map((rank) => (rank <= 10 ? rank : Number.POSITIVE_INFINITY)))
    expect(ranked(users, 40, coarse, 40)).toEqual(expected)
  })

  it('does not move when a constant is added to a user’s scores', () => {
    const shifted = (first: number) => coarse(first).map((score) => score + 64 * first)
    expect(ranked(users, 40, shifted)).toEqual(ranked(users, 40, coarse))
  })
})
