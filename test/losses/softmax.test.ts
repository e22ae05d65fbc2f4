import { describe, expect, it } from 'vitest'
import { crossEntropy } from '../../src/losses/cross-entropy.ts'
import { maxCrossEntropy } from '../../src/losses/max-cross-entropy.ts'
import { maxSampledSoftmax } from '../../src/losses/max-sampled-softmax.ts'
import { rowSampledSoftmax, sampledSoftmax } from '../../src/losses/sampled-softmax.ts'
import { scale } from '../../src/ops/elementwise.ts'
import { chosenInterests } from '../../src/ops/interests.ts'
import { rowInner } from '../../src/ops/row-inner.ts'
import { gather } from '../../src/ops/table.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { Tensor as T } from '../../src/tensor/tensor.ts'
import { expectGradients, listOn, onReference } from './gradients.ts'

const thrice = (x: Tensor): Tensor => scale(x, 3)
const ids = (x: Tensor, ...values: number[]): Tensor => T.int32(x.engine, Int32Array.from(values))

/** Two events of two vectors, and four items. */
const H = [
  [1, 0],
  [0, 2],
  [-1, 1],
  [0.5, 0.5],
]
const ITEMS = [
  [1, -1],
  [0, 1],
  [2, 0],
  [-1, -2],
]

describe('sampledSoftmax', () => {
  it('is the full cross entropy over all items drawn once with q = 1 / V', () => {
    onReference((matrix, ints) => {
      const [h, items, targets, drawn] = [matrix([1, 2], [-1, 0.5]), matrix(...ITEMS), ints(2, 0), ints(0, 1, 2, 3)]
      const logQ = listOn(h, ...Array<number>(4).fill(Math.log(4 * (1 / 4)))) // of N q, one draw expected
      expect(sampledSoftmax(h, items, targets, drawn, { logQ }).value()).toBeCloseTo(crossEntropy(h, items, targets).value(), 6)
    })
  })

  it('does not change where all corrections move together', () => {
    onReference((matrix, ints) => {
      const [h, items, targets, drawn] = [matrix([1, 2], [-1, 0.5]), matrix(...ITEMS), ints(2, 0), ints(1, 3, 0)]
      const loss = (by: number) =>
        sampledSoftmax(h, items, targets, drawn, { logQ: listOn(h, by - 1, by, by + 2), targetLogQ: listOn(h, by, by + 1) }).value()
      expect(loss(5)).toBeCloseTo(loss(0), 6)
    })
  })

  it('has the gradient of its central differences', () => {
    expectGradients(
      [
        [3, 2],
        [4, 2],
      ],
      (h, items) =>
        sampledSoftmax(h, items, ids(h, 1, 0, 3), ids(h, 0, 2, 2), { logQ: listOn(h, 1, -1, 0.5), weights: listOn(h, 1, 0, 2) }),
      thrice,
    )
  })
})

describe('rowSampledSoftmax', () => {
  it('is sampledSoftmax where all rows have the same negatives', () => {
    onReference((matrix, ints) => {
      const [h, items, targets] = [matrix([1, 2], [-1, 0.5]), matrix(...ITEMS), ints(2, 0)]
      const weights = listOn(h, 1, 3)
      const own = rowSampledSoftmax(h, items, targets, ints(1, 0, 3, 1, 0, 3), { weights })
      expect(own.value()).toBeCloseTo(sampledSoftmax(h, items, targets, ints(1, 0, 3), { weights }).value(), 6)
    })
  })

  it('has the gradient of its central differences', () => {
    expectGradients(
      [
        [2, 2],
        [4, 2],
      ],
      (h, items) =>
        rowSampledSoftmax(h, items, ids(h, 1, 0), ids(h, 0, 2, 2, 0), { logQ: listOn(h, 1, -1, 0.5, 0), weights: listOn(h, 1, 2) }),
      thrice,
    )
  })
})

describe('maxCrossEntropy', () => {
  it('is crossEntropy of one vector, and of several that are alike', () => {
    onReference((matrix, ints) => {
      const [items, targets] = [matrix(...ITEMS), ints(2, 0)]
      const expected = crossEntropy(matrix([1, 2], [-1, 0.5]), items, targets).value()
      expect(maxCrossEntropy(matrix([1, 2], [-1, 0.5]), items, targets, 1).value()).toBeCloseTo(expected, 6)
      expect(maxCrossEntropy(matrix([1, 2], [1, 2], [-1, 0.5], [-1, 0.5]), items, targets, 2).value()).toBeCloseTo(expected, 6)
    })
  })

  it('has the gradient of its central differences', () => {
    expectGradients(
      [
        [6, 2],
        [4, 2],
      ],
      (h, items) => maxCrossEntropy(h, items, ids(h, 1, 0, 3), 2, listOn(h, 1, 0, 2)),
      thrice,
    )
    expectGradients(
      [
        [6, 2],
        [4, 2],
      ],
      (h, items) => maxSampledSoftmax(h, items, ids(h, 1, 0, 3), ids(h, 0, 2, 2), 2, { targetLogQ: listOn(h, 0, 1, 2) }),
      thrice,
    )
  })
})

describe('chosenInterests', () => {
  it('takes the vector that scores the target best, for any loss', () => {
    onReference((matrix, ints) => {
      const [h, items, targets] = [matrix(...H), matrix(...ITEMS), ints(1, 2)]
      // Item 1 is scored 0 and 2, item 2 is scored −2 and 1: the second vectors
      const chosen = chosenInterests(h, gather(items, targets))
      expect(Array.from(chosen.float32())).toEqual([0, 2, 0.5, 0.5])
    })
  })

  it('has a gradient for the vectors that it takes', () => {
    expectGradients(
      [
        [6, 2],
        [4, 2],
      ],
      (h, items) => crossEntropy(chosenInterests(h, gather(items, ids(h, 1, 0, 3))), items, ids(h, 1, 0, 3)),
    )
  })
})

describe('rowInner', () => {
  it('has the gradient of its central differences', () => {
    expectGradients(
      [
        [2, 3],
        [4, 3],
      ],
      (h, own) => crossEntropy(rowInner(h, own), T.float32(h.engine, Float32Array.of(1, 2, 3, 4), [2, 2]), ids(h, 0, 1)),
    )
  })
})
