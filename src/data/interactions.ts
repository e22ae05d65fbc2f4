import { FociError } from '../errors.ts'
import { shown } from './options.ts'
import { type Columns, rowsOf } from './table-columns.ts'

/**
 * A log as columns: the rows of each user stand together in time order, ties in file order. Ids of users and items are
 * strings outside and indices inside, numbered by first appearance in the source.
 *
 * The arrays are views of shared memory, so that a training worker reads them without a copy.
 */
export interface Interactions {
  /** User ids by index, U of them. */
  readonly users: readonly string[]
  readonly catalogue: Catalogue
  /** Where each user's rows stand, [U + 1]. */
  readonly offsets: Int32Array
  /** Item index of each row, [N]. */
  readonly items: Int32Array
  /** Seconds since 1970, or positions where `unit` is `ordinal`, [N]. */
  readonly times: Float64Array
  readonly unit: TimeUnit
  /** Scene index of each row, [N], and the scenes' names. */
  readonly scenes?: Int32Array
  readonly sceneNames?: readonly string[]
  /** Event type index of each row, [N], and the types' names. */
  readonly events?: Int32Array
  readonly eventNames?: readonly string[]
  /** NaN where a row has none, [N]. */
  readonly values?: Float32Array
  /** What a users table says of the log's users, by their indices. */
  readonly userColumns?: Columns
  readonly roles: EventRoles
  /** Rows that `skipInvalid` left out, by reason; blank lines, which hold no row; and users whom the users table alone has. */
  readonly skipped: Readonly<Record<string, number>>
  /** What is worth a look at the tables of items and users though nothing is wrong with them, a sentence each. */
  readonly notes?: readonly string[]
  /** SHA-256 of the columns: the same log gives the same hash. It is made when it is asked for. */
  readonly hash: string
}

/** The unit that a time column was written in. `ordinal`: times are only positions; time splits and time models refuse. */
export type TimeUnit = 'seconds' | 'milliseconds' | 'microseconds' | 'nanoseconds' | 'iso' | 'ordinal'

/** Every item of the log and of the items table, in order of first appearance. */
export interface Catalogue {
  readonly size: number
  /** Item id by index. */
  readonly ids: readonly string[]
  /** Index of an item id, or −1. */
  indexOf(id: string): number
  /** Titles by index, where an items table gave them. */
  readonly titles?: readonly (string | undefined)[]
  /** Categories by index. */
  readonly categories?: readonly (readonly string[])[]
  /** The other columns of an items table, by the items' indices. */
  readonly columns?: Columns
}

/** What each event type is for. Without an event column every row is a target and an input. */
export interface EventRoles {
  /** Event types that are predicted; all where absent. */
  readonly target?: readonly string[]
  /** Event types that a history holds; all where absent. */
  readonly input?: readonly string[]
  /** Weight of an event type in training; 1 where absent. */
  readonly weight?: Readonly<Record<string, number>>
  /** Event types that say what was shown: what rankers learn from as not wanted, where it was not chosen. */
  readonly shown?: readonly string[]
  /** Event types whose items are never shown again. */
  readonly negative?: readonly string[]
  /** Event types whose items the seen filter removes; all where absent, `none` for repeat consumption. */
  readonly seen?: readonly string[] | 'none'
}

/** Rows of users are told by i32 offsets. */
const MOST_ROWS = 2 ** 31 - 1

/** @throws FociError DATA where there are more rows than offsets can count */
export function checkRowCount(rows: number): void {
  if (rows <= MOST_ROWS) return
  const message = `The log has ${rows.toLocaleString('en-US')} rows, and ${MOST_ROWS.toLocaleString('en-US')} are the most.`
  throw new FociError('DATA', message, 'Give the rows of fewer users, or those of a later time.')
}

/** What callers hand over for a log. @throws FociError OPTION where it is none, DATA where it has too many rows, or its columns do not fit together */
export function checkLog(log: unknown): asserts log is Interactions {
  const { users, catalogue, offsets, items, times } = Object(log) as Partial<Interactions>
  const isLog =
    Array.isArray(users) && Array.isArray(catalogue?.ids) && [offsets, items, times].every((column) => (column?.length ?? -1) >= 0)
  if (!isLog) throw new FociError('OPTION', `Where a log is due, ${shown(log)} is given.`, 'Give what readInteractions gives, awaited.')
  checkRowCount(items?.length ?? 0)
  const fault = faultOf(log as Interactions)
  if (fault !== undefined)
    throw new FociError('DATA', `The log does not hold together: ${fault}.`, 'Give what readInteractions gives, as it is.')
}

/** What of a log's columns does not fit together. */
function faultOf({
  users,
  catalogue,
  offsets,
  items,
  times,
  scenes,
  sceneNames,
  events,
  eventNames,
  values,
  userColumns = {},
}: Interactions): string | undefined {
  const columns = { offsets, items, times, scenes, events, values }
  for (const [name, column] of Object.entries(columns)) {
    if (column !== undefined && !ArrayBuffer.isView(column)) return `its ${name} are no typed array`
    if (column !== undefined && name !== 'offsets' && column.length !== items.length)
      return `it has ${items.length} items and ${column.length} ${name}`
  }
  if (offsets.length !== users.length + 1) return `it has ${users.length} users and ${offsets.length} offsets`
  const falls = offsets.findIndex((offset, user) => offset < (user === 0 ? 0 : offsets[user - 1]))
  if (falls >= 0 || offsets[0] !== 0 || offsets[users.length] !== items.length) return `its offsets do not go from 0 to ${items.length}`
  const codes = [
    ['items', items, catalogue.ids],
    ['scenes', scenes, sceneNames],
    ['events', events, eventNames],
  ] as const
  for (const [name, column, names] of codes) {
    const count = names?.length ?? 0
    const outside = column?.find((code) => code < 0 || code >= count)
    if (outside !== undefined) return `its ${name} name ${outside}, and there are ${count}`
  }
  const tables = [
    ['items', catalogue.columns ?? {}, catalogue.ids.length],
    ['users', userColumns, users.length],
  ] as const
  for (const [what, table, n] of tables) {
    for (const [name, column] of Object.entries(table))
      if (rowsOf(column) !== n) return `its column "${name}" is of ${rowsOf(column)} ${what}, and there are ${n}`
  }
  return undefined
}
