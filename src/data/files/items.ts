import { type ItemRow, soundItems } from '../catalogue.ts'
import { locateColumn } from '../columns.ts'
import type { Session } from './duckdb.ts'
import { idExpression, listExpression } from './expressions.ts'
import { openTable } from './open.ts'
import type { Table } from './table.ts'

/** Reads an items table: item, and title, categories or genres where it has them; other columns are passed over. */
export async function readFileItems(session: Session, path: string, skipInvalid: boolean) {
  const table = await openTable(session, path, { name: 'items' })
  const { read, broken } = await table.complete(session.rows(selectItems(table, path)))
  const { items, bad } = soundItems(read.map(itemRow))
  const skipped: Record<string, number> = { ...broken }
  for (const { reason } of bad) skipped[reason] = (skipped[reason] ?? 0) + 1
  const invalid = Object.keys(skipped).some((reason) => reason !== 'blank line')
  if (invalid && !skipInvalid) throw await table.firstFault(bad[0] && { row: bad[0].index, column: 'item', reason: bad[0].reason })
  return { items, skipped }
}

function selectItems({ header, types, from }: Table, path: string): string {
  const find = (name: string, needed = false) => locateColumn(header, name, path, needed, 'the header "item"')
  const listed = find('categories') >= 0 ? find('categories') : find('genres')
  const text = (at: number, expression: (column: string, type: string) => string | undefined) =>
    (at < 0 ? undefined : expression(`c${at}`, types[at])) ?? 'NULL::VARCHAR'
  const id = (column: string, type: string) => idExpression(column, type)?.text
  return `SELECT ${text(find('item', true), id)}, ${text(find('title'), id)}, ${text(listed, listExpression)} FROM ${from}`
}

function itemRow([item, title, categories]: unknown[]): ItemRow {
  return {
    item: typeof item === 'string' ? item : '',
    ...(typeof title === 'string' && { title }),
    ...(typeof categories === 'string' && { categories: categories.split('|').filter((each) => each !== '') }),
  }
}
