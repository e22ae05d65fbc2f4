import { type LogAddon, logAddon } from '../../engine/log-addon.ts'
import type { Texts } from '../gathered.ts'
import { fault } from '../row-faults.ts'
import { type Chunk, chunkRows } from './duckdb.ts'
import { inPlace, TextWords, wordsOf } from './text-words.ts'

/** Numbers texts by first appearance. */
export interface TextNumbering extends Texts {
  /** Puts the numbers of a column's texts into `codes`, −1 for rows with a fault. */
  number(chunk: Chunk, column: number, faults: Uint8Array, codes: Int32Array): void
}

export function textNumbering(): TextNumbering {
  const addon = logAddon()
  if (addon === undefined) return new TextNumbers()
  const numbers = new addon.TextNumbers()
  const number: TextNumbering['number'] = (chunk, column, faults, codes) => numbers.number(chunk.texts(column), faults, codes)
  return Object.assign(textsOf(numbers), { number })
}

/** Texts that are made from one, for its bytes are turned into characters at once. */
const together = 4096

/** The texts by number. */
export function textsOf(numbers: AddonNumbers): Texts {
  return {
    get count() {
      return numbers.count()
    },
    texts: () => listOf(numbers),
  }
}

function listOf(numbers: AddonNumbers): string[] {
  const texts: string[] = new Array(numbers.count())
  for (let first = 0; first < texts.length; first += together) {
    const { text, ends } = numbers.texts(first, Math.min(first + together, texts.length))
    for (let i = 0, start = 0; i < ends.length; start = ends[i++]) texts[first + i] = text.slice(start, ends[i])
  }
  return texts
}

type AddonNumbers = InstanceType<LogAddon['TextNumbers']>

/**
 * Numbers texts without the addon. It compares their bytes, word by word, and makes strings of the distinct ones alone,
 * at the end: a Map of strings takes ten times as long.
 */
export class TextNumbers implements TextNumbering {
  count = 0
  /** Entries end to end: the number of a text, then its words. */
  private entries = new Int32Array(1 << 14)
  private end = 1
  /** Where entries begin, by hash; 0 where there is none. At most a quarter of them are taken. */
  private slots = new Int32Array(4 * chunkRows)
  private readonly chunk = new TextWords()
  private readonly hashes = new Int32Array(chunkRows)
  private readonly probes = new Int32Array(chunkRows)

  number(chunk: Chunk, column: number, faults: Uint8Array, codes: Int32Array): void {
    this.chunk.gather(chunk, column, faults)
    this.reserve(chunk.rows, this.chunk.used)
    const { hashes, probes, slots, entries } = this
    const { words, starts } = this.chunk
    const { rows } = chunk
    const mask = slots.length - 1
    // Each loop reads another part of memory, so that the processor waits for many rows at a time.
    for (let row = 0; row < rows; row++) hashes[row] = hashOf(words, starts[row]) & mask
    for (let row = 0; row < rows; row++) probes[row] = slots[hashes[row]]
    for (let row = 0; row < rows; row++) codes[row] = entries[probes[row]]
    for (let row = 0; row < rows; row++) {
      if (faults[row] !== fault.none) codes[row] = -1
      else if (probes[row] === 0 || !isSame(entries, probes[row] + 1, words, starts[row])) {
        codes[row] = this.find(words, starts[row], hashes[row])
      }
    }
  }

  texts(): string[] {
    const bytes = Buffer.from(this.entries.buffer)
    const texts: string[] = new Array(this.count)
    for (let at = 1, number = 0; number < this.count; number++) {
      const [start, length] = [4 * (at + 2), this.entries[at + 1]]
      texts[number] = bytes.toString('utf8', start, start + length)
      at += 1 + wordsOf(length)
    }
    return texts
  }

  /** The number of a text, a new one where it is not known. */
  private find(words: Int32Array, start: number, hash: number): number {
    const { entries, slots } = this
    let slot = hash
    for (; slots[slot] !== 0; slot = (slot + 1) & (slots.length - 1)) {
      if (isSame(entries, slots[slot] + 1, words, start)) return entries[slots[slot]]
    }
    slots[slot] = this.end
    entries[this.end++] = this.count
    const count = wordsOf(words[start])
    for (let i = 0; i < count; i++) entries[this.end++] = words[start + i]
    return this.count++
  }

  /** Makes room for so many texts of so many words more. */
  private reserve(texts: number, words: number): void {
    if (this.end + texts + words > this.entries.length) {
      const entries = new Int32Array(2 * (this.end + texts + words))
      entries.set(this.entries.subarray(0, this.end))
      this.entries = entries
    }
    if (4 * (this.count + texts) > this.slots.length) this.slots = this.rehash(2 * this.slots.length)
  }

  private rehash(length: number): Int32Array<ArrayBuffer> {
    const { entries } = this
    const slots = new Int32Array(length)
    for (let at = 1; at < this.end; at += 1 + wordsOf(entries[at + 1])) {
      let slot = hashOf(entries, at + 1) & (length - 1)
      while (slots[slot] !== 0) slot = (slot + 1) & (length - 1)
      slots[slot] = at
    }
    return slots
  }
}

function isSame(entries: Int32Array, entry: number, words: Int32Array, start: number): boolean {
  const length = words[start]
  const [second, third, fourth] = [words[start + 1], words[start + 2], words[start + 3]]
  const other = (entries[entry] ^ length) | (entries[entry + 1] ^ second) | (entries[entry + 2] ^ third) | (entries[entry + 3] ^ fourth)
  return other === 0 && (length <= inPlace || isSameLong(entries, entry, words, start))
}

function isSameLong(entries: Int32Array, entry: number, words: Int32Array, start: number): boolean {
  const count = wordsOf(words[start])
  for (let i = 4; i < count; i++) if (entries[entry + i] !== words[start + i]) return false
  return true
}

function hashOf(words: Int32Array, start: number): number {
  const length = words[start]
  let hash = Math.imul(length ^ Math.imul(words[start + 1], 0x85ebca6b), 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 15) ^ words[start + 2], 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 13) ^ words[start + 3], 0x297a2d39)
  return length <= inPlace ? hash ^ (hash >>> 15) : hashOfLong(hash, words, start)
}

function hashOfLong(first: number, words: Int32Array, start: number): number {
  const end = start + wordsOf(words[start])
  let hash = first
  for (let i = start + 4; i < end; i++) hash = Math.imul(hash ^ words[i] ^ (hash >>> 15), 0x2c1b3c6d)
  return hash ^ (hash >>> 15)
}
