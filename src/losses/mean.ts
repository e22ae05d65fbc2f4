import { multiply, scale } from '../ops/elementwise.ts'
import { linear } from '../ops/product.ts'
import { sum } from '../ops/reduce.ts'
import { Tensor } from '../tensor/tensor.ts'

/**
 * Σ w l / Σ w over losses of one shape with their weights; 0 where there is no weight, and the mean where none are given.
 * @param losses any shape
 * @param weights as many numbers, none negative
 */
export function weightedMean(losses: Tensor, weights?: Tensor): Tensor {
  const { engine, shape } = losses
  const w = weights?.float32()
  const count = shape.reduce((product, extent) => product * extent, 1)
  const total = totalWeight(weights, count)
  const weighted = w ? multiply(losses, Tensor.float32(engine, w, shape)) : losses
  return scale(sum(weighted), total === 0 ? 0 : 1 / total)
}

/** Σ w; the number of losses where no weights are given: what a mean is a mean over. */
export function totalWeight(weights: Tensor | undefined, count: number): number {
  return weights ? weights.float32().reduce((sum, w) => sum + w, 0) : count
}

/** Σ over the columns of [T, N] → [T, 1]. */
export function sumColumns(x: Tensor): Tensor {
  const [, columns] = x.shape
  return linear(x, Tensor.float32(x.engine, new Float32Array(columns).fill(1), [columns, 1]))
}
