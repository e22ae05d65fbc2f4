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

/** Lists as lines of text: a row for each user and rank. */
export class Rows {
  private readonly syntax: Syntax
  private readonly ids: readonly string[]
  /** What stands between user and score, by item and rank: the rank's text, and the item's once it was needed. */
  private readonly ranks: readonly string[]
  private readonly items: string[] = []

  /** @param ids of the items, by index */
  constructor(format: keyof typeof syntaxes, ids: readonly string[], k: number) {
    this.syntax = syntaxes[format]
    this.ids = ids
    const { before } = this.syntax
    this.ranks = Array.from({ length: Math.min(k, ids.length) }, (_, place) => `${before[1]}${place + 1}${before[2]}`)
  }

  /** @param users ids of the users that were ranked */
  text(users: readonly string[], { items, scores, interests }: RankedUsers): { text: string; rows: number } {
    const k = items.length / users.length
    const { before, end, quote } = this.syntax
    let text = ''
    let rows = 0
    users.forEach((id, b) => {
      const user = before[0] + quote(id)
      for (let place = 0; place < k && items[b * k + place] >= 0; place++) {
        const at = b * k + place
        text += user + this.ranks[place] + this.item(items[at]) + float32Text(scores[at]) + before[4] + interests[at] + end
        rows++
      }
    })
    return { text, rows }
  }

  private item(index: number): string {
    this.items[index] ??= this.syntax.quote(this.ids[index]) + this.syntax.before[3]
    return this.items[index]
  }
}

/** A field of RFC 4180: in quotes where it holds a comma, a quote or the end of a line. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const POWERS = Array.from({ length: 13 }, (_, n) => 10 ** n)

/** The shortest decimal that is this 32-bit number and no other: 7.225 and not 7.224999904632568. */
export function float32Text(x: number): string {
  const size = Math.abs(x)
  // Seven significant digits do for most and nine for all; a quotient of two exact numbers is what a reader makes of its text
  let digits = 7
  for (let power = 1; size >= power && digits > 0; power *= 10) digits--
  for (let power = 0.1; size < power && digits < 12; power /= 10) digits++
  for (; digits < POWERS.length; digits++) {
    const short = Math.round(x * POWERS[digits]) / POWERS[digits]
    if (Math.fround(short) === x) return `${short}`
  }
  return `${x}`
}
