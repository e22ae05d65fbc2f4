import type { Split } from '../split/split.ts'
import { amounts } from '../tensor/kinds.ts'
import type { Table } from '../tensor/table.ts'
import { Tensor } from '../tensor/tensor.ts'
import { type Counts, counting } from './adapters.ts'
import type { Histories, ModelContext } from './contracts.ts'
import { defineModel } from './define.ts'
import { Room } from './room.ts'
import { targetWeights } from './target-weights.ts'

/**
 * Popularity: an item's score is how often it is a target of the training rows, for everyone the same. The bar that any
 * personal model must clear.
 */
export const popularity = defineModel(
  'popularity',
  'How often each item was chosen; the same list for everyone.',
  {},
  (_options, context) => ({ maxLength: 1, ...counting(new Popularity(context), context) }), // of a history it matters only that there is one
)

class Popularity implements Counts {
  private readonly context: ModelContext
  private readonly counts: Table<Float32Array>
  private readonly room = new Room()

  constructor(context: ModelContext) {
    this.context = context
    this.counts = context.variables.table('counts', [context.items], amounts)
  }

  fit({ log, trainEnd }: Split): void {
    this.counts.put(countItems(log.items, log.offsets, trainEnd, this.context.items, targetWeights(log)))
  }

  scores({ offsets }: Histories): Tensor {
    const counts = this.counts.data // [V]
    const users = offsets.shape[0] - 1
    const scores = this.room.of(users * counts.length)
    for (let b = 0; b < users; b++) scores.set(counts, b * counts.length)
    return Tensor.float32(this.context.engine, scores, [users, counts.length]) // [B, V]
  }
}

/**
 * How often each item stands in the training rows, [V]; exact up to 2²⁴.
 * @param items item of each row of the log, [N]
 * @param offsets where each user's rows stand, [U + 1]
 * @param ends rows offsets[u] .. ends[u] of user u train, [U]
 * @param targets what each row counts, [N]; 1 where absent
 */
export function countItems(items: Int32Array, offsets: Int32Array, ends: Int32Array, V: number, targets?: Float32Array): Float32Array {
  const counts = new Float32Array(V)
  for (let u = 0; u < ends.length; u++) {
    for (let row = offsets[u]; row < ends[u]; row++) counts[items[row]] += targets ? targets[row] : 1
  }
  return counts
}

/** The items that are targets of training rows, the most frequent first, ties by index: what users without history are given. */
export function popularItems({ log, trainEnd }: Split): Int32Array {
  const counts = countItems(log.items, log.offsets, trainEnd, log.catalogue.size, targetWeights(log))
  const counted = Array.from(counts.keys()).filter((item) => counts[item] > 0)
  return Int32Array.from(counted.sort((a, b) => counts[b] - counts[a] || a - b))
}
