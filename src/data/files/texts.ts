import { fault } from '../faults.ts'
import { type Chunk, chunkRows } from './duckdb.ts'

/** Texts of up to this many bytes lie in DuckDB's vectors themselves, longer ones behind a pointer. */
export const pieceBytes = 12

/** Where a chunk has a column's texts: whole, and in pieces of `pieceBytes` characters, which are one where all are short. */
export interface TextColumns {
  readonly whole: number
  readonly pieces: readonly number[]
}

/**
 * Numbers texts by first appearance. It compares their bytes where they lie and makes strings of the distinct ones alone,
 * at the end; that takes a tenth of the time of a Map of strings. Texts that don't fit into their pieces go through a Map.
 */
export class TextNumbers {
  private size = 0
  private readonly columns: TextColumns
  /** Words of a key: the length in bytes, then the pieces. */
  private readonly width: number
  /** Numbers + 1 by hash, 0 where there is none; at most half of them are taken. */
  private slots = new Int32Array(2 * chunkRows)
  /** Keys by number; zeros for a text in `long`. */
  private keys: Int32Array
  private readonly long = new Map<string, number>()
  private readonly hashes = new Int32Array(chunkRows)
  private readonly guesses = new Int32Array(chunkRows)
  private readonly cut: Int32Array

  constructor(columns: TextColumns) {
    this.columns = columns
    this.width = 1 + 3 * columns.pieces.length
    this.keys = new Int32Array((this.slots.length / 2) * this.width)
    this.cut = new Int32Array(columns.pieces.length > 1 ? chunkRows * this.width : 0)
  }

  /** Puts the numbers of a chunk's texts into `codes`, those of its sound rows. */
  number(chunk: Chunk, faults: Uint8Array, codes: Int32Array): void {
    this.reserve(chunk.rows)
    const words = this.columns.pieces.length > 1 ? this.gather(chunk) : chunk.texts(this.columns.whole)
    const { hashes, guesses, keys, slots, width } = this
    const mask = slots.length - 1
    const limit = pieceBytes * this.columns.pieces.length
    // Each loop reads another part of memory, so that the processor waits for many rows at a time.
    const { rows } = chunk
    for (let i = 0; i < rows; i++) hashes[i] = hashOf(words, i * width, width) & mask
    for (let i = 0; i < rows; i++) guesses[i] = slots[hashes[i]]
    for (let i = 0; i < rows; i++) {
      const row = i * width
      const length = words[row]
      if (faults[i] !== fault.none) codes[i] = -1
      else if (length < 0 || length > limit) codes[i] = this.numberLong(chunk.text(this.columns.whole, i))
      else if (guesses[i] !== 0 && isKey(keys, (guesses[i] - 1) * width, words, row, width)) codes[i] = guesses[i] - 1
      else codes[i] = this.find(words, row, hashes[i])
    }
  }

  /** The texts by number. */
  texts(): string[] {
    const bytes = Buffer.from(this.keys.buffer)
    const texts: string[] = new Array(this.size)
    for (let number = 0; number < this.size; number++) {
      const start = number * this.width
      texts[number] = bytes.toString('utf8', 4 * start + 4, 4 * start + 4 + this.keys[start])
    }
    for (const [text, number] of this.long) texts[number] = text
    return texts
  }

  /** The number of a short text, a new one where it is not known. */
  private find(words: Int32Array, row: number, hash: number): number {
    const { keys, slots, width } = this
    const mask = slots.length - 1
    let slot = hash
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (isKey(keys, (slots[slot] - 1) * width, words, row, width)) return slots[slot] - 1
    }
    for (let i = 0, to = this.size * width; i < width; i++) keys[to + i] = words[row + i]
    slots[slot] = ++this.size
    return this.size - 1
  }

  private numberLong(text: string): number {
    const known = this.long.get(text)
    if (known !== undefined) return known
    this.long.set(text, this.size)
    return this.size++
  }

  /** The keys of a chunk's texts; a negative length where the pieces don't hold a text. */
  private gather(chunk: Chunk): Int32Array {
    const { cut, width } = this
    const whole = chunk.texts(this.columns.whole)
    for (let i = 0; i < chunk.rows; i++) cut[i * width] = whole[4 * i]
    for (const [at, column] of this.columns.pieces.entries()) {
      const piece = chunk.texts(column)
      for (let i = 0, to = 1 + 3 * at; i < chunk.rows; i++, to += width) {
        if (piece[4 * i] > pieceBytes) cut[i * width] = -1
        cut[to] = piece[4 * i + 1]
        cut[to + 1] = piece[4 * i + 2]
        cut[to + 2] = piece[4 * i + 3]
      }
    }
    return cut
  }

  /** Makes room for `more` texts. */
  private reserve(more: number): void {
    let length = this.slots.length
    while (2 * (this.size + more) > length) length *= 2
    if (length === this.slots.length) return
    const keys = new Int32Array((length / 2) * this.width)
    keys.set(this.keys.subarray(0, this.size * this.width))
    const slots = new Int32Array(length)
    for (let number = 0; number < this.size; number++) {
      if (keys[number * this.width] === 0) continue
      let slot = hashOf(keys, number * this.width, this.width) & (length - 1)
      while (slots[slot] !== 0) slot = (slot + 1) & (length - 1)
      slots[slot] = number + 1
    }
    Object.assign(this, { keys, slots })
  }
}

function isKey(keys: Int32Array, key: number, words: Int32Array, row: number, width: number): boolean {
  let different =
    (keys[key] ^ words[row]) | (keys[key + 1] ^ words[row + 1]) | (keys[key + 2] ^ words[row + 2]) | (keys[key + 3] ^ words[row + 3])
  for (let i = 4; i < width; i++) different |= keys[key + i] ^ words[row + i]
  return different === 0
}

function hashOf(words: Int32Array, start: number, width: number): number {
  let hash = Math.imul(words[start] ^ Math.imul(words[start + 1], 0x85ebca6b), 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 15) ^ words[start + 2], 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 13) ^ words[start + 3], 0x297a2d39)
  for (let i = start + 4; i < start + width; i++) hash = Math.imul(hash ^ words[i] ^ (hash >>> 15), 0x2c1b3c6d)
  return hash ^ (hash >>> 15)
}
