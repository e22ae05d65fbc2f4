/** Room for numbers that is used again: scores of many users at a time would fill memory before they are collected. */
export class Room {
  private values = new Float32Array(0)

  /** `length` numbers, as they were left. */
  of(length: number): Float32Array {
    if (this.values.length < length) this.values = new Float32Array(length)
    return this.values.subarray(0, length)
  }
}
