import { FociError } from '../../errors.ts'
import { badRow } from '../faults.ts'
import type { Dialect } from './dialect.ts'
import { type Session, sqlText } from './duckdb.ts'
import { walkRecords } from './records.ts'

/** A CSV file as a table of the session: `n` counts its sound rows from 1 in file order. */
export interface Loaded {
  /** Lines that are no records of as many fields as the header, by reason; blank lines too. */
  readonly broken: Readonly<Record<string, number>>
  /** Bytes at which the broken records start, with what is wrong with each. */
  readonly rejects: readonly Reject[]
}

interface Reject {
  readonly start: number
  readonly reason: string
}

/** Longest record, in bytes. */
const recordLimit = 2_000_000

/**
 * Loads a file as the table `name` with the columns `n` and those that `select` makes from the file's c0, c1, … (texts;
 * null where a field is empty).
 */
export async function loadCsv(session: Session, dialect: Dialect, name: string, select: string): Promise<Loaded> {
  const columns = dialect.header.map((_, i) => `'c${i}': 'VARCHAR'`).join(', ')
  const scan = `read_csv(${await session.sqlPath(dialect.path)}, auto_detect = false, header = true, columns = {${columns}},
    delim = ${sqlText(dialect.delimiter)}, quote = '"', escape = '"', compression = '${dialect.gzip ? 'gzip' : 'none'}',
    hive_partitioning = false, max_line_size = ${recordLimit},
    store_rejects = true, rejects_table = '${name}_rejects', rejects_scan = '${name}_scans')`
  const [walked, table] = await Promise.allSettled([
    walk(dialect),
    session.connection.run(`CREATE TABLE ${name} AS SELECT row_number() OVER () AS n, ${select} FROM ${scan}`),
  ])
  if (walked.status === 'rejected') throw walked.reason
  const { blanks, odd } = walked.value
  if (odd !== undefined) throw mixedEnds(dialect, odd)
  if (table.status === 'rejected')
    throw /out of memory|disk space/i.test(String(table.reason)) ? table.reason : unreadable(dialect, table.reason)
  const { rejects, counts } = await readRejects(session, name)
  return { rejects, broken: { ...(blanks > 0 && { 'blank line': blanks }), ...counts } }
}

/** DuckDB skips blank lines and does not say so. Walking over the file also proves a gzip archive whole. */
async function walk({ path, gzip, delimiter }: Dialect): Promise<{ blanks: number; odd: number | undefined }> {
  let blanks = 0
  const odd = await walkRecords(path, gzip, delimiter, (_line, _start, blank) => {
    if (blank) blanks++
    return false
  })
  return { blanks, odd }
}

/** DuckDB gives up on such a file, or takes its quotes for unclosed. */
function mixedEnds({ path }: Dialect, line: number): FociError {
  return badRow({ source: path, place: `line ${line}`, reason: 'the line ends otherwise than those before it', hint: oneLineEnd })
}

const oneLineEnd = 'Write the file as CSV in UTF-8 with one kind of line end (\\n or \\r\\n) throughout.'

async function readRejects(session: Session, name: string): Promise<{ rejects: Reject[]; counts: Record<string, number> }> {
  const rows = await session.rows(
    `SELECT line_byte_position::DOUBLE, min(error_type::VARCHAR),
       max(length(record) - length(replace(record, chr(10), '')) + 1)::DOUBLE AS lines
     FROM (SELECT *, rtrim(csv_line, chr(13) || chr(10)) AS record FROM ${name}_rejects) GROUP BY 1 ORDER BY 1`,
  )
  const counts: Record<string, number> = {}
  const rejects = rows.map(([start, type, lines]) => {
    const reason = reasons[String(type)] ?? String(type).toLowerCase()
    counts[reason] = (counts[reason] ?? 0) + Number(lines ?? 1)
    return { start: Number(start) - 1, reason }
  })
  return { rejects, counts }
}

const reasons: Readonly<Record<string, string>> = {
  'MISSING COLUMNS': 'wrong number of columns',
  'TOO MANY COLUMNS': 'wrong number of columns',
  'UNQUOTED VALUE': 'unclosed quote',
  'INVALID ENCODING': 'invalid UTF-8',
  'LINE SIZE OVER MAXIMUM': 'line too long',
}

/** What DuckDB gave up on. */
function unreadable({ path }: Dialect, cause: unknown): FociError {
  const message = String(cause instanceof Error ? cause.message : cause).split('\n')[0]
  return new FociError('DATA', `${path}: ${message}`, oneLineEnd, { cause })
}

/** The earlier of the first broken record and the sound row number `n` that the caller found fault with, as an error. */
export async function firstFault(
  dialect: Dialect,
  { rejects }: Loaded,
  found?: { n: number; column?: string; reason: string; value?: string | number; hint?: string },
): Promise<FociError> {
  const starts = new Map(rejects.map(({ start, reason }) => [start, reason]))
  let error = new FociError('DATA', `${dialect.path}: ${found?.reason ?? rejects[0]?.reason ?? 'unreadable'}`, 'Mend the file.')
  let rows = -1 // the header is not a row
  await walkRecords(dialect.path, dialect.gzip, dialect.delimiter, (line, start, blank) => {
    const reason = starts.get(start)
    if (reason !== undefined) error = badRow({ source: dialect.path, place: `line ${line}`, reason })
    else if (!blank && ++rows === found?.n) error = badRow({ ...found, source: dialect.path, place: `line ${line}` })
    else return false
    return true
  })
  return error
}
