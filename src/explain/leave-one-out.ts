import type { Engine } from '../engine/engine.ts'
import type { Model } from '../models/contracts.ts'
import { inner } from '../ops/product.ts'
import { gather } from '../ops/table.ts'
import { scope, Tensor } from '../tensor/tensor.ts'

/**
 * How much each event of a history matters for some items: the item's score with the whole history, less its score without
 * the event. All shortened histories go through the model as one jagged batch.
 * @param history item indices, oldest first, not empty
 * @param items what was recommended, [C]
 * @returns differences, [events, C]; a history of one event is left with nothing, and its difference is the whole score
 */
export function leaveOneOut(engine: Engine, model: Model, history: Int32Array, items: Int32Array): Float32Array {
  const n = history.length
  const kept = n === 1 ? 0 : n - 1
  const values = new Int32Array(n + n * kept)
  values.set(history)
  for (let t = 0; t < (kept && n); t++) values.set(without(history, t), n + t * kept)
  const offsets = Int32Array.from({ length: n + 2 }, (_, row) => (row === 0 ? 0 : n + (row - 1) * kept))
  const scores = itemScores(engine, model, values, offsets, items) // [1 + events, C]
  const whole = scores.subarray(0, items.length)
  return scores.slice(items.length).map((score, at) => whole[at % items.length] - score)
}

/** Scores of given items for B histories, [B, C]; 0 for a history that gives no vector. */
export function itemScores(engine: Engine, model: Model, values: Int32Array, offsets: Int32Array, items: Int32Array): Float32Array {
  return scope(engine, () => {
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
