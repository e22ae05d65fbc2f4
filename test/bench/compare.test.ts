import { describe, expect, it } from 'vitest'
import { sameLosses, sameNumbers, sameTop } from '../../bench/compare.ts'

const top = (items: string[], scores: number[]) => ({ items: [items], scores: [scores] })

describe('what the benches compare', () => {
  const sides = ['foci', 'peer']

  it('takes lists with the same items and scores', () => {
    expect(sameTop([top(['a', 'b'], [2, 1]), top(['a', 'b'], [2.0001, 1])], sides)).toEqual([])
  })

  it('refuses another score, other items and lists of another length', () => {
    const list = top(['a', 'b'], [2, 1])
    expect(sameTop([list, top(['a', 'b'], [2, 1.001])], sides)).toEqual(['foci and peer: the scores at place 1 are 1 and 1.001'])
    expect(sameTop([list, top(['b', 'a'], [2, 1])], sides)).toEqual(['foci and peer: 2 of 2 places hold different items'])
    expect(sameTop([list, top(['a'], [2])], sides)).toEqual(['foci and peer: 2 and 1 places'])
    expect(sameTop([list, top(['a', 'b'], [2, Number.NaN])], sides)).toHaveLength(1)
    expect(sameTop([top([], []), top([], [])], sides)).toHaveLength(1)
  })

  it('lets one place in a hundred hold near ties in another order', () => {
    const items = Array.from({ length: 200 }, (_, i) => `item-${i}`)
    const flat = items.map(() => 1)
    const swapped = ['item-1', 'item-0', ...items.slice(2)]
    expect(sameTop([top(items, flat), top(swapped, flat)], sides)).toEqual([])
    expect(sameTop([top(items, flat), top([...swapped.slice(0, 2), 'item-3', ...swapped.slice(3)], flat)], sides)).toHaveLength(1)
  })

  it('lets a side without an answer be, but not the first', () => {
    expect(sameTop([top(['a'], [1]), null], sides)).toEqual([])
    expect(sameTop([null, top(['a'], [1])], sides)).toEqual(['foci gave no answer'])
  })

  it('compares losses within a share of the first side’s', () => {
    expect(
      sameLosses(
        [
          [8, 4],
          [8.04, 4],
        ],
        sides,
        () => 0.01,
      ),
    ).toEqual([])
    expect(
      sameLosses(
        [
          [8, 4],
          [8.09, 4],
        ],
        sides,
        () => 0.01,
      ),
    ).toEqual(['the losses of foci and peer are 8, 4 and 8.09, 4'])
    expect(sameLosses([[8, 4], [8]], sides, () => 0.01)).toHaveLength(1)
    expect(sameLosses([[8], [Number.NaN]], sides, () => 0.01)).toHaveLength(1)
  })

  it('compares numbers within f32, and bf16 within its own', () => {
    expect(
      sameNumbers(
        [
          [100, 0],
          [100.005, 0.005],
        ],
        sides,
      ),
    ).toEqual([])
    expect(
      sameNumbers(
        [
          [100, 0],
          [100, 0.02],
        ],
        sides,
      ),
    ).toEqual(['number 1 of foci is 0 and of peer 0.02'])
    expect(
      sameNumbers(
        [
          [100, 0],
          [104, 0],
        ],
        ['foci', 'peer bfloat16'],
      ),
    ).toEqual([])
  })
})
