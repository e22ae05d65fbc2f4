import { catalogueOf, type ItemRow } from '../data/catalogue.ts'
import type { EventRoles, Interactions, TimeUnit } from '../data/interactions.ts'
import { nearest } from '../data/nearest.ts'
import { checkOptions, type KeysOf, shown } from '../data/options.ts'
import { rolesOf } from '../data/roles.ts'
import { logError } from '../engine/log-addon.ts'
import { FociError } from '../errors.ts'
import type { ColumnNames } from './columns.ts'
import { type Session, withDuckDB } from './files/duckdb.ts'
import { readFileLog } from './files/file-log.ts'
import { readFileTable } from './files/file-table.ts'
import { hashColumns } from './log-hash.ts'
import type { LogOptions, SortedLog } from './log-options.ts'
import { bytesOf, duckShare } from './memory.ts'
import { type InteractionRow, type Rows, readRows } from './memory-rows.ts'
import { joinItems, joinUsers } from './tables/join-tables.ts'
import { readMemoryTable } from './tables/memory-table.ts'
import type { ItemsColumns, Subject, UsersColumns } from './tables/table-fields.ts'
import type { Table } from './tables/table-rows.ts'

/** How a log is read, and what its event types are for. */
export interface ReadOptions extends LogOptions, EventRoles {
  /**
   * Items table: a file with the columns item, title, categories or genres (a list, or a text with `|` between several), or rows.
   * Its other columns are features: numbers, words (likewise), vectors (lists of numbers, or columns name0, name1 …).
   */
  readonly items?: string | Rows<TableRow<ItemRow>>
  /** Names of the items table's columns where they are not item, title, categories. */
  readonly itemsColumns?: ItemsColumns
  /** Users table: a file with the column user, or rows; its other columns are features, as those of items. */
  readonly users?: string | Rows<TableRow<UserRow>>
  /** Name of the users table's column where it is not user. */
  readonly usersColumns?: UsersColumns
}

/** A row of a table in memory, with features by their names. */
export type TableRow<T> = T | Readonly<Record<string, unknown>>

/** A user whom a users table tells of. */
export interface UserRow {
  readonly user: string
}

const OPTIONS: KeysOf<ReadOptions> = {
  ...{ columns: true, unit: true, skipInvalid: true, delimiter: true, memory: true },
  ...{ items: true, itemsColumns: true, users: true, usersColumns: true },
  ...{ target: true, input: true, weight: true, shown: true, negative: true, seen: true },
}
const UNITS: Readonly<Record<TimeUnit, true>> = {
  ...{ seconds: true, milliseconds: true, microseconds: true, nanoseconds: true },
  ...{ iso: true, ordinal: true },
}

/** @throws FociError OPTION */
function checkReading(options: ReadOptions): void {
  checkOptions('the options of readInteractions', options, OPTIONS)
  const { unit, columns, itemsColumns, usersColumns, skipInvalid } = options
  if (unit !== undefined && !Object.hasOwn(UNITS, unit)) {
    const units = Object.keys(UNITS)
    const guess = typeof unit === 'string' ? nearest(unit, units) : undefined
    throw new FociError('OPTION', `unit is ${shown(unit)}.`, `${guess ? `Did you mean "${guess}"? ` : ''}It is one of ${units.join(', ')}.`)
  }
  if (columns !== undefined) checkColumns('the columns', columns, COLUMNS)
  if (itemsColumns !== undefined) checkColumns('the columns of the items table', itemsColumns, ITEMS_COLUMNS)
  if (usersColumns !== undefined) checkColumns('the columns of the users table', usersColumns, USERS_COLUMNS)
  if (skipInvalid !== undefined && typeof skipInvalid !== 'boolean')
    throw new FociError('OPTION', `skipInvalid is ${shown(skipInvalid)}.`, 'It is true or false.')
}

const COLUMNS: KeysOf<Required<ColumnNames>> = { user: true, item: true, timestamp: true, scene: true, event: true, value: true }

const ITEMS_COLUMNS: KeysOf<Required<ItemsColumns>> = { item: true, title: true, categories: true }
const USERS_COLUMNS: KeysOf<Required<UsersColumns>> = { user: true }

