import { type LogAddon, logAddon } from '../../engine/log.ts'
import type { RankedUsers } from '../../recommend/many.ts'
import { Lines } from './lines.ts'

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

/** Lists as lines of text in UTF-8, a row for each user and rank: by the addon, where there is one and scores are of usual size. */
export class Rows {
  /** Bytes since the lines were taken. */
  length = 0
  private rows = 0
  private texts: Uint8Array[] = []
  private readonly syntax: Syntax
  private readonly byAddon: InstanceType<LogAddon['ListLines']> | undefined
  private readonly byScript: () => Lines

  /** @param ids of the items, by index */
  constructor(format: keyof typeof syntaxes, ids: readonly string[], k: number) {
    this.syntax = syntaxes[format]
    const { before, end, quote } = this.syntax
    const ranks = Array.from({ length: Math.min(k, ids.length) }, (_, place) => `${before[1]}${place + 1}${before[2]}`)
    const items = ids.map((id) => quote(id) + before[3])
    const addon = logAddon()
    this.byAddon = addon && new addon.ListLines(joined(ranks), joined(items), joined([before[4], end]))
    let lines: Lines | undefined
    this.byScript = () => {
      lines ??= new Lines(ranks, items, [before[4], end])
      return lines
    }
  }

  /** @param ids of the users that were ranked */
  add(ids: readonly string[], ranked: RankedUsers): void {
    const { before, quote } = this.syntax
    const users = ids.map((id) => before[0] + quote(id))
    const { items, scores, interests } = ranked
    const { bytes, rows } = this.byAddon?.lines(joined(users), items, scores, interests) ?? this.byScript().lines(users, ranked)
    this.texts.push(bytes)
    this.length += bytes.length
    this.rows += rows
  }

  /** The lines so far, which the next ones no longer follow. */
  take(): { readonly bytes: Buffer; readonly rows: number } {
    const { rows, texts } = this
    this.length = 0
    this.rows = 0
    this.texts = []
    return { bytes: Buffer.concat(texts), rows }
  }
}

/** As the addon takes texts. */
function joined(texts: readonly string[]): { text: string; ends: Uint32Array } {
  const ends = new Uint32Array(texts.length)
  for (let i = 0, end = 0; i < texts.length; i++) {
    end += texts[i].length
    ends[i] = end
  }
  return { text: texts.join(''), ends }
}

/** A field of RFC 4180: in quotes where it holds a comma, a quote or the end of a line. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
