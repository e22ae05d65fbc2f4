import type { Tensor } from '../tensor/tensor.ts'
import { timesUpstream } from './upstream.ts'

/**
 * Mean cross entropy over the whole catalogue: LSE_V(h · itemsᵀ) − h · items[target]. Computed in blocks together with its
 * gradients; the [T, V] logits never stand in memory.
 * @param h [T, D]
 * @param items [V, D]
 * @param targets i32 [T]
 * @param weights w of the rows, [T]: the mean is Σ w l / Σ w
 */
export function crossEntropy(h: Tensor, items: Tensor, targets: Tensor, weights?: Tensor): Tensor {
  return h.derive(
    'crossEntropy',
    (e) => e.crossEntropy(h.id, items.id, targets.id, weights?.id ?? 0),
    [h, items],
    (_, dy, e, gradients) => timesUpstream(gradients, dy, e), // [dh, ditems]
  )
}
