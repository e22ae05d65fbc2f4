/** What tables say of a log's items and users, by the log's indices. */
import { catalogueOf } from '../../data/catalogue.ts'
import { indexOfIds } from '../../data/id-index.ts'
import type { Catalogue } from '../../data/interactions.ts'
import { nearest } from '../../data/nearest.ts'
import type { Columns } from '../../data/table-columns.ts'
import { FociError } from '../../errors.ts'
import { placed } from './column-kinds.ts'
import { remedyOf } from './table-fields.ts'
import type { Table } from './table-rows.ts'

/** The log's items, then those that only the table has, in order of first appearance. @throws FociError DATA where no id is the log's */
export function joinItems(logIds: readonly string[], table: Table): { readonly catalogue: Catalogue; readonly notes: readonly string[] } {
  const { ids: tableIds, titles: tableTitles, categories: tableCategories, columns, left } = table
  const at = placesIn(logIds, table)
  const notes = doubtsOf(table, at, logIds)
  const ids = [...logIds]
  for (const [row, id] of tableIds.entries()) if (at[row] < 0 && !left.has(row)) at[row] = ids.push(id) - 1
  const titles = new Array<string | undefined>(ids.length).fill(undefined)
  const categories = new Array<readonly string[]>(ids.length).fill([])
  for (const [row, index] of at.entries()) {
    if (index < 0) continue
    titles[index] = tableTitles[row]
    categories[index] = tableCategories[row]
  }
  const catalogue = catalogueOf(
    ids,
    titles.some((title) => title !== undefined) ? titles : undefined,
    categories.some((of) => of.length > 0) ? categories : undefined,
    columns.length > 0 ? columnsAt(table, at, ids.length) : undefined,
  )
  return { catalogue, notes }
}

export interface JoinedUsers {
  readonly userColumns: Columns
  /** Users of the table alone, who are kept out. */
  readonly strangers: number
  readonly notes: readonly string[]
}

/** The columns of the log's users. @throws FociError DATA where no id is the log's */
export function joinUsers(users: readonly string[], table: Table): JoinedUsers {
  const at = placesIn(users, table)
  const notes = doubtsOf(table, at, users)
  const strangers = at.reduce((sum, index, row) => sum + (index < 0 && !table.left.has(row) ? 1 : 0), 0)
  return { userColumns: columnsAt(table, at, users.length), strangers, notes }
}

/** The index that the log gives each of the table's rows; −1 where it knows none, or the row is left out. */
function placesIn(logIds: readonly string[], { ids, left }: Table): Int32Array {
  const indexOf = indexOfIds(logIds)
  return Int32Array.from(ids, (id, row) => (left.has(row) ? -1 : indexOf(id)))
}

const columnsAt = ({ columns }: Table, at: Int32Array, n: number): Columns =>
  Object.fromEntries(columns.map((column) => [column.name, placed(column, at, n)]))

/** What to mind of a table. @throws FociError DATA where no id is the log's */
function doubtsOf(table: Table, at: Int32Array, logIds: readonly string[]): string[] {
  const { source, subject, ids, left, notes } = table
  const rows = ids.length - left.size
  const common = at.reduce((sum, index) => sum + (index < 0 ? 0 : 1), 0)
  if (rows > 0 && common === 0) throw strangersOnly(table, logIds)
  const few = 10 * common < rows || (rows > 0 && 10 * common < logIds.length)
  const share = `only ${common} of its ${rows} ${subject}s are among the log's ${logIds.length}: are the ids written alike?`
  return [...(few ? [share] : []), ...notes, ...namesakes(table)].map((note) => `${source}: ${note}`)
}

function strangersOnly({ source, subject, ids, left, fields }: Table, logIds: readonly string[]): FociError {
  const first = ids.find((_, row) => !left.has(row))
  const begin = `it begins with ${JSON.stringify(first)}, the log with ${JSON.stringify(logIds[0])}`
  return new FociError(
    'DATA',
    `${source}, column "${fields.id}": none of its ${subject}s is in the log; ${begin}`,
    `Write the ids as the log has them, or name their column with ${remedyOf(subject, subject)}.`,
  )
}

/** Columns whose names are nearly those of the table's own. */
function namesakes({ subject, fields, titles, categories, columns }: Table): string[] {
  if (subject === 'user') return []
  const names = columns.map(({ name }) => name)
  const missing = [!titles.some((title) => title !== undefined) && 'title', !categories.some((of) => of.length > 0) && 'categories']
  return missing.flatMap((field) => {
    const guess = field && (nearest(field, names) ?? (field === 'categories' ? nearest('genres', names) : undefined))
    if (!guess || guess === fields[field as 'title']) return []
    return [`it has no ${field}; where column "${guess}" holds them, name it with ${remedyOf(subject, field)}`]
  })
}
