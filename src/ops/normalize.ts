import type { Tensor } from '../tensor/tensor.ts'

/** Rows of [..., D] divided by their Euclidean norm, floored at 1e-6. */
export function normalize(x: Tensor): Tensor {
  return x.derive(
    'normalize',
    (e) => e.normalize(x.id),
    [x],
    (_, dy, e) => [e.normalizeGradient(x.id, dy)],
  )
}
