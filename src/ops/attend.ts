import type { Engine, Id } from '../engine/engine.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { MaskKey } from './dropout.ts'

export interface AttendOptions {
  readonly heads: number
  /** The queries are the last rows of their segment, and see the keys up to their own; else all keys of the segment. */
  readonly causal: boolean
  /** SiLU(q · k + bias) / length in place of softmax(q · k / √(D/H) + bias), for a constant length: Zhai et al., ICML 2024. */
  readonly silu?: { readonly length: number }
  /** Biases by the place of the key less that of the query, [2 L − 1], shared by the heads; beyond the ends the outermost. */
  readonly places?: Tensor
  readonly times?: TimeBias
  /** Dropout on the weights of a softmax. */
  readonly dropout?: { readonly rate: number; readonly key: MaskKey }
}

/** Biases by the time between a query and a key, shared by the heads. */
export interface TimeBias {
  /** By bucket ⌊ln(max(1, |Δ|)) / .301⌋, [129]. */
  readonly table: Tensor
  /** Seconds of the queries, i32 [Q]. */
  readonly queries: Tensor
  /** Seconds of the keys, i32 [T]. */
  readonly keys: Tensor
}

/**
 * Attention in general within segments, by a softmax or by SiLU, with biases by place and time. Causal attention without biases
 * is faster by `attention`.
 * @param q queries [Q, D] at `queries` i32 [B + 1]
 * @param k keys [T, D] at `offsets` i32 [B + 1]
 * @param v values [T, D]
 * @returns [Q, D]
 */
export function attend(q: Tensor, k: Tensor, v: Tensor, queries: Tensor, offsets: Tensor, options: AttendOptions): Tensor {
  const { heads, causal, silu, places, times, dropout } = options
  const { seed, draw } = dropout?.key ?? { seed: 0, draw: 0 }
  const at = [queries.id, offsets.id] as const
  const biases = [places?.id ?? 0, times?.table.id ?? 0, times?.queries.id ?? 0, times?.keys.id ?? 0] as const
  const numbers = [heads, causal ? 1 : 0, silu?.length ?? 0, dropout?.rate ?? 0, seed, draw] as const
  return q.derive(
    'attend',
    (e) => e.attend(q.id, k.id, v.id, ...at, ...biases, ...numbers),
    [q, k, v, ...(places ? [places] : []), ...(times ? [times.table] : [])],
    (out, dout, e, [lse]) => {
      const gradients = Array.from(e.attendGradient(q.id, k.id, v.id, out, lse, dout, ...at, ...biases, ...numbers))
      return present(gradients, [true, true, true, places !== undefined, times !== undefined], e)
    },
  )
}

/** The gradients of what is there; the others are released. */
function present(gradients: readonly Id[], there: readonly boolean[], e: Engine): Id[] {
  gradients.forEach((id, i) => {
    if (!there[i]) e.release(id)
  })
  return gradients.filter((_, i) => there[i])
}
