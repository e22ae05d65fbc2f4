import { Tensor } from '../tensor/tensor.ts'
import { gather } from './table.ts'

/**
 * The vector of each event that scores its item best, the first among equals: training by the target's choice, as in ComiRec
 * (Cen et al., "Controllable Multi-Interest Framework for Recommendation", KDD 2020). The choice itself has no gradient.
 * @param h [T · K, D], the K vectors of an event one after the other
 * @param items [T, D]
 * @returns [T, D]
 */
export function chosenInterests(h: Tensor, items: Tensor): Tensor {
  const best = new Tensor(h.engine, h.engine.bestInterests(h.id, items.id)) // [T]
  return gather(h, best) // [T, D]
}
