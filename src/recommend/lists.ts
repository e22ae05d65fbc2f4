import { FociError } from '../errors.ts'
import type { LogView } from './log-view.ts'

/** What i32 offsets count. */
export const MOST = 2 ** 31 - 1

/** Jagged lists of indices for B users: user b has values[offsets[b]] .. values[offsets[b + 1]]. */
export interface Lists {
  readonly values: Int32Array
  /** [B + 1] */
  readonly offsets: Int32Array
}

/** Lists in the making. */
export class ListsBuilder {
  private values = new Int32Array(64)
  private offsets = new Int32Array(16)
  private length = 0
  private closed = 0

  /** Closed lists. */
  get count(): number {
    return this.closed
  }

  /** Adds to the open list. */
  push(value: number): void {
    if (this.length === this.values.length) this.values = wider(this.values, this.length + 1)
    this.values[this.length++] = value
  }

  /** Adds the items of a log's rows `[start, end)` that the seen filter removes to the open list. */
  pushSeen({ log, items, seen }: LogView, start: number, end: number): void {
    const wanted = this.length + end - start
    if (wanted > this.values.length) this.values = wider(this.values, wanted)
    const { events } = log
    const to = this.values
    let { length } = this
    for (let row = start; row < end; row++) {
      const item = items[log.items[row]]
      if (item >= 0 && seen[events ? events[row] : 0]) to[length++] = item
    }
    this.length = length
  }

  /** Closes the open list, and opens the next. */
  close(): void {
    if (++this.closed === this.offsets.length) this.offsets = wider(this.offsets, this.closed + 1)
    this.offsets[this.closed] = this.length
  }

  /** The closed lists, until more is added. */
  view(): Lists {
    const offsets = this.offsets.subarray(0, this.closed + 1)
    return { values: this.values.subarray(0, offsets[this.closed]), offsets }
  }

  clear(): void {
    this.length = 0
    this.closed = 0
  }
}

function wider(values: Int32Array<ArrayBuffer>, wanted: number): Int32Array<ArrayBuffer> {
  if (wanted > MOST)
    throw new FociError('RANGE', `Lists of ${wanted} items are due, and ${MOST} are the most.`, 'Ask about fewer at a time.')
  const copy = new Int32Array(Math.min(Math.max(wanted, 2 * values.length), MOST))
  copy.set(values)
  return copy
}
