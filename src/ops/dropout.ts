import type { Tensor } from '../tensor/tensor.ts'

/** Names one random mask: it is the same wherever and whenever it is drawn. Both are u32. */
export interface MaskKey {
  readonly seed: number
  readonly draw: number
}

/** Zeroes each element with probability `rate` and scales the rest by 1 / (1 − rate). */
export function dropout(x: Tensor, rate: number, { seed, draw }: MaskKey): Tensor {
  return x.derive(
    'dropout',
    (e) => e.dropout(x.id, rate, seed, draw),
    [x],
    (_, dy, e) => [e.dropout(dy, rate, seed, draw)],
  )
}
