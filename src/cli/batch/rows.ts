import type { RankedUsers } from '../../recommend/many.ts'
import { putFloat32, SCORE_BYTES } from './numbers.ts'

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

/** Lists as lines of text in UTF-8: a row for each user and rank. */
export class Rows {
  private readonly syntax: Syntax
  /** What stands before an item, by place. */
  private readonly ranks: Texts
  /** What stands before a score, by item. */
  private readonly items: Texts
  /** What stands behind a score, by interest + 1. */
  private ends = new Texts([])
  private bytes = Buffer.allocUnsafeSlow(1 << 16)
  /** Bytes since they were taken, and the rows that they are. */
  length = 0
  private rows = 0

  /** @param ids of the items, by index */
  constructor(format: keyof typeof syntaxes, ids: readonly string[], k: number) {
    this.syntax = syntaxes[format]
    const { before, quote } = this.syntax
    this.ranks = new Texts(Array.from({ length: Math.min(k, ids.length) }, (_, place) => `${before[1]}${place + 1}${before[2]}`))
    this.items = new Texts(ids.map((id) => quote(id) + before[3]))
  }

  /** @param users ids of the users that were ranked */
  add(users: readonly string[], ranked: RankedUsers): void {
    this.knowInterests(ranked.interests)
    const k = ranked.items.length / users.length
    for (let b = 0; b < users.length; b++) {
      let present = 0
      while (present < k && ranked.items[b * k + present] >= 0) present++
      if (present > 0) this.addUser(users[b], ranked, b * k, present)
      this.rows += present
    }
  }

  /** The lines so far, which the next ones no longer follow. */
  take(): { readonly bytes: Buffer; readonly rows: number } {
    const { length, rows } = this
    const bytes = Buffer.from(this.bytes.subarray(0, length))
    this.length = 0
    this.rows = 0
    return { bytes, rows }
  }

  /** Adds the rows of a user, whose items stand at `first` and behind it. */
  private addUser(id: string, { items, scores, interests }: RankedUsers, first: number, count: number): void {
    const start = this.length
    const user = this.syntax.before[0] + this.syntax.quote(id)
    const { ranks, items: itemTexts, ends } = this
    this.reserve(start + count * (3 * user.length + ranks.longest + itemTexts.longest + SCORE_BYTES + ends.longest))
    const { bytes } = this
    const userEnd = putText(user, bytes, start)
    let at = start
    for (let place = 0; place < count; place++) {
      const row = first + place
      at = place === 0 ? userEnd : put(bytes, start, userEnd, bytes, at)
      at = ranks.put(place, bytes, at)
      at = itemTexts.put(items[row], bytes, at)
      at = putFloat32(scores[row], bytes, at)
      at = ends.put(interests[row] + 1, bytes, at)
    }
    this.length = at
  }

  private knowInterests(interests: Int32Array): void {
    let most = this.ends.count - 2
    for (let i = 0; i < interests.length; i++) if (interests[i] > most) most = interests[i]
    if (most + 2 === this.ends.count) return
    const { before, end } = this.syntax
    this.ends = new Texts(Array.from({ length: most + 2 }, (_, i) => `${before[4]}${i - 1}${end}`))
  }

  private reserve(length: number): void {
    if (length > this.bytes.length) this.bytes = Buffer.concat([this.bytes], 2 * length)
  }
}

/** Texts end to end in UTF-8. */
class Texts {
  /** Bytes of the longest. */
  readonly longest: number
  private readonly bytes: Buffer
  private readonly starts: Int32Array

  constructor(texts: readonly string[]) {
    this.bytes = Buffer.from(texts.join(''))
    this.starts = new Int32Array(texts.length + 1)
    let longest = 0
    for (let i = 0; i < texts.length; i++) {
      const length = Buffer.byteLength(texts[i])
      this.starts[i + 1] = this.starts[i] + length
      longest = Math.max(longest, length)
    }
    this.longest = longest
  }

  get count(): number {
    return this.starts.length - 1
  }

  put(index: number, to: Buffer, at: number): number {
    return put(this.bytes, this.starts[index], this.starts[index + 1], to, at)
  }
}

/** Copies some bytes, of which there are too few for a call to be worth it; gives where the next ones go. */
function put(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  for (let i = start; i < end; i++) to[at++] = from[i]
  return at
}

function putText(text: string, to: Buffer, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return at + to.write(text, at)
    to[at + i] = code
  }
  return at + text.length
}

/** A field of RFC 4180: in quotes where it holds a comma, a quote or the end of a line. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
