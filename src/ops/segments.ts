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
