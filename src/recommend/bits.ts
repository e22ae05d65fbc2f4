/** A set of item indices as bits: bit i % 32 of word i / 32, as `topK` reads them. */
export class Bits {
  readonly words: Int32Array

  private constructor(words: Int32Array) {
    this.words = words
  }

  static of(size: number, indices: Iterable<number>): Bits {
    const words = new Int32Array(Math.ceil(size / 32))
    for (const index of indices) words[index >> 5] |= 1 << (index & 31)
    return new Bits(words)
  }

  has(index: number): boolean {
    return ((this.words[index >> 5] >> (index & 31)) & 1) === 1
  }

  and(other: Bits): Bits {
    return new Bits(this.words.map((word, i) => word & other.words[i]))
  }
}
