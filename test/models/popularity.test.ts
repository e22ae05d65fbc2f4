import { describe, expect, it } from 'vitest'
import type { EventRoles } from '../../src/data/interactions.ts'
import { countItems, popularity } from '../../src/models/popularity.ts'
import { targetWeights } from '../../src/models/target-weights.ts'
import { smallScorer, smallSplit } from './small.ts'

const int32 = (...values: number[]) => Int32Array.from(values)

describe('countItems', () => {
  it('counts the training rows of each user and not those after', () => {
    // Users 0 1 0 | 2, 1 1, none, 0 | 2
    const counts = countItems(int32(0, 1, 0, 2, 1, 1, 0, 2), int32(0, 4, 6, 6, 8), int32(3, 6, 6, 7), 4)
    expect([...counts]).toEqual([3, 3, 0, 0])
  })

  it('counts each row by its weight', () => {
    const weights = Float32Array.of(1, 0, 0.5, 1, 2, 0.25, 1, 1)
    expect([...countItems(int32(0, 1, 0, 2, 1, 1, 0, 2), int32(0, 4, 6, 6, 8), int32(3, 6, 6, 7), 4, weights)]).toEqual([2.5, 2.25, 0, 0])
  })

  it('counts nothing in an empty log', () => {
    expect([...countItems(int32(), int32(0), int32(), 2)]).toEqual([0, 0])
  })
})

describe('popularity', () => {
  // In the rows that train 0 stands three times, 1 twice, 2 once; the rest is held out
  const split = smallSplit(
    [
      [0, 1, 0, 3, 3],
      [1, 2, 0, 3, 3],
    ],
    4,
  )

  it('gives every user the training counts, whatever the history', () => {
    const { fit, score } = smallScorer(popularity(), 4)
    fit(split)
    expect(score([0, 1], [], [3])).toEqual([
      [3, 2, 1, 0],
      [3, 2, 1, 0],
      [3, 2, 1, 0],
    ])
    expect(score()).toEqual([])
  })

  it('scores from saved values as it did when fitted', () => {
    const fitted = smallScorer(popularity(), 4)
    fitted.fit(split)
    const loaded = smallScorer(popularity(), 4, { artefact: 'a', tensors: fitted.variables.values() })
    expect(loaded.score([1])).toEqual([[3, 2, 1, 0]])
  })

  it('has nothing to say before it is fitted, and nothing to set', () => {
    expect(() => smallScorer(popularity(), 4).score([0])).toThrow(expect.objectContaining({ code: 'ARTEFACT' }))
    expect(Object.keys(popularity.definition.fields)).toEqual([])
  })
})

describe('targetWeights', () => {
  const { log } = smallSplit([[0, 1, 2, 3]], 4)
  const withEvents = { ...log, events: int32(0, 1, 2, 0), eventNames: ['view', 'basket', 'buy'] }

  it('is absent where every row is a target', () => {
    expect(targetWeights(log)).toBeUndefined()
    expect(targetWeights(withEvents)).toBeUndefined()
  })

  it('is 0 for what is no target, else the weight of the event type', () => {
    const weighed = (roles: EventRoles) => [...(targetWeights({ ...withEvents, roles }) ?? [])]
    expect(weighed({ target: ['buy'] })).toEqual([0, 0, 1, 0])
    expect(weighed({ weight: { view: 0.25, buy: 3 } })).toEqual([0.25, 1, 3, 0.25])
    expect(weighed({ target: ['basket', 'buy'], weight: { view: 0.25, buy: 3 } })).toEqual([0, 1, 3, 0])
  })
})
