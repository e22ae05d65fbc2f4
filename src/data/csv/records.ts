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

/** Where a record of a CSV file stands. */
export interface RecordPlace {
  /** Line it begins on; the header is line 1. */
  readonly line: number
  /** Offset of its first byte in the unpacked file. */
  readonly start: number
  /** No byte between two line ends. */
  readonly blank: boolean
}

/**
 * Walks over a file's records, header included, and hands out each one's place until `visit` returns true. It knows
 * what DuckDB does not tell: blank lines, and the line on which a row stands.
 */
export async function walkRecords(
  path: string,
  gzip: boolean,
  delimiter: string,
  visit: (line: number, start: number, blank: boolean) => boolean,
): Promise<void> {
  const separator = delimiter.charCodeAt(0)
  let [line, start, recordLine, offset] = [1, 0, 1, 0]
  let [quoted, closed, fieldStart, blank, afterReturn] = [false, false, true, true, false]
  for await (const chunk of bytes(path, gzip)) {
    for (let i = 0; i < chunk.length; i++, offset++) {
      const byte = chunk[i]
      if (byte === newline && afterReturn) {
        afterReturn = false
        if (!quoted) start = offset + 1
        continue
      }
      afterReturn = byte === carriageReturn
      const ends = byte === newline || byte === carriageReturn
      if (ends) line++
      if (quoted) {
        if (byte === quote) [quoted, closed] = [false, true]
      } else if (ends) {
        if (visit(recordLine, start, blank)) return
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
}
