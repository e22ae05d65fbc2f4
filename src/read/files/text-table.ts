import { FociError } from '../../errors.ts'
import type { Row } from '../gatherer.ts'
import { type BadRow, badRow } from '../row-faults.ts'
import { bytes } from './bytes.ts'
import type { Dialect } from './dialect.ts'
import { type Break, breaks, Records, type Visitor } from './records.ts'

/** Columns of a table, and keys of an object, at most. */
export const mostColumns = 10_000

/** A text file as rows: a CSV file's are the fields of its records, those of JSON lines are objects. */
export interface TextTable {
  readonly path: string
  /** Names of the columns: of a CSV file all, of JSON lines those of the first object. */
  readonly header: readonly string[]
  /** How it is written. */
  readonly dialect: Dialect
  readonly format: 'csv' | 'json'
  /**
   * Goes over the file once. What is seen and what is counted add up to its records and blank lines.
   * @param see is given each row, and says whether to stop
   */
  walk(see: (row: Row, line: number) => boolean): Promise<Walked>
}

/** What stands in a file beside its rows. */
export interface Walked {
  /** By reason. */
  readonly broken: Readonly<Record<string, number>>
  /** The first that is no blank line. */
  readonly first?: BadLine
}

/** What is wrong with a line of a file. */
export interface BadLine extends BadRow {
  readonly line: number
}

/** @param found what is wrong, and where in the line */
export const badLine = (source: string, line: number, found: Omit<BadLine, 'source' | 'place' | 'line'>): BadLine => ({
  source,
  place: `line ${line}`,
  line,
  ...found,
})

/** What is no row, counted; the first is kept. */
class Breaks {
  private readonly counts = new Array<number>(reasons.length).fill(0)
  private readonly source: string
  private first: BadLine | undefined

  constructor(source: string) {
    this.source = source
  }

  note(reason: (typeof reasons)[number], line: number, more: Pick<BadRow, 'detail' | 'hint'> = {}): false {
    this.counts[reasons.indexOf(reason)]++
    if (reason !== blankLine) this.first ??= badLine(this.source, line, { reason, ...more })
    return false
  }

  walked(): Walked {
    return { broken: brokenOf(this.counts), first: this.first }
  }
}

const blankLine: Break = 'blank line'

/** A record of another number of fields than the first. */
export const wrongCount = 'wrong number of columns'

/** A line of JSON that is something else. */
const noObject = 'row is no object'

/** Why something is no row, in the order in which it is counted. */
export const reasons = [...breaks, wrongCount, noObject] as const

/** Counts that are not 0, by reason. */
export function brokenOf(counts: readonly number[]): Record<string, number> {
  return Object.fromEntries(reasons.map((reason, i) => [reason, counts[i]] as const).filter(([, count]) => count > 0))
}

/** Cuts a file into records until its end, or until the visitor has seen enough. */
async function cut(dialect: Dialect, visitor: Visitor): Promise<void> {
  const records = new Records(dialect, visitor)
  let begun = false
  for await (const chunk of bytes(dialect.path, dialect.gzip)) {
    records.add(begun ? chunk : withoutMark(chunk))
    begun = true
    if (records.stopped) return
  }
  records.end()
}

/** A file may begin with a byte order mark. */
const withoutMark = (chunk: Buffer): Buffer => (chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? chunk.subarray(3) : chunk)

/** A CSV file; its first record names the columns. */
export async function csvTable(dialect: Dialect): Promise<TextTable> {
  const { path } = dialect
  const header = await headerOf(dialect)
  if (header.length > mostColumns) throw tooMany(path, `${header.length} columns`)
  const walk: TextTable['walk'] = async (see) => {
    const none = new Breaks(path)
    let headed = false
    await cut(dialect, {
      record(fields, line) {
        if (!headed) {
          headed = true
          return false
        }
        if (fields.length === header.length) return see(fields as unknown as Row, line)
        return none.note(wrongCount, line, miscounted(fields.length, fields[fields.length - 1] === '', header.length))
      },
      broken: (reason, line) => none.note(reason, line),
    })
    return none.walked()
  }
  return { path, header, dialect, format: 'csv', walk }
}

/** The fields of the first record. */
async function headerOf(dialect: Dialect): Promise<readonly string[]> {
  let header: readonly string[] | undefined
  await cut(dialect, {
    record(fields) {
      header = [...fields]
      return true
    },
    broken(reason, line) {
      if (reason === blankLine) return false
      throw badRow(badLine(dialect.path, line, { reason, hint: 'The first line names the columns: mend it.' }))
    },
  })
  return header ?? []
}

/** @param open whether the last field is empty */
export function miscounted(fields: number, open: boolean, wanted: number): Pick<BadRow, 'detail' | 'hint'> {
  const detail = `${fields} in place of ${wanted}`
  if (fields !== wanted + 1 || !open) return { detail }
  return { detail, hint: 'The line ends in a delimiter: take it away, or let the first line end in one too.' }
}

/** JSON lines: an object each. */
export function jsonTable(path: string, gzip: boolean, firstLine: string): TextTable {
  const dialect: Dialect = { path, gzip, delimiter: '', quote: '' }
  const header = Object.keys(parsed(firstLine) ?? {})
  const walk: TextTable['walk'] = async (see) => {
    const none = new Breaks(path)
    await cut(dialect, {
      record([text], line) {
        const row = parsed(text, path, line)
        return row ? see(row, line) : none.note(noObject, line)
      },
      broken: (reason, line) => none.note(reason, line),
    })
    return none.walked()
  }
  return { path, header, dialect, format: 'json', walk }
}

/** The object that a line holds. */
function parsed(text: string, path = '', line = 1): Row | undefined {
  if (!/^\s*\{.*\}\s*$/s.test(text)) return undefined // what throws takes a hundred times as long
  const { stackTraceLimit } = Error
  let value: unknown
  try {
    Error.stackTraceLimit = 0 // nobody looks at it, and it takes longer than all the rest
    value = JSON.parse(/\d{16}/.test(text) ? text.replace(longNumber, quoteLong) : text)
  } catch {
    return undefined
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
  if (text.length > 4 * mostColumns && Object.keys(value as Row).length > mostColumns) {
    throw tooMany(`${path}, line ${line}`, `${Object.keys(value as Row).length} keys`)
  }
  return value as Row
}

/** A text, or a whole number of which doubles may not hold each digit. */
const longNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\w.+-])-?\d{16,}(?![\d.eE])/g
/** Such a number becomes a text: its digits are an id, or a time. */
const quoteLong = (found: string): string => (found[0] === '"' ? found : `"${found}"`)

export const tooMany = (where: string, what: string): FociError =>
  new FociError('COLUMN', `${where}: ${what}, and at most ${mostColumns} are read`, 'Write a file that has the columns of a log alone.')
