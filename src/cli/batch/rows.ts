import type { RankedUsers } from '../../recommend/many.ts'

/** Texts of a row: before the user, rank, item, score and interest, and at the end. */
interface Syntax {
  readonly before: readonly [user: string, rank: string, item: string, score: string, interest: string]
  readonly end: string
  quote(id: string): string
}

const syntaxes = {
  csv: { before: ['', ',', ',', ',', ','], end: '\n', quote: csvField },
  jsonl: { before: ['{"user":', ',"rank":', ',"item":', ',"score":', ',"interest":'], end: '}\n', quote: JSON.stringify },
} as const satisfies Record<string, Syntax>

/** Bytes that a number takes at most. */
const NUMBER = 32

/** Lists as lines of text in UTF-8: a row for each user and rank. */
export class Rows {
  private readonly syntax: Syntax
  private readonly ids: readonly string[]
  /** What stands between user and score, by item and rank: the rank's bytes, and the item's once it was needed. */
  private readonly ranks: readonly Buffer[]
  private readonly items: (Buffer | undefined)[]
  /** What stands behind a score, by interest + 1, once it was needed. */
  private readonly ends: Buffer[] = []
  private bytes = Buffer.alloc(1 << 16)

  /** @param ids of the items, by index */
  constructor(format: keyof typeof syntaxes, ids: readonly string[], k: number) {
    this.syntax = syntaxes[format]
    this.ids = ids
    this.items = new Array(ids.length).fill(undefined) // whole from the start: gaps would make it slow
    const { before } = this.syntax
    this.ranks = Array.from({ length: Math.min(k, ids.length) }, (_, place) => Buffer.from(`${before[1]}${place + 1}${before[2]}`))
  }

  /** @param users ids of the users that were ranked */
  lines(users: readonly string[], { items, scores, interests }: RankedUsers): { bytes: Buffer; rows: number } {
    const k = items.length / users.length
    let [length, rows] = [0, 0]
    for (let b = 0; b < users.length; b++) {
      const text = this.syntax.before[0] + this.syntax.quote(users[b])
      this.reserve(length + 3 * text.length)
      const user = this.bytes.subarray(length, length + this.bytes.write(text, length))
      for (let at = b * k; at < (b + 1) * k && items[at] >= 0; at++) {
        const [rank, item, end] = [this.ranks[at - b * k], this.item(items[at]), this.end(interests[at])]
        this.reserve(length + user.length + rank.length + item.length + NUMBER + end.length)
        length = put(item, this.bytes, put(rank, this.bytes, put(user, this.bytes, length)))
        length = put(end, this.bytes, putFloat32(scores[at], this.bytes, length))
        rows++
      }
    }
    return { bytes: Buffer.from(this.bytes.subarray(0, length)), rows }
  }

  private item(index: number): Buffer {
    const known = this.items[index]
    if (known) return known
    const made = Buffer.from(this.syntax.quote(this.ids[index]) + this.syntax.before[3])
    this.items[index] = made
    return made
  }

  private end(interest: number): Buffer {
    this.ends[interest + 1] ??= Buffer.from(`${this.syntax.before[4]}${interest}${this.syntax.end}`)
    return this.ends[interest + 1]
  }

  private reserve(length: number): void {
    if (length > this.bytes.length) this.bytes = Buffer.concat([this.bytes], 2 * length)
  }
}

/** Writes some bytes, of which there are too few for a call to be worth it; gives where the next ones go. */
function put(from: Uint8Array, to: Uint8Array, at: number): number {
  for (let i = 0; i < from.length; i++) to[at + i] = from[i]
  return at + from.length
}

/** A field of RFC 4180: in quotes where it holds a comma, a quote or the end of a line. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const POWERS = Array.from({ length: 13 }, (_, n) => 10 ** n)
const [ZERO, POINT, MINUS] = Buffer.from('0.-')

/**
 * Writes the shortest decimal that is this 32-bit number and no other: 7.225 and not 7.224999904632568, as JavaScript writes
 * numbers. Gives where the next byte goes.
 */
export function putFloat32(x: number, to: Buffer, at: number): number {
  const size = Math.abs(x)
  // Others, and those with an exponent, are rare
  if (!(size >= 1e-6 && size < 1e7)) return at + to.write(float32Text(x), at)
  let digits = digitsOf(size)
  while (digits < POWERS.length && Math.fround(Math.round(size * POWERS[digits]) / POWERS[digits]) !== size) digits++
  if (digits === POWERS.length) return at + to.write(`${x}`, at)
  let whole = Math.round(size * POWERS[digits])
  for (; digits > 0 && whole % 10 === 0; digits--) whole /= 10
  if (x < 0) to[at++] = MINUS
  return putDecimal(whole, digits, to, at)
}

/** Writes whole / 10^digits. */
function putDecimal(whole: number, digits: number, to: Buffer, at: number): number {
  let length = digits + 1
  while (length < POWERS.length && whole >= POWERS[length]) length++
  const end = at + length + (digits > 0 ? 1 : 0)
  for (let i = end - 1, place = 0; i >= at; i--, place++) {
    if (place === digits && digits > 0) to[i--] = POINT
    const rest = Math.floor(whole / 10)
    to[i] = ZERO + whole - 10 * rest
    whole = rest
  }
  return end
}

/** Digits behind the point with which a number has seven in all: enough for most, as nine are for all. */
function digitsOf(size: number): number {
  let digits = 7
  for (let power = 1; size >= power && digits > 0; power *= 10) digits--
  for (let power = 0.1; size < power && digits < 12; power /= 10) digits++
  return digits
}

/** A number of any size. */
function float32Text(x: number): string {
  for (let digits = digitsOf(Math.abs(x)); digits < POWERS.length; digits++) {
    // A quotient of two exact numbers is what a reader makes of its text
    const short = Math.round(x * POWERS[digits]) / POWERS[digits]
    if (Math.fround(short) === x) return `${short}`
  }
  return `${x}`
}