function checkColumns<T extends object>(what: string, columns: T, known: KeysOf<Required<T>>): void {
  checkOptions(what, columns, known)
  for (const [field, name] of Object.entries(columns)) {
    if (name !== undefined && typeof name !== 'string')
      throw new FociError('OPTION', `The column of "${field}" is ${shown(name)}.`, 'It is the name of a column.')
  }
}

/** @throws FociError OPTION where it is neither a path nor rows */
function checkSource(what: string, source: unknown): void {
  const isRows = typeof source === 'object' && source !== null && (Symbol.iterator in source || Symbol.asyncIterator in source)
  if (typeof source === 'string' || isRows) return
  throw new FociError('OPTION', `${what} is ${shown(source)}.`, 'It is the path of a file, or a list of rows.')
}

/**
 * Reads a log of who did what and when.
 * @param source path of a file, or rows in memory. The file is CSV (any delimiter), JSON lines (gzip too) or Parquet, told
 *   apart by its first bytes
 * @throws FociError FILE, COLUMN, or DATA with the place and the reason of the first bad row
 */
export async function readInteractions(
  source: string | Rows<InteractionRow | Readonly<Record<string, unknown>>>,
  options: ReadOptions = {},
): Promise<Interactions> {
  checkReading(options)
  checkSource('The log', source)
  if (options.items !== undefined) checkSource('The items table', options.items)
  if (options.users !== undefined) checkSource('The users table', options.users)
  try {
    return await read(source, options)
  } catch (cause) {
    throw logError(cause)
  }
}

async function read(
  source: string | Rows<InteractionRow | Readonly<Record<string, unknown>>>,
  options: ReadOptions,
): Promise<Interactions> {
  if (![source, options.items, options.users].some((each) => typeof each === 'string')) return readAll(source, options)
  // With more threads DuckDB reads on only when all it has read is taken; with one it reads while rows are numbered.
  const settings = { memory: options.memory === undefined ? undefined : duckShare * bytesOf(options.memory), threads: 1 }
  return withDuckDB(settings, (session) => readAll(source, options, session))
}

/** @param session where any of it is a file */
async function readAll(source: Parameters<typeof read>[0], options: ReadOptions, session?: Session): Promise<Interactions> {
  const log = typeof source === 'string' ? await readFileLog(session!, source, options) : await readRows(source, options)
  const readTable = async (subject: Subject) => {
    const given = options[`${subject}s`]
    const columns = options[`${subject}sColumns`] ?? {}
    if (given === undefined) return undefined
    const how = { subject, columns, logName: options.columns?.[subject], skipInvalid: options.skipInvalid ?? false }
    return typeof given === 'string' ? readFileTable(session!, given, how) : readMemoryTable(given, how)
  }
  return complete(log, options, await readTable('item'), await readTable('user'))
}

/** Adds what is made from the sorted rows and the tables. */
function complete(log: SortedLog, options: ReadOptions, items: Table | undefined, users: Table | undefined): Interactions {
  const { itemIds, ...columns } = log
  const { catalogue, notes: itemNotes } = items ? joinItems(itemIds, items) : { catalogue: catalogueOf(itemIds), notes: [] }
  const { userColumns, strangers, notes: userNotes } = users ? joinUsers(log.users, users) : noUsers
  const named = { ...columns, catalogue, ...(userColumns && { userColumns }) }
  const skipped: Record<string, number> = { ...log.skipped }
  for (const table of [items, users]) {
    for (const [reason, count] of Object.entries(table?.skipped ?? {})) skipped[`${table?.subject}s table: ${reason}`] = count
  }
  if (strangers > 0) skipped['users table: user is not in the log'] = strangers
  let hash: string | undefined
  return {
    ...named,
    roles: rolesOf(options, log.eventNames),
    skipped,
    notes: [...itemNotes, ...userNotes],
    get hash() {
      hash ??= hashColumns(named)
      return hash
    },
  }
}

const noUsers = { userColumns: undefined, strangers: 0, notes: [] }
