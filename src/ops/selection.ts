import { Tensor } from '../tensor/tensor.ts'

/** Scores of candidates, and what gave them. */
export interface PairBest {
  /** The greatest inner product with the user's vectors, [C]; 0 without any. */
  readonly scores: Tensor
  /** Which of the user's vectors gave it, i32 [C], the first of equals; −1 without any. */
  readonly interests: Tensor
}

/**
 * Of each candidate the greatest inner product with its user's vectors, with the bits that `topK` gives it. The gradient goes
 * to the vector that won and to the candidate's row.
 * @param vectors [S, D] at `offsets` i32 [B + 1]
 * @param rows of candidates, [C, D] at `candidateOffsets` i32 [B + 1]
 */
export function pairBest(vectors: Tensor, offsets: Tensor, rows: Tensor, candidateOffsets: Tensor): PairBest {
  const [scores, interests] = vectors.deriveSeveral(
    'pairBest',
    (e) => e.pairBest(vectors.id, offsets.id, rows.id, candidateOffsets.id),
    [vectors, rows],
    1,
    ([, , winners], [dscores], e) => {
      const dy = dscores!
      const [touched, ids] = Array.from(e.gatherOrNoneGradient(e.scaleRows(rows.id, dy), winners))
      return [{ rows: touched, ids }, e.scaleRows(e.gatherOrNone(vectors.id, winners), dy)]
    },
  )
  return { scores, interests }
}

/** Lists of the best candidates. */
export interface BestCandidates {
  /** i32 [B, k], −1 where there are no more. */
  readonly items: Tensor
  /** [B, k], −∞ where there are no more. */
  readonly scores: Tensor
  /** The candidates' rows in C, i32 [B, k], −1 where there are no more. */
  readonly places: Tensor
}

/**
 * The k best of each user's candidates, best first, equal ones by ascending item.
 * @param scores [C] at `candidateOffsets` i32 [B + 1]
 * @param items i32 [C]
 * @throws FociError NON_FINITE for a score that is not finite
 */
export function topKCandidates(scores: Tensor, items: Tensor, candidateOffsets: Tensor, k: number): BestCandidates {
  const { engine } = scores
  const ids = Array.from(engine.topKCandidates(scores.id, items.id, candidateOffsets.id, k))
  const [best, bestScores, places] = ids.map((id) => new Tensor(engine, id))
  return { items: best, scores: bestScores, places }
}
