import { FociError } from '../../errors.ts'
import { badRow } from '../faults.ts'
import { type Dialect, delimiterOf, splitRecord } from './dialect.ts'
import { isOutOfMemory, type Session, sqlPath, sqlText } from './duckdb.ts'
import { type Survey, walkRecords } from './records.ts'
import type { RowFault, Table, TableOptions } from './table.ts'

/** Longest record, in bytes. */
const recordLimit = 2_000_000

/** A CSV file; its first line names the columns. */
export function openCsv(session: Session, path: string, gzip: boolean, firstLine: string, { name, delimiter }: TableOptions): Table {
  const chosen = delimiterOf(firstLine, delimiter)
  const header = splitRecord(firstLine, chosen)
  const dialect: Dialect = { path, gzip, delimiter: chosen, quote: '"', headed: true }
  const types = header.map(() => 'VARCHAR')
  return { header, types, from: scanOf(dialect, header.length, name), csv: dialect, ...recordsOf(session, dialect, name) }
}

/** What stands after FROM for a file of records of `columns` texts: c0, c1, … What is no record goes to the table NAME_rejects. */
export function scanOf({ path, gzip, delimiter, quote, headed }: Dialect, columns: number, name: string): string {
  const names = Array.from({ length: columns }, (_, i) => `'c${i}': 'VARCHAR'`).join(', ')
  return `read_csv(${sqlPath(path)}, auto_detect = false, header = ${headed}, columns = {${names}}, delim = ${sqlText(delimiter)},
    quote = ${sqlText(quote)}, escape = ${sqlText(quote)}, compression = '${gzip ? 'gzip' : 'none'}', hive_partitioning = false,
    max_line_size = ${recordLimit}, store_rejects = true, rejects_table = '${name}_rejects', rejects_scan = '${name}_scans')`
}

/** How the rows of a file of records are completed by what DuckDB passes over, and where a bad one stands. */
export function recordsOf(session: Session, dialect: Dialect, name: string): Pick<Table, 'complete' | 'firstFault'> {
  let rejects: readonly Reject[] = []
  return {
    async complete(reading) {
      const [surveyed, read] = await Promise.allSettled([walkRecords(dialect), reading])
      if (surveyed.status === 'rejected') throw surveyed.reason
      if (surveyed.value.mixed) throw await mixedEnds(dialect)
      if (read.status === 'rejected') throw unreadable(dialect, read.reason)
      rejects = await readRejects(session, name)
      return { read: read.value, broken: countBroken(surveyed.value, rejects) }
    },
    firstFault: (found) => firstFault(dialect, rejects, found),
  }
}

/** DuckDB gives up on such a file, or takes its quotes for unclosed. */
async function mixedEnds(dialect: Dialect): Promise<FociError> {
  const { odd } = await walkRecords(dialect, () => false)
  const reason = 'the line ends otherwise than those before it'
  return badRow({ source: dialect.path, place: `line ${odd}`, reason, hint: oneLineEnd })
}

const oneLineEnd = 'Write the file in UTF-8 with one kind of line end (\\n or \\r\\n) throughout.'

/** What DuckDB gave up on. */
function unreadable({ path }: Dialect, cause: unknown): unknown {
  if (isOutOfMemory(cause) || cause instanceof FociError) return cause
  const message = String(cause instanceof Error ? cause.message : cause).split('\n')[0]
  return new FociError('DATA', `${path}: ${message}`, oneLineEnd, { cause })
}

/** Lines that are no record of as many fields as the first. */
interface Reject {
  /** Offset of its first byte. */
  readonly start: number
  readonly reason: string
  readonly lines: number
}

async function readRejects(session: Session, name: string): Promise<Reject[]> {
  const rows = await session.rows(
    `SELECT line_byte_position::DOUBLE, min(error_type::VARCHAR),
       max(length(record) - length(replace(record, chr(10), '')) + 1)::DOUBLE AS lines
     FROM (SELECT *, rtrim(csv_line, chr(13) || chr(10)) AS record FROM ${name}_rejects) GROUP BY 1 ORDER BY 1`,
  )
  return rows.map(([start, type, lines]) => ({
    start: Number(start) - 1,
    reason: reasons[String(type)] ?? String(type).toLowerCase(),
    lines: Number(lines ?? 1),
  }))
}

const reasons: Readonly<Record<string, string>> = {
  'MISSING COLUMNS': 'wrong number of columns',
  'TOO MANY COLUMNS': 'wrong number of columns',
  'UNQUOTED VALUE': 'unclosed quote',
  'INVALID ENCODING': 'invalid UTF-8',
  'LINE SIZE OVER MAXIMUM': 'line too long',
}

function countBroken({ blanks }: Survey, rejects: readonly Reject[]): Record<string, number> {
  const counts: Record<string, number> = blanks > 0 ? { 'blank line': blanks } : {}
  for (const { reason, lines } of rejects) counts[reason] = (counts[reason] ?? 0) + lines
  return counts
}

async function firstFault(dialect: Dialect, rejects: readonly Reject[], found?: RowFault): Promise<FociError> {
  const reasonAt = new Map(rejects.map(({ start, reason }) => [start, reason]))
  const source = dialect.path
  let error = new FociError('DATA', `${source}: ${found?.reason ?? rejects[0]?.reason ?? 'unreadable'}`, 'Mend the file.')
  let row = dialect.headed ? -1 : 0
  await walkRecords(dialect, (line, start, blank) => {
    const reason = reasonAt.get(start)
    if (reason !== undefined) error = badRow({ source, place: `line ${line}`, reason })
    else if (!blank && row++ === found?.row) error = badRow({ ...found, source, place: `line ${line}` })
    else return false
    return true
  })
  return error
}
