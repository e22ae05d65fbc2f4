import { seedOf } from '../data/random.ts'
import type { Engine } from '../engine/engine.ts'
import type { Batch } from '../models/contracts.ts'
import type { Draw } from '../nn/dropout.ts'
import type { TrainingBatch } from '../split/batches.ts'
import { Tensor } from '../tensor/tensor.ts'

/** Events of a part, more or less: what a step holds for its gradients grows with them, and a core's cache is no larger. */
const EVENTS = 4096

/** Some users of a batch, and the share of its events that are theirs. */
export interface Part extends Pick<TrainingBatch, 'items' | 'offsets' | 'targets' | 'times'> {
  readonly share: number
  readonly draw?: Draw
}

/**
 * The users of a batch in their order, in parts of about the same number of events. By the shape of the batch alone; each
 * part draws its own masks and negatives.
 */
export function* partsOf(batch: TrainingBatch, draw?: Draw, events: number = EVENTS): Generator<Part> {
  const { offsets } = batch
  const all = batch.items.length
  const parts = Math.ceil(all / events)
  for (let part = 0, user = 0; part < parts; part++) {
    const first = user
    while (user + 1 < offsets.length && offsets[user] * parts < (part + 1) * all) user++
    if (user === first) continue // a long history took the place of this part too
    const own = draw && { seed: part === 0 ? draw.seed : seedOf(draw.seed, `part ${part}`), step: draw.step }
    yield { ...usersOf(batch, first, user), share: (offsets[user] - offsets[first]) / all, draw: own }
  }
}

function usersOf({ items, offsets, targets, times }: TrainingBatch, first: number, end: number) {
  const [start, stop] = [offsets[first], offsets[end]]
  return {
    items: items.subarray(start, stop),
    offsets: offsets.subarray(first, end + 1).map((offset) => offset - start),
    targets: targets.subarray(start, stop),
    times: times.subarray(start, stop),
  }
}

/** A part as a model reads it: tensors of the current scope. */
export function tensorsOf(engine: Engine, { items, offsets, targets, times, draw }: Part): Batch {
  return {
    histories: { items: Tensor.int32(engine, items), offsets: Tensor.int32(engine, offsets), times },
    requests: {},
    targets: Tensor.int32(engine, targets),
    draw,
  }
}
