import { open, stat } from 'node:fs/promises'
import { FociError } from '../../errors.ts'
import { openCsv } from './csv.ts'
import type { Session } from './duckdb.ts'
import { openJsonLines } from './json-lines.ts'
import { openParquet } from './parquet.ts'
import { bytes } from './records.ts'
import type { Table, TableOptions } from './table.ts'

/** Looks at the beginning of a file and takes it for Parquet, JSON lines or CSV. */
export async function openTable(session: Session, path: string, options: TableOptions): Promise<Table> {
  const gzip = await isGzip(path)
  const line = await firstLine(path, gzip)
  if (line.subarray(0, 4).toString('latin1') === 'PAR1' || path.endsWith('.parquet')) return openParquet(session, path)
  if (line[0] === openingBrace || /\.(jsonl|ndjson|json)(\.gz)?$/.test(path)) return openJsonLines(session, path, gzip, options.name)
  return openCsv(session, path, gzip, textOf(line, path), options)
}

const openingBrace = 123

async function isGzip(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) throw new Error('it is a folder')
    const file = await open(path)
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0)
      return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
    } finally {
      await file.close()
    }
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' ? 'there is no such file' : String(cause)
    throw new FociError('FILE', `cannot read ${path}: ${reason}`, 'Check the path; it is relative to the current folder.', { cause })
  }
}

const longestHeader = 1 << 20

async function firstLine(path: string, gzip: boolean): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  for await (const chunk of bytes(path, gzip)) {
    parts.push(Buffer.from(chunk))
    length += chunk.length
    if (chunk.includes(10) || chunk.includes(13) || length > longestHeader) break
  }
  const head = Buffer.concat(parts)
  if (head.length === 0) throw new FociError('DATA', `${path}: the file is empty`, 'Give a file with rows.')
  const end = head.findIndex((byte) => byte === 10 || byte === 13)
  return end < 0 ? head : head.subarray(0, end)
}

function textOf(line: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line)
  } catch (cause) {
    throw new FociError('DATA', `${path}, line 1: invalid UTF-8`, 'Write the file as UTF-8.', { cause })
  }
}
