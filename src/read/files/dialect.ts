import { FociError } from '../../errors.ts'

/** How a text file of records is written. */
export interface Dialect {
  readonly path: string
  readonly gzip: boolean
  /** One ASCII character; none where a record is a line. */
  readonly delimiter: string
  /** `"` around fields that may hold delimiters and line ends; empty where there are no such. */
  readonly quote: '"' | ''
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
