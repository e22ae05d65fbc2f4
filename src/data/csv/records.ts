import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { FociError } from '../../errors.ts'

const newline = 10
const carriageReturn = 13
const quote = 34
const chunkSize = 1 << 18

/** The file's bytes, unpacked where it is gzip. A damaged archive is an error here, by its checksum. */
export async function* bytes(path: string, gzip: boolean): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: chunkSize })
  const stream: Readable = gzip ? file.pipe(createGunzip({ chunkSize })) : file
  file.on('error', (error) => stream.destroy(error))
  try {
    for await (const chunk of stream) yield chunk
  } catch (cause) {
    if (!gzip) throw new FociError('FILE', `cannot read ${path}`, 'Check that the file may be read.', { cause })
    throw new FociError('DATA', `${path}: the gzip archive is damaged or cut off`, 'Fetch or write the file again.', { cause })
  } finally {
    file.destroy()
  }
}

/**
 * Sees each record of a CSV file.
 * @param line it begins on; the header is line 1
 * @param start offset of its first byte in the unpacked file
 * @param blank nothing stands between two line ends
 * @returns whether to stop
 */
export type Visit = (line: number, start: number, blank: boolean) => boolean

/**
 * Walks over a file's records, header included. It knows what DuckDB does not tell: blank lines, the line on which a
 * row stands, and the first line that ends otherwise than the header, which is returned.
 */
export async function walkRecords(path: string, gzip: boolean, delimiter: string, visit: Visit): Promise<number | undefined> {
  const separator = delimiter.charCodeAt(0)
  const ends = new LineEnds()
  let [line, start, recordLine, offset] = [1, 0, 1, 0]
  let [quoted, closed, fieldStart, blank, afterReturn] = [false, false, true, true, false]
  for await (const chunk of bytes(path, gzip)) {
    for (let i = 0; i < chunk.length; i++, offset++) {
      const byte = chunk[i]
      if (!quoted && (byte === newline || afterReturn)) ends.note(byte === newline, afterReturn, line - (afterReturn ? 1 : 0))
      if (byte === newline && afterReturn) {
        afterReturn = false
        if (!quoted) start = offset + 1
        continue
      }
      afterReturn = byte === carriageReturn
      const lineEnds = byte === newline || afterReturn
      if (lineEnds) line++
      if (quoted) {
        if (byte === quote) [quoted, closed] = [false, true]
      } else if (lineEnds) {
        if (visit(recordLine, start, blank)) return ends.odd
        ;[start, recordLine, closed, fieldStart, blank] = [offset + 1, line, false, true, true]
      } else {
        quoted = byte === quote && (fieldStart || closed) // a second quote after one stands for itself
        closed = false
        fieldStart = byte === separator
        blank = false
      }
    }
  }
  if (!blank) visit(recordLine, start, false)
  return ends.odd
}

/** Whether all lines end alike: \n, \r or \r\n. */
class LineEnds {
  /** The first line that ends otherwise than the one before it. */
  odd: number | undefined
  private first: number | undefined

  note(isNewline: boolean, afterReturn: boolean, line: number): void {
    const kind = (isNewline ? 1 : 0) + (afterReturn ? 2 : 0)
    this.first ??= kind
    if (kind !== this.first) this.odd ??= line
  }
}
