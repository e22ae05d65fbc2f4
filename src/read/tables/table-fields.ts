import { locateColumn } from '../columns.ts'
import type { Row } from '../gatherer.ts'

/** Of what a table tells: the id of each of its rows is one. */
export type Subject = 'item' | 'user'

/** Names of an items table's own columns, where they are not item, title and categories or genres; all others are features. */
export interface ItemsColumns {
  /** Where absent, what the log calls its items if the table has a column of that name. */
  readonly item?: string
  readonly title?: string
  /** A list, or a text with `|` between several. */
  readonly categories?: string
}

/** The name of a users table's own column, where it is not user; all others are features. */
export interface UsersColumns {
  /** Where absent, what the log calls its users if the table has a column of that name. */
  readonly user?: string
}

/** How a table is read. */
export interface TableOptions {
  readonly subject: Subject
  readonly columns: ItemsColumns & UsersColumns
  /** What the log calls the ids. */
  readonly logName?: string
  readonly skipInvalid: boolean
}

/** Names of a table's own columns. */
export interface TableFields {
  readonly id: string
  readonly title?: string
  readonly categories?: string
}

/**
 * The own columns of a table with such a header.
 * @param open whether rows may have keys beside the header, which is that of the first
 * @throws FociError COLUMN where one is missing
 */
export function fieldsOf(
  header: readonly string[],
  source: string,
  { subject, columns, logName }: TableOptions,
  open: boolean,
): TableFields {
  const find = (field: keyof TableOptions['columns'], ...names: string[]) => {
    const given = columns[field]
    const name = given ?? names.find((each) => header.includes(each)) ?? field
    const needed = !open && (field === subject || given !== undefined)
    return locateColumn(header, name, source, needed, remedyOf(subject, field)) >= 0 || open ? name : undefined
  }
  const id = find(subject, ...(logName === undefined ? [] : [logName])) ?? subject
  return subject === 'user' ? { id } : { id, title: find('title'), categories: find('categories', 'categories', 'genres') }
}

/** What a caller does about a column of another name. */
export const remedyOf = (subject: Subject, field: string): string => `${subject}sColumns: { ${field}: … }`

/** Where a row has what. */
export interface Keys {
  readonly id: string | number
  readonly title?: string | number
  readonly categories?: string | number
  /** Names and keys of a row's other columns. */
  others(row: Row): readonly (readonly [name: string, key: string | number])[]
}

/** Rows are objects, each with keys of its own. */
export function objectKeys(fields: TableFields): Keys {
  const own = new Set(Object.values(fields))
  const others: Keys['others'] = (row) => Object.keys(row).flatMap((key) => (own.has(key) ? [] : [[key, key]]))
  return { ...fields, others }
}

/** Rows are lists. */
export function columnKeys(header: readonly string[], fields: TableFields): Keys {
  const placeOf = (name: string | undefined) => (name === undefined ? undefined : header.indexOf(name))
  const own = { id: header.indexOf(fields.id), title: placeOf(fields.title), categories: placeOf(fields.categories) }
  const others = header.map((name, i) => [name, i] as const).filter(([, i]) => !Object.values(own).includes(i))
  return { ...own, others: () => others }
}
