import type { Row } from '../gatherer.ts'
import { columnKeys, fieldsOf, objectKeys, type TableOptions } from '../tables/table-fields.ts'
import { type Table, TableRows } from '../tables/table-rows.ts'
import type { Session } from './duckdb.ts'
import { cellExpression } from './expressions.ts'
import { openTable } from './open.ts'
import { type ParquetTable, unreadable } from './parquet.ts'
import { type BadLine, mostColumns, type TextTable, tooMany } from './text-table.ts'

/** Reads an items or a users table from a file. */
export async function readFileTable(session: Session, path: string, options: TableOptions): Promise<Table> {
  const table = await openTable(session, path)
  return 'walk' in table ? textRows(table, options) : parquetRows(session, table, options)
}

async function textRows(table: TextTable, options: TableOptions): Promise<Table> {
  const { path, header, format } = table
  const fields = fieldsOf(header, path, options, format === 'json')
  const keys = format === 'csv' ? columnKeys(header, fields) : objectKeys(fields)
  const rows = new TableRows({ name: path, unit: 'line' }, options, fields)
  if (format === 'csv') passOverUnnamed(header, rows)
  const { broken, first } = await table.walk((row, line) => {
    rows.add(row, keys, line)
    if (rows.width > mostColumns) throw tooMany(`${path}, line ${line}`, `${rows.width} columns`)
    return false
  })
  if (format === 'json') rows.checkNamed(header)
  rows.count(broken, first && explained(first))
  return rows.done()
}

/** Columns that no name tells from others. */
function passOverUnnamed(header: readonly string[], rows: TableRows): void {
  for (const [i, name] of header.entries()) {
    if (name === '') rows.passOver(name, 'it has no name')
    else if (header.indexOf(name) !== i) rows.passOver(name, 'another one has the same name')
  }
}

const inLatin1 = 'Write the file as UTF-8: iconv -f latin1 -t utf-8 does, where it is Latin-1.'

/** Texts with accents are where other encodings are met. */
function explained({ line, reason, detail, hint }: BadLine) {
  return { place: line, reason, detail, hint: reason === 'invalid UTF-8' ? inLatin1 : hint }
}

async function parquetRows(session: Session, { path, header, types, from }: ParquetTable, options: TableOptions): Promise<Table> {
  const fields = fieldsOf(header, path, options, false)
  const keys = columnKeys(header, fields)
  const rows = new TableRows({ name: path, unit: 'row' }, options, fields)
  passOverUnnamed(header, rows)
  const isText = types.map((type, i) => i === keys.id || i === keys.title || (i === keys.categories && type !== 'JSON'))
  const columns = types.map((type, i) => cellExpression(`c${i}`, type, isText[i]))
  columns.forEach((column, i) => {
    if (column === undefined) rows.passOver(header[i], `its type is ${types[i]}`)
  })
  const isJson = types.map((type, i) => type === 'JSON' && !isText[i])
  let place = 0
  try {
    for await (const batch of session.batches(`SELECT ${columns.map((column) => column ?? 'NULL').join(', ')} FROM ${from}`)) {
      for (const values of batch) {
        const row: unknown = values.map((value, i) => (isJson[i] ? parsed(value) : value))
        rows.add(row as Row, keys, place++)
      }
    }
  } catch (cause) {
    throw unreadable(path, cause)
  }
  return rows.done()
}

/** What a text of JSON holds. */
function parsed(value: unknown): unknown {
  try {
    return typeof value === 'string' ? JSON.parse(value) : value
  } catch {
    return value
  }
}
