import { describe, expect, it } from 'vitest'
import { Bits } from '../../src/recommend/bits.ts'

const upTo = (size: number): number[] => Array.from({ length: size }, (_, i) => i)

describe('bits', () => {
  it.each([1, 31, 32, 33, 64, 65])('of %i items are no mask where all are in, and one where any is not', (size) => {
    expect(Bits.of(size, upTo(size)).mask).toBeUndefined()
    for (const missing of [0, size - 1]) {
      const bits = Bits.of(
        size,
        upTo(size).filter((i) => i !== missing),
      )
      expect(bits.mask).toBe(bits.words)
      expect(upTo(size).filter((i) => !bits.has(i))).toEqual([missing])
    }
  })

  it('are in an intersection where both have them', () => {
    const [all, some, others] = [upTo(40), [1, 35, 39], [0, 35, 39]].map((items) => Bits.of(40, items))
    const among = (bits: Bits): number[] => upTo(40).filter((i) => bits.has(i))
    expect(among(some.and(others))).toEqual([35, 39])
    expect([all.and(some), some.and(all)].map(among)).toEqual([
      [1, 35, 39],
      [1, 35, 39],
    ])
    expect(all.and(all).full).toBe(true)
    expect(some.and(others).full).toBe(false)
  })
})
