import { describe, expect, it } from 'vitest'
import { bce, gbce, gbceBeta } from '../../src/losses/bce.ts'
import { bpr } from '../../src/losses/bpr.ts'
import { squaredError } from '../../src/losses/squared-error.ts'
import { scale } from '../../src/ops/elementwise.ts'
import { expectGradients, listOn, onReference } from './gradients.ts'

const softplus = (x: number): number => Math.log1p(Math.exp(x))
const thrice = (x: Parameters<typeof scale>[0]) => scale(x, 3)

describe('gbce', () => {
  it('is .46531473 for a positive at 1, negatives at −.5 and .25, and β = .3062225', () => {
    onReference((matrix) => expect(gbce(matrix([1]), matrix([-0.5, 0.25]), 0.3062225).value()).toBeCloseTo(0.46531473, 7))
  })

  it('has the published values of β', () => {
    expect(gbceBeta(256, 3_416, 1)).toBeCloseTo(0.0749634, 6) // α: calibrated
    expect(gbceBeta(256, 3_416, 0)).toBeCloseTo(1, 12) // plain BCE
    expect(gbceBeta(256, 3_416, 0.75)).toBeCloseTo(0.3062225, 6)
    expect(gbceBeta(256, 12_101, 0.75)).toBeCloseTo(0.2658678, 6)
  })

  it('takes rows by their weights', () => {
    onReference((matrix) => {
      const [positive, negative] = [matrix([1], [-2]), matrix([0.5, -1], [3, 4])]
      const first = (0.7 * softplus(-1) + softplus(0.5) + softplus(-1)) / 3
      const second = (0.7 * softplus(2) + softplus(3) + softplus(4)) / 3
      expect(gbce(positive, negative, 0.7, listOn(positive, 3, 1)).value()).toBeCloseTo((3 * first + second) / 4, 6)
      expect(gbce(positive, negative, 0.7, listOn(positive, 0, 0)).value()).toBe(0)
    })
  })

  it('has the gradient of its central differences', () => {
    expectGradients(
      [
        [3, 1],
        [3, 4],
      ],
      (positive, negative) => gbce(positive, negative, 0.3, listOn(positive, 1, 0, 2)),
      thrice,
    )
  })
})

describe('bce', () => {
  it('is −ln of the probability of each label', () => {
    onReference((matrix) => {
      // σ(ln 3) = 3/4
      const logits = listOn(matrix([0]), Math.log(3), Math.log(3))
      expect(bce(logits, listOn(logits, 1, 0)).value()).toBeCloseTo((Math.log(4 / 3) + Math.log(4)) / 2, 6)
      expect(bce(logits, listOn(logits, 1, 0), listOn(logits, 0, 5)).value()).toBeCloseTo(Math.log(4), 6)
    })
  })

  it('stays finite far out', () => {
    onReference((matrix) => {
      const logits = listOn(matrix([0]), 500, -500)
      expect(bce(logits, listOn(logits, 1, 0)).value()).toBe(0)
      expect(bce(logits, listOn(logits, 0, 1)).value()).toBe(500)
    })
  })

  it('has the gradient of its central differences', () => {
    expectGradients([[4]], (x) => bce(x, listOn(x, 1, 0, 0.3, 1), listOn(x, 1, 2, 0, 3)), thrice)
    expectGradients([[4]], (x) => bce(x, listOn(x, 1, 0, 0.3, 1)))
  })
})

describe('bpr', () => {
  it('is −ln σ(s⁺ − s⁻), a mean over negatives and rows', () => {
    onReference((matrix) => {
      // Differences ln 3, 0 and −ln 3 · 2, 0
      const [positive, negative] = [matrix([Math.log(3)], [0]), matrix([0, Math.log(3)], [2 * Math.log(3), 0])]
      const [first, second] = [(Math.log(4 / 3) + Math.LN2) / 2, (Math.log(10) + Math.LN2) / 2]
      expect(bpr(positive, negative).value()).toBeCloseTo((first + second) / 2, 6)
      expect(bpr(positive, negative, listOn(positive, 1, 3)).value()).toBeCloseTo((first + 3 * second) / 4, 6)
    })
  })

  it('has the gradient of its central differences', () => {
    expectGradients(
      [
        [3, 1],
        [3, 2],
      ],
      (positive, negative) => bpr(positive, negative, listOn(positive, 1, 0, 2)),
      thrice,
    )
  })
})

describe('squaredError', () => {
  it('is a mean by weights', () => {
    onReference((matrix) => {
      const [x, y] = [matrix([1, 5]), matrix([3, 4])]
      expect(squaredError(x, y).value()).toBe(5 / 2)
      expect(squaredError(x, y, listOn(x, 3, 1)).value()).toBe((3 * 4 + 1) / 4)
      expect(squaredError(x, y, listOn(x, 0, 0)).value()).toBe(0)
    })
  })

  it('has the gradient of its central differences', () => {
    expectGradients(
      [
        [2, 3],
        [2, 3],
      ],
      (x, y) => squaredError(x, y, listOn(x, 1, 2, 0, 1, 1, 4)),
      thrice,
    )
  })
})
