import { gather } from '../ops/table.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { timesUpstream } from './upstream.ts'

/**
 * Mean cross entropy over each row's target and negatives that all rows share; a negative that is a row's target is left
 * out of that row.
 * @param h [T, D]
 * @param items [V, D]
 * @param targets i32 [T]
 * @param drawn negatives, i32 [N]
 */
export function sampledSoftmax(h: Tensor, items: Tensor, targets: Tensor, drawn: Tensor): Tensor {
  const positives = gather(items, targets) // [T, D]
  const negatives = gather(items, drawn) // [N, D]
  return h.derive(
    'sampledSoftmax',
    (e) => e.sampledSoftmax(h.id, positives.id, negatives.id, targets.id, drawn.id),
    [h, positives, negatives],
    (_, dy, e, gradients) => timesUpstream(gradients, dy, e),
  )
}
