import type { ItemRow } from '../catalogue.ts'
import { locateColumn } from '../columns.ts'
import { fault, faults } from '../faults.ts'
import { readDialect } from './dialect.ts'
import type { Session } from './duckdb.ts'
import { firstFault, loadCsv } from './load.ts'

/** Reads a CSV items table: item, and title, categories or genres where it has them; other columns are passed over. */
export async function readCsvItems(session: Session, path: string, skipInvalid: boolean) {
  const dialect = await readDialect(path)
  const find = (name: string, needed = false) => locateColumn(dialect.header, name, path, needed, 'an item column')
  const item = find('item', true)
  const optional = (at: number) => (at < 0 ? 'NULL::VARCHAR' : `c${at}`)
  const listed = find('categories') >= 0 ? find('categories') : find('genres')
  const loaded = await loadCsv(
    session,
    dialect,
    'catalogue',
    `c${item} AS item, ${optional(find('title'))} AS title, ${optional(listed)} AS categories`,
  )
  const rows = await session.rows(`SELECT item, title, categories, n::DOUBLE FROM catalogue ORDER BY n`)
  const skipped: Record<string, number> = { ...loaded.broken }
  const empty = rows.filter(([id]) => isEmpty(id))
  if (empty.length > 0) skipped[faults[fault.item].reason] = empty.length
  const bad = Object.keys(skipped).some((reason) => reason !== 'blank line')
  if (bad && !skipInvalid) {
    const found = empty.length === 0 ? undefined : { n: Number(empty[0][3]), column: 'item', reason: faults[fault.item].reason }
    throw await firstFault(dialect, loaded, found)
  }
  return { items: rows.filter(([id]) => !isEmpty(id)).map(itemRow), skipped }
}

const isEmpty = (id: unknown) => typeof id !== 'string' || /^ *$/.test(id)

function itemRow([item, title, categories]: unknown[]): ItemRow {
  return {
    item: String(item),
    ...(typeof title === 'string' && { title }),
    ...(typeof categories === 'string' && { categories: categories.split('|').filter((each) => each !== '') }),
  }
}
