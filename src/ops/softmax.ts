import type { Tensor } from '../tensor/tensor.ts'

/**
 * Softmax along the last axis: y_i = exp(x_i) / Σ_j exp(x_j).
 * @param x scores, [..., D]
 * @returns weights of the same shape; each row sums to 1, a row of −∞ alone gives zeros
 */
export function softmax(x: Tensor): Tensor {
  return x.derive(
    'softmax',
    (e) => e.softmax(x.id),
    [x],
    (y, dy, e) => [e.softmaxGradient(y, dy)],
  ) // dx = y ⊙ (dy − Σ y ⊙ dy)
}
