import { open, stat } from 'node:fs/promises'
import { FociError } from '../../errors.ts'
import { bytes } from './records.ts'

/** How a CSV file is written. */
export interface Dialect {
  readonly path: string
  readonly gzip: boolean
  /** One ASCII character. */
  readonly delimiter: string
  /** Column names, as the first line gives them. */
  readonly header: readonly string[]
}

const headerLimit = 1 << 20
const candidates = [',', '\t', ';', '|']

/** Reads the first line of a CSV file: packed or not, delimiter, column names. */
export async function readDialect(path: string, delimiter?: string): Promise<Dialect> {
  if (delimiter !== undefined && !/^[\t !\x23-\x7e]$/.test(delimiter)) {
    throw new FociError('OPTION', `delimiter ${JSON.stringify(delimiter)} is not one ASCII character`, 'Give one such as "," or "\\t".')
  }
  const gzip = await isGzip(path)
  const line = await firstLine(path, gzip)
  const chosen = delimiter ?? commonest(line)
  return { path, gzip, delimiter: chosen, header: splitRecord(line, chosen) }
}

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

async function firstLine(path: string, gzip: boolean): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const chunk of bytes(path, gzip)) {
    parts.push(chunk)
    length += chunk.length
    if (chunk.includes(10) || chunk.includes(13) || length > headerLimit) break
  }
  const head = Buffer.concat(parts)
  if (head.length === 0) throw new FociError('DATA', `${path}: the file is empty`, 'Give a file with a header line and rows.')
  const line = head.subarray(0, lineEnd(head))
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line)
  } catch (cause) {
    throw new FociError('DATA', `${path}, line 1: invalid UTF-8`, 'Write the file as UTF-8.', { cause })
  }
}

function lineEnd(head: Buffer): number {
  const end = head.findIndex((byte) => byte === 10 || byte === 13)
  return end < 0 ? head.length : end
}

/** The delimiter that the header has most of; a comma where it has none. */
function commonest(line: string): string {
  const bare = line.replace(/"[^"]*"/g, '')
  const counts = candidates.map((candidate) => bare.split(candidate).length)
  return candidates[counts.indexOf(Math.max(...counts))]
}

/** The fields of one record; quotes are doubled inside quotes. */
export function splitRecord(record: string, delimiter: string): string[] {
  const fields: string[] = []
  let at = 0
  for (;;) {
    const [field, end] = record[at] === '"' ? quotedField(record, at + 1, delimiter) : plainField(record, at, delimiter)
    fields.push(field)
    if (end >= record.length) return fields
    at = end + 1
  }
}

function plainField(record: string, from: number, delimiter: string): [string, number] {
  const found = record.indexOf(delimiter, from)
  const end = found < 0 ? record.length : found
  return [record.slice(from, end), end]
}

function quotedField(record: string, from: number, delimiter: string): [string, number] {
  let at = from
  for (;;) {
    const close = record.indexOf('"', at)
    if (close < 0) return [record.slice(from).replaceAll('""', '"'), record.length]
    if (record[close + 1] !== '"') {
      const [rest, end] = plainField(record, close + 1, delimiter)
      return [record.slice(from, close).replaceAll('""', '"') + rest, end]
    }
    at = close + 2
  }
}
