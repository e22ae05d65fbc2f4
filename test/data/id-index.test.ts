import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { indexOfIds } from '../../src/data/id-index.ts'

describe('indexOfIds', () => {
  it('finds what a map finds', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 12 })), fc.array(fc.string({ maxLength: 3 })), (ids, others) => {
        const [indexOf, map] = [indexOfIds(ids), new Map(ids.map((id, i) => [id, i]))]
        for (const id of [...ids, ...others]) expect(indexOf(id)).toBe(map.get(id) ?? -1)
      }),
    )
  })

  it.each([
    ['numbers', (i: number) => String(i)],
    ['long ids that differ in the middle', (i: number) => `https://shop.example/${i}/a-page-for-everybody`],
    ['ids that share a hash', (i: number) => Array.from({ length: 12 }, (_, bit) => ((i >> bit) & 1 ? 'Aa' : 'BB')).join('')],
  ])('finds each of 4,096 %s', (_, idOf) => {
    const ids = Array.from({ length: 4096 }, (_, i) => idOf(i))
    const indexOf = indexOfIds(ids)
    expect(ids.map((id) => indexOf(id))).toEqual(Array.from(ids.keys()))
    expect(indexOf('nothing')).toBe(-1)
  })

  it('finds nothing among nothing', () => {
    expect(indexOfIds([])('item')).toBe(-1)
  })
})
