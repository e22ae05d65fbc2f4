import { type ItemRow, soundItems } from '../catalogue.ts'
import { locateColumn } from '../columns.ts'
import { readDialect } from './dialect.ts'
import type { Session } from './duckdb.ts'
import { firstFault, loadCsv } from './load.ts'

/** Reads a CSV items table: item, and title, categories or genres where it has them; other columns are passed over. */
export async function readCsvItems(session: Session, path: string, skipInvalid: boolean) {
  const dialect = await readDialect(path)
  const find = (name: string, needed = false) => locateColumn(dialect.header, name, path, needed, 'the header "item"')
  const column = (at: number) => (at < 0 ? 'NULL::VARCHAR' : `c${at}`)
  const listed = find('categories') >= 0 ? find('categories') : find('genres')
  const select = `${column(find('item', true))} AS item, ${column(find('title'))} AS title, ${column(listed)} AS categories`
  const loaded = await loadCsv(session, dialect, 'catalogue', select)
  const rows = await session.rows('SELECT item, title, categories FROM catalogue ORDER BY n')
  const { items, bad } = soundItems(rows.map(itemRow))
  const skipped: Record<string, number> = { ...loaded.broken }
  for (const { reason } of bad) skipped[reason] = (skipped[reason] ?? 0) + 1
  if ((bad.length > 0 || loaded.rejects.length > 0) && !skipInvalid) {
    const found = bad.length === 0 ? undefined : { n: bad[0].index + 1, column: 'item', reason: bad[0].reason }
    throw await firstFault(dialect, loaded, found)
  }
  return { items, skipped }
}

function itemRow([item, title, categories]: unknown[]): ItemRow {
  return {
    item: typeof item === 'string' ? item : '',
    ...(typeof title === 'string' && { title }),
    ...(typeof categories === 'string' && { categories: categories.split('|').filter((each) => each !== '') }),
  }
}
