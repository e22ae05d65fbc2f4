import type { Id } from '../engine/engine.ts'
import { gather } from '../ops/table.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { timesUpstream } from './upstream.ts'

/**
 * What a loss over drawn negatives takes besides. With `logQ` alone the target stays uncorrected: it is always among the
 * candidates (Khrylchenko et al., RecSys 2025); Yi et al. (RecSys 2019) correct it too.
 */
export interface SampledOptions {
  /** ln q of the drawn negatives, subtracted from their logits, of the shape of `drawn`. */
  readonly logQ?: Tensor
  /** ln q of the targets, [T]. */
  readonly targetLogQ?: Tensor
  /** Weights w of the rows, [T]: the mean is Σ w l / Σ w. */
  readonly weights?: Tensor
}

/** The ids of the options, 0 for none: [logQ, targetLogQ, weights]. */
export const termsOf = ({ logQ, targetLogQ, weights }: SampledOptions): [Id, Id, Id] => [
  logQ?.id ?? 0,
  targetLogQ?.id ?? 0,
  weights?.id ?? 0,
]

/**
 * Mean cross entropy over each row's target and negatives that all rows share; a negative that is a row's target is left
 * out of that row.
 * @param h [T, D]
 * @param items [V, D]
 * @param targets i32 [T]
 * @param drawn negatives, i32 [N]
 */
export function sampledSoftmax(h: Tensor, items: Tensor, targets: Tensor, drawn: Tensor, options: SampledOptions = {}): Tensor {
  const positives = gather(items, targets) // [T, D]
  const negatives = gather(items, drawn) // [N, D]
  return h.derive(
    'sampledSoftmax',
    (e) => e.sampledSoftmax(h.id, positives.id, negatives.id, targets.id, drawn.id, ...termsOf(options)),
    [h, positives, negatives],
    (_, dy, e, gradients) => timesUpstream(gradients, dy, e),
  )
}

/**
 * The same over negatives of each row's own.
 * @param drawn the negatives of one row after those of the other, i32 [T · N]
 */
export function rowSampledSoftmax(h: Tensor, items: Tensor, targets: Tensor, drawn: Tensor, options: SampledOptions = {}): Tensor {
  const positives = gather(items, targets) // [T, D]
  const negatives = gather(items, drawn) // [T · N, D]
  return h.derive(
    'rowSampledSoftmax',
    (e) => e.rowSampledSoftmax(h.id, positives.id, negatives.id, targets.id, drawn.id, ...termsOf(options)),
    [h, positives, negatives],
    (_, dy, e, gradients) => timesUpstream(gradients, dy, e),
  )
}
