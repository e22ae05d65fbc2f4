import type { Engine } from '../engine/engine.ts'
import type { Model } from '../models/contracts.ts'
import { inner } from '../ops/product.ts'
import { gather } from '../ops/table.ts'
import { scope, Tensor } from '../tensor/tensor.ts'

/** Events, and scores of items, that one batch of shortened histories may hold. */
const MOST = 1 << 18

/**
 * How much each event of a history matters for some items: the item's score with the whole history, less its score without
 * the event. The shortened histories go through the model as jagged batches.
 * @param history item indices, oldest first, not empty
 * @param items what was recommended, [C]
 * @param catalogue number of items, V
 * @returns differences, [events, C]; a history of one event is left with nothing, and its difference is the whole score
 */
export function leaveOneOut(engine: Engine, model: Model, history: Int32Array, items: Int32Array, catalogue: number): Float32Array {
  const whole = itemScores(engine, model, [history], items) // [1, C]
  const differences = new Float32Array(history.length * items.length)
  const size = Math.max(1, Math.floor(MOST / (model.kind === 'scorer' ? catalogue : history.length)))
  for (let first = 0; first < history.length; first += size) {
    const shortened = Array.from({ length: Math.min(size, history.length - first) }, (_, t) => without(history, first + t))
    const scores = itemScores(engine, model, shortened, items) // [size, C]
    for (const [at, score] of scores.entries()) differences[first * items.length + at] = whole[at % items.length] - score
  }
  return differences
}

/** Scores of given items for B histories, [B, C]; 0 for a history that gives no vector. */
function itemScores(engine: Engine, model: Model, lists: readonly Int32Array[], items: Int32Array): Float32Array {
  return scope(engine, () => {
    const offsets = new Int32Array(lists.length + 1)
    for (const [b, list] of lists.entries()) offsets[b + 1] = offsets[b] + list.length
    const values = new Int32Array(offsets[lists.length])
    for (const [b, list] of lists.entries()) values.set(list, offsets[b])
    const histories = { items: Tensor.int32(engine, values), offsets: Tensor.int32(engine, offsets) }
    const ids = Tensor.int32(engine, items)
    if (model.kind === 'scorer') return pick(model.scores(histories, {}), items)
    const { vectors, offsets: interests } = model.encode(histories, {})
    const products = inner(vectors, gather(model.items(), ids)).float32() // [S, C]
    return best(products, interests.int32(), items.length)
  })
}

function pick(scores: Tensor, items: Int32Array): Float32Array {
  const [users, width] = scores.shape
  const all = scores.float32()
  return Float32Array.from(
    { length: users * items.length },
    (_, at) => all[Math.floor(at / items.length) * width + items[at % items.length]],
  )
}

/** The largest over each user's interests. */
function best(products: Float32Array, offsets: Int32Array, width: number): Float32Array {
  const users = offsets.length - 1
  const out = new Float32Array(users * width)
  for (let b = 0; b < users; b++) {
    for (let c = 0; c < width; c++) {
      for (let s = offsets[b]; s < offsets[b + 1]; s++) {
        const product = products[s * width + c]
        if (s === offsets[b] || product > out[b * width + c]) out[b * width + c] = product
      }
    }
  }
  return out
}

const without = (history: Int32Array, t: number): Int32Array => history.filter((_, i) => i !== t)
