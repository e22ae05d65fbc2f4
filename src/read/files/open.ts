import { type FileHandle, open, stat } from 'node:fs/promises'
import { constants, gunzipSync } from 'node:zlib'
import { FociError } from '../../errors.ts'
import { badRow } from '../row-faults.ts'
import { damaged } from './bytes.ts'
import { delimiterOf } from './dialect.ts'
import type { Session } from './duckdb.ts'
import { openParquet, type ParquetTable } from './parquet.ts'
import { csvTable, jsonTable, type TextTable } from './text-table.ts'

/**
 * Looks at the beginning of a file and takes it for Parquet, JSON lines or CSV.
 * @param delimiter of a CSV file; taken from its first line where absent
 */
export async function openTable(session: Session, path: string, delimiter?: string): Promise<TextTable | ParquetTable> {
  const { line, gzip } = await look(path)
  if (line.subarray(0, 4).toString('latin1') === 'PAR1' || path.endsWith('.parquet')) return openParquet(session, path)
  const named = /\.(jsonl|ndjson|json)(\.gz)?$/.test(path)
  if (line[0] !== openingBrace && !named) {
    return csvTable({ path, gzip, delimiter: delimiterOf(textOf(line, path), delimiter), quote: '"' })
  }
  if (line[0] === openingBracket) throw badRow({ source: path, place: 'line 1', reason: 'a JSON array', hint: oneObjectALine })
  return jsonTable(path, gzip, line.toString())
}

const openingBrace = 123
const openingBracket = 91
const oneObjectALine = "Write one object a line, such as with jq -c '.[]'."

interface Beginning {
  /** The first that is not blank. */
  readonly line: Buffer
  readonly gzip: boolean
}

async function look(path: string): Promise<Beginning> {
  try {
    await checkKind(path)
    const file = await open(path)
    try {
      return await firstLine(file, path)
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (cause instanceof FociError) throw cause
    const reason = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' ? 'there is no such file' : String(cause)
    throw new FociError('FILE', `cannot read ${path}: ${reason}`, 'Check the path; it is relative to the current folder.', { cause })
  }
}

/** A file is read several times; to open a pipe would wait for whoever writes to it. */
async function checkKind(path: string): Promise<void> {
  const found = await stat(path)
  if (found.isFile()) return
  if (found.isDirectory()) throw new FociError('FILE', `cannot read ${path}: it is a folder`, 'Give the path of a file.')
  throw new FociError('FILE', `cannot read ${path}: it is no file but a pipe or a device`, 'Write what comes from it to a file first.')
}

/** Bytes that are looked at first; sixteen times as many where no line ends in them. */
const glance = 1 << 14
const longestHeader = 1 << 20

async function firstLine(file: FileHandle, path: string): Promise<Beginning> {
  for (let size = glance; ; size *= 16) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(size), 0, size, 0)
    const bytes = buffer.subarray(0, bytesRead)
    const gzip = bytes[0] === 0x1f && bytes[1] === 0x8b
    const all = gzip ? unpackedStart(bytes, path) : bytes
    const text = all.subarray(all.findIndex((byte) => byte !== 10 && byte !== 13))
    const end = [text.indexOf(10), text.indexOf(13)].filter((at) => at >= 0)
    const blank = all.length > 0 && /^[\r\n]*$/.test(text.toString('latin1', 0, 2))
    if (!blank && end.length > 0) return { line: text.subarray(0, Math.min(...end)), gzip }
    if (bytesRead === size && all.length <= longestHeader) continue
    if (all.length === 0) throw new FociError('DATA', `${path}: the file is empty`, 'Give a file with rows.')
    if (!blank) return { line: text, gzip }
    const where = bytesRead === size ? `its first ${all.length} bytes` : 'it'
    throw new FociError('DATA', `${path}: there are only blank lines in ${where}`, 'Give a file whose first line names the columns.')
  }
}

/** What the first bytes of a gzip archive hold. */
function unpackedStart(bytes: Buffer, path: string): Buffer {
  try {
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
  } catch (cause) {
    throw damaged(path, cause)
  }
}

function textOf(line: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line)
  } catch (cause) {
    throw new FociError('DATA', `${path}, line 1: invalid UTF-8`, 'Write the file as UTF-8.', { cause })
  }
}
