import { type ItemRow, ItemTable, mergeItems } from '../data/catalogue.ts'
import type { EventRoles, Interactions, TimeUnit } from '../data/interactions.ts'
import { nearest } from '../data/nearest.ts'
import { checkOptions, type KeysOf, shown } from '../data/options.ts'
import { rolesOf } from '../data/roles.ts'
import { logError } from '../engine/log-addon.ts'
import { FociError } from '../errors.ts'
import type { ColumnNames } from './columns.ts'
import { type Session, withDuckDB } from './files/duckdb.ts'
import { readFileLog } from './files/file-log.ts'
import { readFileItems } from './files/items.ts'
import { hashColumns } from './log-hash.ts'
import type { LogOptions, SortedLog } from './log-options.ts'
import { bytesOf, duckShare } from './memory.ts'
import { type InteractionRow, type Rows, readRows } from './memory-rows.ts'
import { badRow } from './row-faults.ts'

/** How a log is read, and what its event types are for. */
export interface ReadOptions extends LogOptions, EventRoles {
  /** Items table: a file with the columns item, title, categories or genres (a list, or a text with `|` between several), or rows. */
  readonly items?: string | Iterable<ItemRow>
}

const OPTIONS: KeysOf<ReadOptions> = {
  ...{ columns: true, unit: true, skipInvalid: true, delimiter: true, memory: true, items: true },
  ...{ target: true, input: true, weight: true, shown: true, negative: true, seen: true },
}
const UNITS: Readonly<Record<TimeUnit, true>> = {
  ...{ seconds: true, milliseconds: true, microseconds: true, nanoseconds: true },
  ...{ iso: true, ordinal: true },
}

/** @throws FociError OPTION */
function checkReading(options: ReadOptions): void {
  checkOptions('the options of readInteractions', options, OPTIONS)
  const { unit, columns, skipInvalid } = options
  if (unit !== undefined && !Object.hasOwn(UNITS, unit)) {
    const units = Object.keys(UNITS)
    const guess = typeof unit === 'string' ? nearest(unit, units) : undefined
    throw new FociError('OPTION', `unit is ${shown(unit)}.`, `${guess ? `Did you mean "${guess}"? ` : ''}It is one of ${units.join(', ')}.`)
  }
  if (columns !== undefined) checkColumns(columns)
  if (skipInvalid !== undefined && typeof skipInvalid !== 'boolean')
    throw new FociError('OPTION', `skipInvalid is ${shown(skipInvalid)}.`, 'It is true or false.')
}

const COLUMNS: KeysOf<Required<ColumnNames>> = { user: true, item: true, timestamp: true, scene: true, event: true, value: true }

function checkColumns(columns: ColumnNames): void {
  checkOptions('the columns', columns, COLUMNS)
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
  const { items } = options
  if (typeof source !== 'string' && typeof items !== 'string') {
    const table = rowsInMemory(items, options.skipInvalid ?? false)
    return complete(await readRows(source, options), table.items, table.skipped, options)
  }
  // With more threads DuckDB reads on only when all it has read is taken; with one it reads while rows are numbered.
  return withDuckDB(
    { memory: options.memory === undefined ? undefined : duckShare * bytesOf(options.memory), threads: 1 },
    async (session) => {
      const log = typeof source === 'string' ? await readFileLog(session, source, options) : await readRows(source, options)
      const table = await itemRows(session, items, options.skipInvalid ?? false)
      return complete(log, table.items, table.skipped, options)
    },
  )
}

async function itemRows(session: Session, items: ReadOptions['items'], skipInvalid: boolean) {
  return typeof items === 'string' ? readFileItems(session, items, skipInvalid) : rowsInMemory(items, skipInvalid)
}

function rowsInMemory(rows: Iterable<ItemRow> = [], skipInvalid: boolean): ItemTable {
  const table = new ItemTable()
  for (const row of rows) {
    const reason = table.add(row)
    if (reason !== undefined && !skipInvalid)
      throw badRow({ source: 'items table', place: `row ${table.first?.index}`, column: 'item', reason })
  }
  return table
}

/** Adds what is made from the sorted rows. */
function complete(
  log: SortedLog,
  table: readonly ItemRow[],
  tableSkipped: Readonly<Record<string, number>>,
  options: ReadOptions,
): Interactions {
  const { itemIds, ...columns } = log
  const named = { ...columns, catalogue: mergeItems(itemIds, table) }
  const skipped: Record<string, number> = { ...log.skipped }
  for (const [reason, count] of Object.entries(tableSkipped)) skipped[`items table: ${reason}`] = count
  let hash: string | undefined
  return {
    ...named,
    roles: rolesOf(options, log.eventNames),
    skipped,
    get hash() {
      hash ??= hashColumns(named)
      return hash
    },
  }
}
