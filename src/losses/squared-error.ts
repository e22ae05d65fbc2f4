import { add, multiply, scale } from '../ops/elementwise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { weightedMean } from './mean.ts'

/**
 * Σ w (x − y)² / Σ w.
 * @param x predictions, any shape
 * @param y what they should be, of the same shape
 * @param weights w, as many
 */
export function squaredError(x: Tensor, y: Tensor, weights?: Tensor): Tensor {
  const difference = add(x, scale(y, -1))
  return weightedMean(multiply(difference, difference), weights)
}
