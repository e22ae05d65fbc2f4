/** Kinds of models, made to fit the one contract. */
import { pairBest } from '../ops/selection.ts'
import { gather } from '../ops/table.ts'
import type { Split } from '../split/split.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { Candidates, Histories, Interests, Model, ModelContext, Requests } from './contracts.ts'
import { pickScores } from './every-item.ts'

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
): Required<Pick<Model, 'score' | 'sources' | 'best' | 'interests' | 'items'>> {
  const encode = (histories: Histories, at: Requests): Interests => encoder.encode(histories, at)
  const items = (): Tensor => encoder.items()
  const codes = quantized
    ? variables.derived('quantized items', () => new Tensor(items().engine, items().engine.quantize(items().id)))
    : undefined
  const scored = (histories: Histories, at: Requests, { items: rows, offsets: ends }: Candidates) => {
    const { vectors, offsets } = encode(histories, at)
    return pairBest(vectors, offsets, gather(items(), rows), ends)
  }
  return {
    interests: encode,
    items,
    score: (histories, at, candidates) => scored(histories, at, candidates).scores,
    sources: (histories, at, candidates) => scored(histories, at, candidates).interests,
    best(histories, at, k, { seen, seenOffsets, allowed }) {
      const { vectors, offsets } = encode(histories, at)
      const { engine } = vectors
      const results = engine.topK(vectors.id, offsets.id, items().id, k, seen.id, seenOffsets.id, allowed?.id ?? 0, codes?.().id ?? 0)
      const [found, scores, interests] = Array.from(results, (id) => new Tensor(engine, id))
      return { items: found, scores, interests }
    },
  }
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
    score: (histories, at, candidates) => pickScores(scores(histories, at), candidates),
    best(histories, at, k, { seen, seenOffsets, allowed }) {
      const results = engine.topKScores(scores(histories, at).id, k, seen.id, seenOffsets.id, allowed?.id ?? 0)
      const [found, best] = Array.from(results, (id) => new Tensor(engine, id))
      return { items: found, scores: best }
    },
  }
}
