/** Kinds of models, made to fit the one contract. */
import { inner } from '../ops/product.ts'
import { gather } from '../ops/table.ts'
import type { Split } from '../split/split.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { Candidates, Histories, Interests, Model, ModelContext, Requests } from './contracts.ts'

/** A model whose users and items are vectors. */
export interface Encoder {
  encode(histories: Histories, at: Requests): Interests
  /** [V, D] */
  items(): Tensor
}

/** Retrieval: an item's score is its best inner product with the vectors of the user's interests. */
export function retrieving(
  encoder: Encoder,
  { variables, quantized }: ModelContext,
): Required<Pick<Model, 'score' | 'best' | 'interests' | 'items'>> {
  const encode = (histories: Histories, at: Requests): Interests => encoder.encode(histories, at)
  const items = (): Tensor => encoder.items()
  const codes = quantized
    ? variables.derived('quantized items', () => new Tensor(items().engine, items().engine.quantize(items().id)))
    : undefined
  return {
    interests: encode,
    items,
    score: (histories, at, candidates) => bestProducts(encode(histories, at), items(), candidates),
    best(histories, at, k, { seen, seenOffsets, allowed }) {
      const { vectors, offsets } = encode(histories, at)
      const { engine } = vectors
      const results = engine.topK(vectors.id, offsets.id, items().id, k, seen.id, seenOffsets.id, allowed?.id ?? 0, codes?.().id ?? 0)
      const [found, scores, interests] = Array.from(results, (id) => new Tensor(engine, id))
      return { items: found, scores, interests }
    },
  }
}

/** The greatest inner product of each candidate with the vectors of its user, [C]; 0 where the user has none. */
function bestProducts({ vectors, offsets }: Interests, table: Tensor, candidates: Candidates): Tensor {
  const { engine } = table
  const products = inner(gather(table, candidates.items), vectors).float32() // [C, S]
  const [ends, interests, count] = [candidates.offsets.int32(), offsets.int32(), vectors.shape[0]]
  const scores = new Float32Array(candidates.items.shape[0])
  for (let b = 0; b + 1 < ends.length; b++) {
    if (interests[b] === interests[b + 1]) continue
    for (let c = ends[b]; c < ends[b + 1]; c++) {
      scores[c] = products.subarray(c * count + interests[b], c * count + interests[b + 1]).reduce((a, x) => Math.max(a, x))
    }
  }
  return Tensor.float32(engine, scores)
}

/** Scores of the whole catalogue that a counting model writes down at once, at most. */
const SCORES = 2 ** 20

/** What was counted, and what it says of a history. */
export interface Counts {
  /** Learns from the training part of a split. */
  fit(split: Split): void
  /** → [B, V] */
  scores(histories: Histories, at: Requests): Tensor
}

/** Counting: a history becomes a score of each item. */
export function counting(
  counts: Counts,
  { engine, items: V }: ModelContext,
): Required<Pick<Model, 'score' | 'best' | 'usersAtOnce' | 'learner'>> {
  const scores = (histories: Histories, at: Requests): Tensor => counts.scores(histories, at)
  return {
    learner: { by: 'counting', fit: (split) => counts.fit(split) },
    usersAtOnce: Math.ceil(SCORES / Math.max(1, V)),
    score(histories, at, candidates) {
      const all = scores(histories, at).float32() // [B, V]
      const [items, ends] = [candidates.items.int32(), candidates.offsets.int32()]
      const picked = new Float32Array(items.length)
      for (let b = 0; b + 1 < ends.length; b++) for (let c = ends[b]; c < ends[b + 1]; c++) picked[c] = all[b * V + items[c]]
      return Tensor.float32(engine, picked)
    },
    best(histories, at, k, { seen, seenOffsets, allowed }) {
      const results = engine.topKScores(scores(histories, at).id, k, seen.id, seenOffsets.id, allowed?.id ?? 0)
      const [found, best] = Array.from(results, (id) => new Tensor(engine, id))
      return { items: found, scores: best }
    },
  }
}
