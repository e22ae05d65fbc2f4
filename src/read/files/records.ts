import { isAscii, isUtf8 } from 'node:buffer'
import type { Dialect } from './dialect.ts'

/** Longest record, in bytes. */
export const recordLimit = 2_000_000

/** Why something in a file is no record. Each is one line, but for a record in quotes that is not UTF-8. */
export const breaks = ['blank line', 'invalid UTF-8', 'line too long', 'text behind a quote', 'unclosed quote'] as const

export type Break = (typeof breaks)[number]

/** Sees what stands in a file, in its order. Each says whether to stop. */
export interface Visitor {
  /**
   * @param fields of a record; the array is used again for the next
   * @param line it begins on, from 1
   */
  record(fields: readonly string[], line: number): boolean
  broken(reason: Break, line: number): boolean
}

const [newline, carriageReturn] = [10, 13]
/** In place of where the next record begins: the file's next bytes decide. */
const more = -1

/**
 * Cuts text into records as RFC 4180 has them; lines end in \n, \r\n or \r. Every byte belongs to one record or to one break,
 * so that what is read and what is told add up to the file. Where quotes do not fit, their first line is broken and the next
 * one is read: a quote that never closes costs a line, not the rest of the file.
 */
export class Records {
  /** Whether the visitor has seen enough. */
  stopped = false
  /** What no record has been made of yet, a character a byte. */
  private text = ''
  private ascii = true
  private line = 1
  /** Within a line that is too long. */
  private skipping = false
  private readonly fields: string[] = []
  private readonly separator: number
  private readonly quote: number
  private readonly visitor: Visitor

  constructor({ delimiter, quote }: Pick<Dialect, 'delimiter' | 'quote'>, visitor: Visitor) {
    this.separator = delimiter === '' ? more : delimiter.charCodeAt(0)
    this.quote = quote === '' ? more : quote.charCodeAt(0)
    this.visitor = visitor
  }

  /** Takes the file's next bytes. */
  add(chunk: Buffer): void {
    this.ascii &&= isAscii(chunk)
    this.text += chunk.toString('latin1')
    this.cut(false)
  }

  /** Takes what is left for the file's end. */
  end(): void {
    this.cut(true)
  }

  private cut(last: boolean): void {
    const { text } = this
    let at = 0
    while (at < text.length && !this.stopped) {
      const next = this.skipping ? this.skip(at, last) : this.next(at, last)
      if (next === more) break
      at = next
    }
    this.text = text.slice(at)
    if (!this.ascii) this.ascii = !/[^\0-\x7f]/.test(this.text)
  }

  /** Takes what begins at `start`, and gives where the next begins. */
  private next(start: number, last: boolean): number {
    const { text, fields, separator } = this
    fields.length = 0
    let lines = 1
    for (let at = start; ; at++) {
      let end = at
      if (text.charCodeAt(at) === this.quote) {
        end = this.closing(at + 1)
        if (end === more) return this.unfinished(start, last)
        const quoted = text.slice(at + 1, end)
        lines += linesIn(quoted)
        fields.push(quoted.includes('"') ? quoted.replaceAll('""', '"') : quoted)
        end++
      } else {
        for (
          let code = text.charCodeAt(end);
          code !== separator && code !== newline && code !== carriageReturn;
          code = text.charCodeAt(end)
        ) {
          if (end === text.length) break
          end++
        }
        fields.push(text.slice(at, end))
      }
      if (end === text.length && !last) return this.unfinished(start, last)
      const code = text.charCodeAt(end)
      if (code === separator) at = end
      else if (end === text.length || code === newline || code === carriageReturn) return this.taken(start, end, lines, last)
      else return this.breakLine('text behind a quote', start, last)
    }
  }

  /** Where a quoted field ends that begins at `at`. */
  private closing(at: number): number {
    const { text, quote } = this
    for (let close = text.indexOf('"', at); close >= 0; close = text.indexOf('"', close + 2)) {
      if (text.charCodeAt(close + 1) !== quote) return close
    }
    return more
  }

  /** The file ends, or its next bytes decide; of a record that is too long they don't. */
  private unfinished(start: number, last: boolean): number {
    const { text } = this
    const ends = endOfLine(text, start)
    const isLong = text.length - start > recordLimit
    if (!last && !isLong) return more
    if (ends < text.length || last) return this.breakLine('unclosed quote', start, last)
    this.skipping = true
    return this.broken('line too long', text.length)
  }

  /** A record that ends at `end`, before the end of its line. */
  private taken(start: number, end: number, lines: number, last: boolean): number {
    const next = this.after(end, last)
    if (next === more) return more
    if (end - start > recordLimit) return this.breakLine(lines > 1 ? 'unclosed quote' : 'line too long', start, last)
    if (end === start) return this.broken('blank line', next)
    const sound = this.ascii || this.decode()
    this.stopped = sound ? this.visitor.record(this.fields, this.line) : this.visitor.broken('invalid UTF-8', this.line)
    this.line += lines
    return next
  }

  /** Breaks the line that begins at `start`. */
  private breakLine(reason: Break, start: number, last: boolean): number {
    const next = this.after(endOfLine(this.text, start), last)
    return next === more ? more : this.broken(reason, next)
  }

  private broken(reason: Break, next: number): number {
    this.stopped = this.visitor.broken(reason, this.line)
    this.line++
    return next
  }

  /** Behind the end of a line. */
  private after(end: number, last: boolean): number {
    const { text } = this
    if (end === text.length) return last ? end : more
    if (text.charCodeAt(end) === newline) return end + 1
    if (end + 1 === text.length) return last ? end + 1 : more
    return text.charCodeAt(end + 1) === newline ? end + 2 : end + 1
  }

  /** Passes over the rest of a line that is too long, which has been told. */
  private skip(start: number, last: boolean): number {
    const end = endOfLine(this.text, start)
    if (end === this.text.length) return end
    const next = this.after(end, last)
    this.skipping = next === more
    return next
  }

  /** Fields of bytes as text; false where one is not UTF-8. */
  private decode(): boolean {
    const { fields } = this
    for (let i = 0; i < fields.length; i++) {
      if (!/[^\0-\x7f]/.test(fields[i])) continue
      const bytes = Buffer.from(fields[i], 'latin1')
      if (!isUtf8(bytes)) return false
      fields[i] = bytes.toString()
    }
    return true
  }
}

/** Where the line ends that `start` is on; the length of the text where it does not. */
function endOfLine(text: string, start: number): number {
  let end = start
  for (let code = text.charCodeAt(end); end < text.length && code !== newline && code !== carriageReturn; ) code = text.charCodeAt(++end)
  return end
}

const linesIn = (text: string): number => (/[\r\n]/.test(text) ? (text.match(/\r\n|\n|\r/g)?.length ?? 0) : 0)
