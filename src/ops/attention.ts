import type { Tensor } from '../tensor/tensor.ts'
import type { MaskKey } from './dropout.ts'

export interface AttentionOptions {
  readonly heads: number
  /** Dropout on the weights. */
  readonly rate: number
  readonly key: MaskKey
}

/**
 * Causal multi-head attention within segments, softmax(q kᵀ / √(D/H)) v, never materialised.
 * @param q queries [Q, D] at `queries` i32 [B + 1]: the last rows of each segment, or all of them
 * @param k keys [T, D] at `offsets` i32 [B + 1]
 * @param v values [T, D]
 * @returns [Q, D]
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, queries: Tensor, offsets: Tensor, options: AttentionOptions): Tensor {
  const { heads, rate } = options
  const { seed, draw } = options.key
  return q.derive(
    'attention',
    (e) => e.attention(q.id, k.id, v.id, queries.id, offsets.id, heads, rate, seed, draw),
    [q, k, v],
    (out, dout, e, [lse]) =>
      Array.from(e.attentionGradient(q.id, k.id, v.id, out, lse, dout, queries.id, offsets.id, heads, rate, seed, draw)),
  )
}
