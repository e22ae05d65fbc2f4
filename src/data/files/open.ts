import { type FileHandle, open } from 'node:fs/promises'
import { constants, gunzipSync } from 'node:zlib'
import { FociError } from '../../errors.ts'
import { openCsv } from './csv.ts'
import type { Session } from './duckdb.ts'
import { openJsonLines } from './json-lines.ts'
import { openParquet } from './parquet.ts'
import { damaged } from './records.ts'
import type { Table, TableOptions } from './table.ts'

/** Looks at the beginning of a file and takes it for Parquet, JSON lines or CSV. */
export async function openTable(session: Session, path: string, options: TableOptions): Promise<Table> {
  const { line, gzip } = await look(path)
  if (line.subarray(0, 4).toString('latin1') === 'PAR1' || path.endsWith('.parquet')) return openParquet(session, path)
  if (line[0] === openingBrace || /\.(jsonl|ndjson|json)(\.gz)?$/.test(path)) return openJsonLines(session, path, gzip, options.name)
  return openCsv(session, path, gzip, textOf(line, path), options)
}

const openingBrace = 123

interface Beginning {
  readonly line: Buffer
  readonly gzip: boolean
}

async function look(path: string): Promise<Beginning> {
  try {
    const file = await open(path)
    try {
      if ((await file.stat()).isDirectory()) throw new Error('it is a folder')
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

/** Bytes that are looked at first; sixteen times as many where no line ends in them. */
const glance = 1 << 14
const longestHeader = 1 << 20

async function firstLine(file: FileHandle, path: string): Promise<Beginning> {
  for (let size = glance; ; size *= 16) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(size), 0, size, 0)
    const bytes = buffer.subarray(0, bytesRead)
    const gzip = bytes[0] === 0x1f && bytes[1] === 0x8b
    const text = gzip ? unpackedStart(bytes, path) : bytes
    const end = [text.indexOf(10), text.indexOf(13)].filter((at) => at >= 0)
    if (end.length > 0) return { line: text.subarray(0, Math.min(...end)), gzip }
    if (bytesRead === size && text.length <= longestHeader) continue
    if (text.length === 0) throw new FociError('DATA', `${path}: the file is empty`, 'Give a file with rows.')
    return { line: text, gzip }
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
