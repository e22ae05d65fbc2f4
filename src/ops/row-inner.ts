import type { Tensor } from '../tensor/tensor.ts'

/**
 * Each row against rows of its own, y[t, n] = h_t · own_tn.
 * @param h [T, D]
 * @param own [T · N, D], the N rows of t one after the other
 * @returns [T, N]
 */
export function rowInner(h: Tensor, own: Tensor): Tensor {
  return h.derive(
    'rowInner',
    (e) => e.rowInner(h.id, own.id),
    [h, own],
    (_, dy, e) => Array.from(e.rowInnerGradient(h.id, own.id, dy)),
  )
}
