import { Tensor } from '../tensor/tensor.ts'

/** Offsets i32 [B + 1] → i32 [T]: each event's index within its segment, from 0. */
export function positions(offsets: Tensor): Tensor {
  return new Tensor(offsets.engine, offsets.engine.positions(offsets.id))
}

/** Where the last event of each segment stands. */
export interface LastRows {
  /** Row of the last event of each segment that has one, i32 [S]. */
  readonly rows: Tensor
  /** Offsets of those rows by segment, i32 [B + 1]: an empty segment has none. */
  readonly queries: Tensor
}

/** @param offsets i32 [B + 1] */
export function lastRows(offsets: Tensor): LastRows {
  const [rows, queries] = Array.from(offsets.engine.lastRows(offsets.id), (id) => new Tensor(offsets.engine, id))
  return { rows, queries }
}

/** Offsets i32 [B + 1] → i32 [T]: the segment of each row. */
export function segmentIds(offsets: Tensor): Tensor {
  return new Tensor(offsets.engine, offsets.engine.segmentIds(offsets.id))
}

/** Offsets i32 [B + 1] of segments in which each row becomes `times` rows. */
export function repeatOffsets(offsets: Tensor, times: number): Tensor {
  return new Tensor(offsets.engine, offsets.engine.repeatOffsets(offsets.id, times))
}

/**
 * Softmax over the rows of each segment, column by column; a column of −∞ alone gives zeros.
 * @param x [T, H] at `offsets` i32 [B + 1]
 * @returns [T, H]
 */
export function segmentSoftmax(x: Tensor, offsets: Tensor): Tensor {
  return x.derive(
    'segmentSoftmax',
    (e) => e.segmentSoftmax(x.id, offsets.id),
    [x],
    (y, dy, e) => [e.segmentSoftmaxGradient(y, dy, offsets.id)],
  ) // dx = y ⊙ (dy − Σ y ⊙ dy)
}

/**
 * Σ over the rows of each segment.
 * @param x [T, D] at `offsets` i32 [B + 1]
 * @returns [B, D], zeros for no rows
 */
export function segmentSum(x: Tensor, offsets: Tensor): Tensor {
  return x.derive(
    'segmentSum',
    (e) => e.segmentSum(x.id, offsets.id),
    [x],
    (_, dy, e) => [e.gather(dy, e.segmentIds(offsets.id))],
  )
}

/** The mean of the rows of each segment, shapes as of {@link segmentSum}. */
export function segmentMean(x: Tensor, offsets: Tensor): Tensor {
  return x.derive(
    'segmentMean',
    (e) => e.segmentMean(x.id, offsets.id),
    [x],
    (_, dy, e) => [e.segmentMeanGradient(dy, offsets.id)],
  )
}

/**
 * Weighted sums of the rows of each segment, one for each column of weights: Σ_t weights[t, k] · values[t].
 * @param weights [T, K] at `offsets` i32 [B + 1]
 * @param values [T, D]
 * @returns [B, K, D], zeros for no rows
 */
export function segmentMix(weights: Tensor, values: Tensor, offsets: Tensor): Tensor {
  return values.derive(
    'segmentMix',
    (e) => e.segmentMix(weights.id, values.id, offsets.id),
    [weights, values],
    (_, dy, e) => Array.from(e.segmentMixGradient(weights.id, values.id, dy, offsets.id)),
  )
}

/**
 * What lists hold: what a retrieval found becomes the candidates of a ranker.
 * @param items i32 [B, k], −1 where there is none
 * @returns the others, i32 [C], and their offsets by row, i32 [B + 1]
 */
export function present(items: Tensor): { readonly items: Tensor; readonly offsets: Tensor } {
  const [found, offsets] = Array.from(items.engine.present(items.id), (id) => new Tensor(items.engine, id))
  return { items: found, offsets }
}

/** The last events of each segment. */
export interface RecentRows {
  /** Their rows, i32 [R]. */
  readonly rows: Tensor
  /** i32 [B + 1] */
  readonly offsets: Tensor
}

/** @param offsets i32 [B + 1] @param most how many of each segment */
export function recentRows(offsets: Tensor, most: number): RecentRows {
  const [rows, ends] = Array.from(offsets.engine.recentRows(offsets.id, most), (id) => new Tensor(offsets.engine, id))
  return { rows, offsets: ends }
}

/**
 * Times less the first of `from`, i32 [T] at `offsets` i32 [B + 1], of the same segment; of a segment without rows they stay.
 * @param times i32 [N]
 * @param timeOffsets where they stand, i32 [B + 1]; one for each segment where absent
 */
export function sinceFirst(times: Tensor, timeOffsets: Tensor | undefined, from: Tensor, offsets: Tensor): Tensor {
  return new Tensor(times.engine, times.engine.sinceFirst(times.id, timeOffsets?.id ?? 0, from.id, offsets.id))
}

/** Whole numbers of a column i32 [T] by rows i32 [R] → i32 [R]. */
export function take(column: Tensor, rows: Tensor): Tensor {
  return new Tensor(column.engine, column.engine.take(column.id, rows.id))
}
