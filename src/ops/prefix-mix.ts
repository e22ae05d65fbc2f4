import type { Tensor } from '../tensor/tensor.ts'

/**
 * Softmax pooling of every prefix of a segment, out[t, k] = Σ_{s ≤ t} e^{l_sk} x_s / Σ_{s ≤ t} e^{l_sk}: K attention heads whose
 * logits do not depend on who asks, at every event in one scan.
 * @param logits [T, K]
 * @param x [T, D]
 * @param offsets i32 [B + 1]
 * @returns [T, K, D]
 */
export function prefixMix(logits: Tensor, x: Tensor, offsets: Tensor): Tensor {
  return logits.derive(
    'prefixMix',
    (e) => e.prefixMix(logits.id, x.id, offsets.id),
    [logits, x],
    (out, dout, e, [lse]) => Array.from(e.prefixMixGradient(logits.id, x.id, out, lse, dout, offsets.id)),
  )
}
