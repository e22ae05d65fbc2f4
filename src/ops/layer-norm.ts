import type { Tensor } from '../tensor/tensor.ts'

/**
 * gain ⊙ (x − mean) / √(variance + epsilon) + bias along the last axis, population variance.
 * @param x [..., D]; gain and bias are [D]
 */
export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor, epsilon: number): Tensor {
  return x.derive(
    'layerNorm',
    (e) => e.layerNorm(x.id, gain.id, bias.id, epsilon),
    [x, gain, bias],
    (_, dy, e) => Array.from(e.layerNormGradient(x.id, gain.id, dy, epsilon)),
  )
}
