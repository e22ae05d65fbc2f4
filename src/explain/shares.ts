import type { Engine } from '../engine/engine.ts'
import type { Model } from '../models/contracts.ts'
import { type Columns, pack } from '../models/pack.ts'
import { scope, Tensor } from '../tensor/tensor.ts'
import { leaveOneOut } from './leave-one-out.ts'

/**
 * How much each event of one user's history matters for some items: what it adds to the score, where a score is a sum over
 * events, and they sum to it; else what the score loses without it.
 * @param items [C]
 */
export function sharesOf(engine: Engine, model: Model, history: Columns, items: Int32Array): (event: number, candidate: number) => number {
  if (model.contributions) {
    const events = history.items.length
    const sums = contributionsOf(engine, model as Required<Model>, history, items) // [C, events]
    return (event, candidate) => sums[candidate * events + event]
  }
  const differences = leaveOneOut(engine, model, history, items) // [events, C]
  return (event, candidate) => differences[event * items.length + candidate]
}

function contributionsOf(engine: Engine, model: Required<Model>, history: Columns, items: Int32Array): Float32Array {
  return scope(engine, () => {
    const { histories, at } = pack(engine, history)
    const candidates = { items: Tensor.int32(engine, items), offsets: Tensor.int32(engine, Int32Array.of(0, items.length)) }
    return model.contributions(histories, at, candidates).float32()
  })
}
