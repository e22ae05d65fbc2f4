import { FociError } from '../../errors.ts'

/** How a text file of records is written. */
export interface Dialect {
  readonly path: string
  readonly gzip: boolean
  /** One ASCII character. */
  readonly delimiter: string
  /** `"` around fields that may hold delimiters and line ends; empty where there are no such. */
  readonly quote: '"' | ''
  /** Whether the first line names the columns. */
  readonly headed: boolean
}

const candidates = [',', '\t', ';', '|']

/** The delimiter of a CSV file by its first line, where it is not given. */
export function delimiterOf(line: string, given?: string): string {
  if (given !== undefined && !/^[\t !\x23-\x7e]$/.test(given)) {
    throw new FociError('OPTION', `delimiter ${JSON.stringify(given)} is not one ASCII character`, 'Give one such as "," or "\\t".')
  }
  return given ?? commonest(line)
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
