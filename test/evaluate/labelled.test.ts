import { describe, expect, it } from 'vitest'
import { labelledMetrics, scoreLabelled, shareBelow } from '../../src/evaluate/labelled.ts'
import { Tensor } from '../../src/tensor/tensor.ts'
import { loadReference } from '../engine/reference.ts'
import { servedCounts, smallSplit } from '../models/small.ts'

const user = (wanted: number[], unwanted: number[]) => ({ wanted: Float32Array.from(wanted), unwanted: Float32Array.from(unwanted) })

describe('metrics of labelled candidates', () => {
  it('are those worked out by hand', () => {
    // Pairs: 2 over 1 and 3, 0 over 0: of the pool 0 1 3, 2 is above two thirds and 0 above half of a third
    const { auc, gauc, logloss } = labelledMetrics([user([2], [1, 3]), user([0], [0])])
    expect(auc.mean).toBeCloseTo((2 / 3 + 1 / 6) / 2, 12)
    // Each user's own: 1/2 of three candidates, 1/2 of two
    expect(gauc.mean).toBe(1 / 2)
    const softplus = (x: number) => Math.log(1 + Math.exp(x))
    expect(logloss.mean).toBeCloseTo((softplus(-2) + softplus(1) + softplus(3) + 2 * softplus(0)) / 5, 6)
  })

  it('weigh users by their candidates, and turn round with the scores', () => {
    const users = [user([3, 1], [2, 0, -1]), user([1], [4])]
    const { auc, gauc } = labelledMetrics(users)
    expect(gauc.mean).toBeCloseTo(((5 / 6) * 5 + 0 * 2) / 7, 12)
    const turned = labelledMetrics(users.map(({ wanted, unwanted }) => user([...wanted.map((x) => -x)], [...unwanted.map((x) => -x)])))
    expect(turned.auc.mean).toBeCloseTo(1 - auc.mean, 12)
    expect(auc.low).toBeLessThanOrEqual(auc.mean)
    expect(auc.high).toBeGreaterThanOrEqual(auc.mean)
  })

  it('clip what is certain and wrong', () => {
    expect(labelledMetrics([user([-1e30], [1e30])]).logloss.mean).toBeCloseTo(-Math.log(1e-7), 6)
  })

  it.each([
    [2, 0.5],
    [1, 0.25],
    [0, 0],
    [9, 1],
  ])('%d is above the share %d of 1 1 3 3', (score, share) => {
    expect(shareBelow(Float32Array.of(1, 1, 3, 3), score)).toBe(score === 1 ? 0.25 : share)
  })
})

describe('labelled candidates of a split', () => {
  it('are what is wanted, and items that the user has not seen, the same for every model', () => {
    const engine = loadReference()
    const split = smallSplit([[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [1]], 12)
    /** Scores an item by its index. */
    const served = servedCounts(
      engine,
      ({ offsets }) => {
        const users = offsets.shape[0] - 1
        return Tensor.float32(
          engine,
          Float32Array.from({ length: users * 12 }, (_, i) => i % 12),
          [users, 12],
        )
      },
      split,
    )
    const scored = scoreLabelled(served, split, { ...split.test, users: split.test.users.slice(0, 2) }, 3)
    expect(scored.map(({ wanted }) => [...wanted])).toEqual([[4], [9]])
    for (const [u, { unwanted }] of scored.entries()) {
      expect(unwanted).toHaveLength(3)
      for (const item of unwanted) expect(u === 0 ? item > 4 : item < 5 || item > 9).toBe(true)
    }
    expect(scoreLabelled(served, split, { ...split.test, users: split.test.users.slice(0, 2) }, 3)).toEqual(scored)
  })
})
