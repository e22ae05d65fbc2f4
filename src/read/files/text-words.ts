import { fault } from '../row-faults.ts'
import { type Chunk, chunkRows } from './duckdb.ts'

/** Bytes of a text that lie in DuckDB's vector itself; those of a longer one lie behind a pointer. */
export const inPlace = 12
const shortWords = 1 + inPlace / 4

/** Words that a text of `length` bytes takes: its length, then its bytes, then zeros. */
export const wordsOf = (length: number): number => (length <= inPlace ? shortWords : 1 + ((length + 3) >>> 2))

/** A column of texts of one chunk as words that can be compared. Rows with a fault have none. */
export class TextWords {
  words = new Int32Array(chunkRows * shortWords)
  /** Where each row's text begins. */
  readonly starts = new Int32Array(chunkRows)
  /** Words taken. */
  used = 0
  private readonly long = new Int32Array(chunkRows)

  gather(chunk: Chunk, column: number, faults: Uint8Array): void {
    const texts = chunk.texts(column)
    this.words.set(texts)
    this.used = texts.length
    const { words, starts, long } = this
    let count = 0
    for (let row = 0, at = 0; row < chunk.rows; row++, at += shortWords) {
      starts[row] = at
      if (faults[row] !== fault.none) words[at] = 0
      else if (texts[at] > inPlace) long[count++] = row
    }
    for (let k = 0; k < count; ) k = this.gatherRun(chunk, column, texts, k, count)
  }

  /** Long texts that lie end to end in memory, as most do, are fetched at once. Returns the first that is not among them. */
  private gatherRun(chunk: Chunk, column: number, texts: Int32Array, first: number, count: number): number {
    const { long, starts } = this
    let bytes = 0
    let end = first
    do bytes += texts[shortWords * long[end++]]
    while (end < count && follows(texts, long[end - 1], long[end]))
    this.reserve((bytes >>> 2) + 3 * (end - first))
    const { buffer, byteOffset } = chunk.bytesAt(column, long[first], bytes)
    const view = new DataView(buffer, byteOffset, bytes)
    for (let k = first, from = 0; k < end; k++) {
      const length = texts[shortWords * long[k]]
      starts[long[k]] = this.used
      this.take(view, from, length)
      from += length
    }
    return end
  }

  private take(view: DataView, from: number, length: number): void {
    const { words } = this
    let at = this.used
    words[at++] = length
    const whole = length >>> 2
    for (let i = 0; i < whole; i++) words[at++] = view.getInt32(from + 4 * i, true)
    let rest = 0
    for (let i = 4 * whole; i < length; i++) rest |= view.getUint8(from + i) << (8 * (i & 3))
    if (length > 4 * whole) words[at++] = rest
    this.used = at
  }

  private reserve(more: number): void {
    if (this.used + more <= this.words.length) return
    const words = new Int32Array(2 * (this.used + more))
    words.set(this.words.subarray(0, this.used))
    this.words = words
  }
}

/** Whether the text of row `b` begins where that of row `a` ends: a pointer is the third and fourth word. */
function follows(texts: Int32Array, a: number, b: number): boolean {
  const [at, next] = [shortWords * a, shortWords * b]
  return texts[next + 3] === texts[at + 3] && texts[next + 2] >>> 0 === (texts[at + 2] >>> 0) + texts[at]
}
