import { FociError } from '../errors.ts'

/** What i32 offsets count. */
const MOST = 2 ** 31 - 1

/** Jagged lists of indices for B users: user b has values[offsets[b]] .. values[offsets[b + 1]]. */
export interface Lists {
  readonly values: Int32Array
  /** [B + 1] */
  readonly offsets: Int32Array
}

/** Rows of a log as lists hold them. */
export interface ListedRows {
  /** Where each user's rows stand, [U + 1]. */
  readonly offsets: Int32Array
  /** Item of each row, [N]. */
  readonly items: Int32Array
  /** Type of each row's event, [N]; 0 where absent. */
  readonly events?: Int32Array
  /** What stands in a list for each item, or −1 for nothing. */
  readonly values: Int32Array
  /** Whether rows stand in a list, by type. */
  readonly listed: readonly boolean[]
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

  /** Adds the rows of users `first` to before `end`, a list for each, of which the last `most` values stay. */
  pushUsers(first: number, end: number, rows: ListedRows, most = Number.POSITIVE_INFINITY): void {
    const { offsets, items, events, values, listed } = rows
    const wanted = this.length + offsets[end] - offsets[first]
    if (wanted > this.values.length) this.values = wider(this.values, wanted)
    const to = this.values
    for (let user = first; user < end; user++) {
      let { length } = this
      for (let row = offsets[user]; row < offsets[user + 1]; row++) {
        const value = values[items[row]]
        if (value >= 0 && listed[events ? events[row] : 0]) to[length++] = value
      }
      this.length = length
      this.close(most)
    }
  }

  /** Closes the open list, of which the last `most` values stay, and opens the next. */
  close(most = Number.POSITIVE_INFINITY): void {
    const start = this.offsets[this.closed]
    const extra = this.length - start - most
    if (extra > 0) {
      this.values.copyWithin(start, start + extra, this.length)
      this.length -= extra
    }
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
