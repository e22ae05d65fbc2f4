import { type ItemRow, ItemTable } from '../../data/catalogue.ts'
import { locateColumn } from '../columns.ts'
import { badRow } from '../row-faults.ts'
import type { Session } from './duckdb.ts'
import { idExpression, listExpression } from './expressions.ts'
import { openTable } from './open.ts'
import { type ParquetTable, unreadable } from './parquet.ts'
import { type BadLine, badLine, type TextTable } from './text-table.ts'

/** Reads an items table: item, and title, categories or genres where it has them; other columns are passed over. */
export async function readFileItems(session: Session, path: string, skipInvalid: boolean): Promise<ItemTable> {
  const table = await openTable(session, path)
  return 'walk' in table ? textItems(table, skipInvalid) : parquetItems(session, table, skipInvalid)
}

/** The keys of an item's row. */
type Keys = Readonly<Record<'item' | 'title' | 'listed', string | number | undefined>>

function keysOf({ header, path, format }: TextTable): Keys {
  const csv = format === 'csv'
  const find = (name: string, needed = false) => {
    const at = locateColumn(header, name, path, needed, 'the header "item"')
    return at < 0 ? undefined : csv ? at : name
  }
  // Of JSON lines the first object need not have all keys that others have
  if (!csv) return { item: 'item', title: 'title', listed: find('categories') ?? find('genres') ?? 'categories' }
  return { item: find('item', true), title: find('title'), listed: find('categories') ?? find('genres') }
}

async function textItems(table: TextTable, skipInvalid: boolean): Promise<ItemTable> {
  const { path, header, format } = table
  const keys = keysOf(table)
  const found = new ItemTable()
  const bad: BadLine[] = []
  const { broken, first } = await table.walk((row, line) => {
    const reason = found.add(itemRow(row[keys.item!], row[keys.title!], row[keys.listed!]))
    if (reason !== undefined && bad.length === 0) bad.push(badLine(path, line, { column: 'item', reason }))
    return false
  })
  if (format === 'json' && found.items.length === 0) locateColumn(header, 'item', path, true, 'the header "item"')
  if (first) bad.push(first)
  if (bad.length > 0 && !skipInvalid) throw badRow(bad.sort((a, b) => a.line - b.line)[0])
  Object.assign(found.skipped, broken)
  return found
}

async function parquetItems(session: Session, { path, header, types, from }: ParquetTable, skipInvalid: boolean): Promise<ItemTable> {
  const find = (name: string, needed = false) => locateColumn(header, name, path, needed, 'the header "item"')
  const listed = find('categories') >= 0 ? find('categories') : find('genres')
  const text = (at: number, expression: (column: string, type: string) => string | undefined) =>
    (at < 0 ? undefined : expression(`c${at}`, types[at])) ?? 'NULL::VARCHAR'
  const id = (column: string, type: string) => idExpression(column, type)?.text
  const sql = `SELECT ${text(find('item', true), id)}, ${text(find('title'), id)}, ${text(listed, listExpression)} FROM ${from}`
  const rows = await session.rows(sql).catch((cause: unknown) => {
    throw unreadable(path, cause)
  })
  const found = new ItemTable()
  for (const [item, title, categories] of rows) found.add(itemRow(item, title, categories))
  if (found.first && !skipInvalid) {
    throw badRow({ source: path, place: `row ${found.first.index}`, column: 'item', reason: found.first.reason })
  }
  return found
}

/** @param categories a list, or a text with `|` between several */
function itemRow(item: unknown, title: unknown, categories: unknown): ItemRow {
  const list = typeof categories === 'string' ? categories.split('|') : Array.isArray(categories) ? categories.map(String) : []
  return {
    item: textOf(item) ?? '',
    ...(textOf(title) && { title: textOf(title) }),
    ...(list.length > 0 && { categories: list.filter((each) => each !== '').map(ownText) }),
  }
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? ownText(value) : typeof value === 'number' ? String(value) : undefined

/** Not a piece of a larger text, which would be kept for it. */
const ownText = (text: string): string => Buffer.from(text).toString()
