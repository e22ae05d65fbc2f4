import { gather } from '../ops/table.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { type SampledOptions, termsOf } from './sampled-softmax.ts'
import { timesUpstream } from './upstream.ts'

/**
 * Cross entropy over each event's target and negatives that all events share, every item scored by the best of an event's K
 * vectors; a negative that is an event's target is left out there.
 * @param h [T · K, D], the K vectors of an event one after the other
 * @param items [V, D]
 * @param targets i32 [T]
 * @param drawn negatives, i32 [N]
 */
export function maxSampledSoftmax(
  h: Tensor,
  items: Tensor,
  targets: Tensor,
  drawn: Tensor,
  interests: number,
  options: SampledOptions = {},
): Tensor {
  const positives = gather(items, targets) // [T, D]
  const negatives = gather(items, drawn) // [N, D]
  return h.derive(
    'maxSampledSoftmax',
    (e) => e.maxSampledSoftmax(h.id, positives.id, negatives.id, targets.id, drawn.id, ...termsOf(options), interests),
    [h, positives, negatives],
    (_, dy, e, gradients) => timesUpstream(gradients, dy, e),
  )
}
