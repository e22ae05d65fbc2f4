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

  /** Adds to the open list. */
  push(value: number): void {
    if (this.length === this.values.length) this.values = wider(this.values)
    this.values[this.length++] = value
  }

  /** Closes the open list, of which the last `most` values stay, and opens the next. */
  close(most = Number.POSITIVE_INFINITY): void {
    const start = this.offsets[this.closed]
    const extra = this.length - start - most
    if (extra > 0) {
      this.values.copyWithin(start, start + extra, this.length)
      this.length -= extra
    }
    if (++this.closed === this.offsets.length) this.offsets = wider(this.offsets)
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

function wider(values: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(2 * values.length)
  copy.set(values)
  return copy
}
