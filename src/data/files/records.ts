import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { FociError } from '../../errors.ts'
import type { Dialect } from './dialect.ts'

const newline = 10
const carriageReturn = 13
const chunkSize = 1 << 18

/**
 * The file's bytes, unpacked where it is gzip; a damaged archive is an error here, by its checksum. What it gives is
 * valid until the next is asked for.
 */
export async function* bytes(path: string, gzip: boolean): AsyncGenerator<Buffer> {
  if (gzip) yield* unpacked(path)
  else {
    const file = await open(path).catch((cause: unknown) => {
      throw unreadable(path, cause)
    })
    try {
      yield* plain(path, file)
    } finally {
      await file.close()
    }
  }
}

async function* plain(path: string, file: FileHandle): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(chunkSize)
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, chunkSize).catch((cause: unknown) => {
      throw unreadable(path, cause)
    })
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

const unreadable = (path: string, cause: unknown) =>
  new FociError('FILE', `cannot read ${path}: ${String(cause)}`, 'Check that the file may be read.', { cause })

export const damaged = (path: string, cause: unknown) =>
  new FociError('DATA', `${path}: the gzip archive is damaged or cut off`, 'Fetch or write the file again.', { cause })

async function* unpacked(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: chunkSize })
  const stream = file.pipe(createGunzip({ chunkSize }))
  file.on('error', (error) => stream.destroy(error))
  try {
    for await (const chunk of stream) yield chunk
  } catch (cause) {
    throw damaged(path, cause)
  } finally {
    file.destroy()
  }
}

/**
 * Sees each record of a file.
 * @param line it begins on, from 1
 * @param start offset of its first byte in the unpacked file
 * @param blank nothing stands between two line ends
 * @returns whether to stop
 */
export type Visit = (line: number, start: number, blank: boolean) => boolean

/** What DuckDB does not tell of a file's lines. */
export interface Survey {
  /** Lines with nothing in them. */
  readonly blanks: number
  /** Whether lines end in more than one of \n, \r and \r\n. */
  readonly mixed: boolean
  /** The first line that ends otherwise than those before it; only where the records were visited. */
  readonly odd?: number
}

/** Walks over a file's records, a header included. A gzip archive is proved whole by it. */
export async function walkRecords({ path, gzip, delimiter, quote }: Dialect, visit?: Visit): Promise<Survey> {
  const walk = new Walk(delimiter.charCodeAt(0), quote === '' ? -1 : quote.charCodeAt(0), visit)
  for await (const chunk of bytes(path, gzip)) {
    walk.see(chunk)
    if (walk.stopped) return walk
  }
  walk.end()
  return walk
}

const blankLine = Buffer.from('\n\n')

class Walk implements Survey {
  blanks = 0
  odd: number | undefined
  stopped = false
  /** Bit by bit the kinds of line end: \n, \r, \r\n. */
  private ends = 0
  private quoted = false
  private closed = false
  private fieldStart = true
  private blank = true
  private afterReturn = false
  private line = 1
  private offset = 0
  private recordLine = 1
  private recordStart = 0
  private readonly separator: number
  private readonly quote: number
  private readonly visit: Visit | undefined

  constructor(separator: number, quote: number, visit: Visit | undefined) {
    this.separator = separator
    this.quote = quote
    this.visit = visit
  }

  get mixed(): boolean {
    return (this.ends & (this.ends - 1)) !== 0
  }

  see(chunk: Buffer): void {
    const plain = !this.visit && !this.quoted && !this.afterReturn && !chunk.includes(carriageReturn)
    if (plain && (this.quote < 0 || !chunk.includes(this.quote))) this.seeLines(chunk)
    else this.seeBytes(chunk)
  }

  end(): void {
    if (!this.blank) this.visit?.(this.recordLine, this.recordStart, false)
  }

  /** Where there is no quote and no \r, and nobody asks where records stand, only blank lines count. */
  private seeLines(chunk: Buffer): void {
    if (this.blank && chunk[0] === newline) this.blanks++
    for (let at = chunk.indexOf(blankLine); at >= 0; at = chunk.indexOf(blankLine, at + 1)) this.blanks++
    if (chunk.includes(newline)) this.ends |= 1
    const last = chunk[chunk.length - 1]
    this.blank = last === newline
    this.closed = false
    this.fieldStart = this.blank || last === this.separator
  }

  private seeBytes(chunk: Buffer): void {
    const { separator, quote } = this
    let { quoted, closed, fieldStart, blank, afterReturn } = this
    for (let i = 0; i < chunk.length && !this.stopped; i++) {
      const byte = chunk[i]
      const pair = byte === newline && afterReturn
      if (!quoted && (byte === newline || afterReturn)) this.note(pair ? 4 : afterReturn ? 2 : 1, afterReturn ? this.line - 1 : this.line)
      afterReturn = byte === carriageReturn
      if (pair) {
        if (!quoted) this.recordStart = this.offset + i + 1
      } else if (quoted) {
        if (afterReturn || byte === newline) this.line++
        if (byte === quote) [quoted, closed] = [false, true]
      } else if (afterReturn || byte === newline) {
        this.endRecord(blank, this.offset + i + 1)
        closed = false
        fieldStart = blank = true
      } else {
        quoted = byte === quote && (fieldStart || closed) // a second quote after one stands for itself
        closed = false
        fieldStart = byte === separator
        blank = false
      }
    }
    this.offset += chunk.length
    Object.assign(this, { quoted, closed, fieldStart, blank, afterReturn })
  }

  private endRecord(blank: boolean, next: number): void {
    if (blank) this.blanks++
    this.stopped = this.visit?.(this.recordLine, this.recordStart, blank) ?? false
    this.line++
    this.recordLine = this.line
    this.recordStart = next
  }

  private note(kind: number, line: number): void {
    if (this.ends !== 0 && (this.ends | kind) !== this.ends) this.odd ??= line
    this.ends |= kind
  }
}
