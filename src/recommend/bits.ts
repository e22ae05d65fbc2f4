/** A set of item indices as bits: bit i % 32 of word i / 32, as `topK` reads them. */
export class Bits {
  readonly words: Int32Array
  /** Whether every index below the size is in it. */
  readonly full: boolean

  private constructor(words: Int32Array, full: boolean) {
    this.words = words
    this.full = full
  }

  static of(size: number, indices: Iterable<number>): Bits {
    const words = new Int32Array(Math.ceil(size / 32))
    for (const index of indices) words[index >> 5] |= 1 << (index & 31)
    const whole = words.subarray(0, size >> 5).every((word) => word === -1)
    return new Bits(words, whole && (size % 32 === 0 || words[size >> 5] === ~(-1 << (size % 32))))
  }

  has(index: number): boolean {
    return ((this.words[index >> 5] >> (index & 31)) & 1) === 1
  }

  /** What `topK` is told: nothing where all are in it. */
  get mask(): Int32Array | undefined {
    return this.full ? undefined : this.words
  }

  and(other: Bits): Bits {
    if (this.full) return other
    return other.full
      ? this
      : new Bits(
          this.words.map((word, i) => word & other.words[i]),
          false,
        )
  }
}
