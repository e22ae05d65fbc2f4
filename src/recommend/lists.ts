/** Jagged lists of indices for B users: user b has values[offsets[b]] .. values[offsets[b + 1]]. */
export interface Lists {
  readonly values: Int32Array
  /** [B + 1] */
  readonly offsets: Int32Array
}

/** Lists in the making. */
export class ListsBuilder {
  private values = new Int32Array(64)
  private length = 0
  private readonly offsets = [0]

  /** Adds to the open list. */
  push(value: number): void {
    if (this.length === this.values.length) this.grow()
    this.values[this.length++] = value
  }

  /** Closes the open list, of which the last `most` values stay, and opens the next. */
  close(most = Number.POSITIVE_INFINITY): void {
    const start = this.offsets[this.offsets.length - 1]
    const extra = this.length - start - most
    if (extra > 0) {
      this.values.copyWithin(start, start + extra, this.length)
      this.length -= extra
    }
    this.offsets.push(this.length)
  }

  /** The closed lists, in arrays of their own. */
  take(): Lists {
    return { values: this.values.slice(0, this.offsets[this.offsets.length - 1]), offsets: Int32Array.from(this.offsets) }
  }

  /** Whether the closed lists are those of another. */
  equals(other: ListsBuilder): boolean {
    const length = this.offsets[this.offsets.length - 1]
    if (this.offsets.some((offset, i) => offset !== other.offsets[i]) || this.offsets.length !== other.offsets.length) return false
    for (let i = 0; i < length; i++) if (this.values[i] !== other.values[i]) return false
    return true
  }

  private grow(): void {
    const wider = new Int32Array(2 * this.values.length)
    wider.set(this.values)
    this.values = wider
  }
}
