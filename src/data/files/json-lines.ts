import { badRow } from '../faults.ts'
import { recordsOf, scanOf } from './csv.ts'
import type { Dialect } from './dialect.ts'
import { type Session, sqlText } from './duckdb.ts'
import type { Table } from './table.ts'

/** Each line is read as a record of one field: the delimiter is a character that JSON writes otherwise. */
export async function openJsonLines(session: Session, path: string, gzip: boolean, name: string): Promise<Table> {
  const dialect: Dialect = { path, gzip, delimiter: '\x01', quote: '', headed: false }
  // DuckDB takes a blank line for a null where there is one column.
  const lines = `(SELECT CASE WHEN json_valid(c0) AND json_type(c0) = 'OBJECT' THEN c0 END AS row FROM ${scanOf(dialect, 1, name)} WHERE c0 IS NOT NULL)`
  const header = await keysOf(session, lines)
  if (header.length === 0) throw badRow({ source: path, place: 'line 1', reason: 'no JSON object', hint: 'Write one object a line.' })
  const paths = header.map((key) => sqlText(`$."${key.replace(/["\\]/g, '\\$&')}"`)).join(', ')
  const columns = header.map((_, i) => `fields[${i + 1}] AS c${i}`).join(', ')
  const from = `(SELECT row IS NULL AS no_row, ${columns} FROM (SELECT row, json_extract(row, [${paths}]) AS fields FROM ${lines}))`
  return { header, types: header.map(() => 'JSON'), from, noRow: 'no_row', ...recordsOf(session, dialect, name) }
}

/** Keys of the rows, in the order of their first appearance. */
async function keysOf(session: Session, lines: string): Promise<string[]> {
  const rows = await session.rows(`SELECT DISTINCT json_keys(row) FROM ${lines} WHERE row IS NOT NULL`)
  return [...new Set(rows.flat(2).map(String))]
}
