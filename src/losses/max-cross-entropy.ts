import type { Tensor } from '../tensor/tensor.ts'
import { timesUpstream } from './upstream.ts'

/**
 * Cross entropy over the whole catalogue of events with K vectors each, every item scored by the best of them:
 * Σ w (LSE_i(max_k h_k · items_i) − max_k h_k · items[target]) / Σ w. It trains what serving does, a maximum over interests.
 * Computed in blocks together with its gradients; an item's flows to the vector that scores it, the first among equals.
 * @param h [T · K, D], the K vectors of an event one after the other
 * @param items [V, D]
 * @param targets i32 [T]
 * @param weights w of the events, [T]; without them all count the same
 */
export function maxCrossEntropy(h: Tensor, items: Tensor, targets: Tensor, interests: number, weights?: Tensor): Tensor {
  return h.derive(
    'maxCrossEntropy',
    (e) => e.maxCrossEntropy(h.id, items.id, targets.id, weights?.id ?? 0, interests),
    [h, items],
    (_, dy, e, gradients) => timesUpstream(gradients, dy, e), // [dh, ditems]
  )
}
