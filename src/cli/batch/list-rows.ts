import { type LogAddon, logAddon } from '../../engine/log-addon.ts'
import type { RankedUsers } from '../../recommend/many.ts'
import { Lines } from './lines.ts'

/** Texts of a row: before the user, rank, item, score and interest, and at the end. */
interface Syntax {
  readonly before: readonly [user: string, rank: string, item: string, score: string, interest: string]
  readonly end: string
  /** What an id has in it that cannot stand between two marks as it is. */
  readonly odd: RegExp
  readonly mark: string
  quote(id: string): string
}

const syntaxes = {
  csv: { before: ['', ',', ',', ',', ','], end: '\n', odd: /[",\r\n]/, mark: '', quote: csvField },
  jsonl: {
    before: ['{"user":', ',"rank":', ',"item":', ',"score":', ',"interest":'],
    end: '}\n',
    odd: /["\\\p{Cc}\p{Cs}]/u,
    mark: '"',
    quote: JSON.stringify,
  },
} as const satisfies Record<string, Syntax>

/** Lists as lines of text in UTF-8, a row for each user and rank: by the addon, where there is one and scores are of usual size. */
export class Rows {
  /** Bytes since the lines were taken. */
  length = 0
  private rows = 0
  private bytes: Buffer
  private taken: Buffer
  private readonly syntax: Syntax
  private readonly byAddon: InstanceType<LogAddon['ListLines']> | undefined
  private readonly byScript: () => Lines

  /**
   * @param ids of the items, by index
   * @param room bytes to begin with: about as many as are taken at a time
   */
  constructor(format: keyof typeof syntaxes, ids: readonly string[], k: number, room: number) {
    this.bytes = Buffer.allocUnsafeSlow(room)
    this.taken = Buffer.allocUnsafeSlow(room)
    this.syntax = syntaxes[format]
    const { before, end } = this.syntax
    const ranks = Array.from({ length: Math.min(k, ids.length) }, (_, place) => `${before[1]}${place + 1}${before[2]}`)
    const addon = logAddon()
    this.byAddon = addon && new addon.ListLines(joined(ranks), this.joinedIds('', ids, before[3]), joined([before[4], end]))
    let lines: Lines | undefined
    this.byScript = () => {
      lines ??= new Lines(ranks, this.quoted('', ids, before[3]), [before[4], end])
      return lines
    }
  }

  /** @param ids of the users that were ranked */
  add(ids: readonly string[], ranked: RankedUsers): void {
    const { bytes, rows } = this.addByAddon(ids, ranked) ?? this.addByScript(ids, ranked)
    this.length += bytes
    this.rows += rows
  }

  /** The lines so far, which the next ones no longer follow. Those that come after the next time go where these are. */
  take(): { readonly bytes: Buffer; readonly rows: number } {
    const { rows, length, bytes } = this
    this.bytes = this.taken
    this.taken = bytes
    this.length = 0
    this.rows = 0
    return { bytes: bytes.subarray(0, length), rows }
  }

  private addByAddon(ids: readonly string[], { items, scores, interests }: RankedUsers): Written | undefined {
    const { byAddon, length } = this
    if (!byAddon) return undefined
    const users = this.joinedIds(this.syntax.before[0], ids, '')
    const written = byAddon.lines(users, items, scores, interests, this.bytes.subarray(length))
    if (!written || length + written.bytes <= this.bytes.length) return written ?? undefined
    this.reserve(written.bytes)
    return byAddon.lines(users, items, scores, interests, this.bytes.subarray(length)) ?? undefined
  }

  private addByScript(ids: readonly string[], ranked: RankedUsers): Written {
    const { bytes, rows } = this.byScript().lines(this.quoted(this.syntax.before[0], ids, ''), ranked)
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.length)
    return { bytes: bytes.length, rows }
  }

  private quoted(before: string, ids: readonly string[], behind: string): string[] {
    return ids.map((id) => before + this.syntax.quote(id) + behind)
  }

  /** The same as the addon takes it; most ids need no look at each. */
  private joinedIds(before: string, ids: readonly string[], behind: string): Joined {
    const { odd, mark } = this.syntax
    if (odd.test(ids.join(' '))) return joined(this.quoted(before, ids, behind))
    return joined(ids, before + mark, mark + behind)
  }

  private reserve(more: number): void {
    const wanted = this.length + more
    if (wanted > this.bytes.length) this.bytes = Buffer.concat([this.bytes.subarray(0, this.length)], 2 * wanted)
  }
}

/** Bytes and rows of some lines. */
interface Written {
  readonly bytes: number
  readonly rows: number
}

/** Texts as the addon takes them: one after the other, and where each ends. */
interface Joined {
  text: string
  ends: Uint32Array
}

function joined(texts: readonly string[], before = '', behind = ''): Joined {
  const ends = new Uint32Array(texts.length)
  const around = before.length + behind.length
  for (let i = 0, end = 0; i < texts.length; i++) {
    end += texts[i].length + around
    ends[i] = end
  }
  return { text: texts.length > 0 ? before + texts.join(behind + before) + behind : '', ends }
}

/** A field of RFC 4180: in quotes where it holds a comma, a quote or the end of a line. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
