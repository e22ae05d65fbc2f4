/** Longest run that is sorted by insertion. */
const run = 16

type Column = Int32Array | Float32Array | Float64Array

/** Orders rows by time, ties as they stood, a range at a time, in room that is used again. */
export class TimeOrder {
  private readonly times: Float64Array
  private readonly rests: Int16Array | undefined
  /** The rows of the range in their order. */
  private order = new Int32Array(0)
  private scratch = new Int32Array(0)
  private moved = new Float64Array(0)

  /** @param rests what breaks ties of `times`, where there is something */
  constructor(times: Float64Array, rests?: Int16Array) {
    this.times = times
    this.rests = rests
  }

  isSorted(start: number, end: number): boolean {
    for (let row = start + 1; row < end; row++) if (this.isAfter(row - 1, row)) return false
    return true
  }

  /** Finds the order of the rows `[start, end)`. */
  find(start: number, end: number): void {
    const count = end - start
    if (count > this.order.length) {
      this.order = new Int32Array(2 * count)
      this.scratch = new Int32Array(2 * count)
      this.moved = new Float64Array(2 * count)
    }
    for (let i = 0; i < count; i++) this.order[i] = start + i
    this.sort(0, count)
  }

  /** Moves a column's rows `[start, end)` into the order that was found for them. */
  apply(column: Column, start: number, end: number): void {
    const { order, moved } = this
    const count = end - start
    for (let i = 0; i < count; i++) moved[i] = column[order[i]]
    for (let i = 0; i < count; i++) column[start + i] = moved[i]
  }

  private isAfter(a: number, b: number): boolean {
    const { times, rests } = this
    if (times[a] !== times[b] || rests === undefined) return times[a] > times[b]
    return rests[a] > rests[b]
  }

  private sort(start: number, end: number): void {
    if (end - start <= run) {
      this.insert(start, end)
      return
    }
    const middle = (start + end) >>> 1
    this.sort(start, middle)
    this.sort(middle, end)
    this.merge(start, middle, end)
  }

  private insert(start: number, end: number): void {
    const { order } = this
    for (let i = start + 1; i < end; i++) {
      const row = order[i]
      let at = i
      for (; at > start && this.isAfter(order[at - 1], row); at--) order[at] = order[at - 1]
      order[at] = row
    }
  }

  /** Joins two sorted halves; of equal rows the left one's come first. */
  private merge(start: number, middle: number, end: number): void {
    const { order, scratch } = this
    if (!this.isAfter(order[middle - 1], order[middle])) return
    for (let i = start; i < middle; i++) scratch[i] = order[i]
    for (let left = start, right = middle, at = start; left < middle; at++) {
      if (right < end && this.isAfter(scratch[left], order[right])) order[at] = order[right++]
      else order[at] = scratch[left++]
    }
  }
}
