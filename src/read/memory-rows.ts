import { checkRows, type Fault } from './check.ts'
import { type Field, locateColumn } from './columns.ts'
import type { Gathered } from './gathered.ts'
import { Gatherer, type Row } from './gatherer.ts'
import type { LogOptions, SortedLog } from './log-options.ts'
import { Budget } from './memory.ts'
import { type BadRow, badRow, fault, faults, noRows } from './row-faults.ts'
import { sortRows } from './sort.ts'
import { unitHint } from './time.ts'

/** One event in memory. */
export interface InteractionRow {
  readonly user: string | number
  readonly item: string | number
  /** A number in one unit for all rows, a Date, or an ISO text (UTC where it names no offset). */
  readonly timestamp: number | Date | string
  readonly scene?: string
  readonly event?: string
  readonly value?: number
}

export type Rows<T> = Iterable<T> | AsyncIterable<T>

const source = 'rows in memory'

/** Reads rows in memory, with the checks and the result of a file of the same rows. */
export async function readRows(rows: Rows<unknown>, options: LogOptions): Promise<SortedLog> {
  const keys = keysOf(options)
  const gatherer = new Gatherer(keys, { budget: new Budget(options.memory) })
  for await (const row of rows) {
    const known = isRecord(row)
    if (known && gatherer.rows === 0) checkColumns(row, keys)
    gatherer.add(known ? row : {}, known ? fault.none : fault.noObject)
  }
  const gathered = gatherer.done()
  checkNames(gathered, options)
  const checked = checkRows(gathered, options.unit)
  const { unit, counts: skipped, first } = checked
  if (first && !options.skipInvalid) {
    const hint = first.unfit !== undefined && { hint: unitHint(unit) }
    throw badRow({ ...rowFault(first, gatherer, options), ...hint })
  }
  const log = await sortRows(gathered, checked)
  if (log.items.length === 0) throw noRows(source, skipped)
  return { ...log, unit, skipped }
}

/** The keys of rows that are objects. */
export const keysOf = ({ columns = {} }: LogOptions): Readonly<Record<Field, string>> => ({
  user: columns.user ?? 'user',
  item: columns.item ?? 'item',
  timestamp: columns.timestamp ?? 'timestamp',
  scene: columns.scene ?? 'scene',
  event: columns.event ?? 'event',
  value: columns.value ?? 'value',
})

export const isRecord = (row: unknown): row is Row => typeof row === 'object' && row !== null

/** A field that the first row lacks is most likely a column of another name. */
function checkColumns(row: Row, keys: Readonly<Record<Field, string>>): void {
  for (const field of ['user', 'item', 'timestamp'] as const) {
    locateColumn(Object.keys(row), keys[field], source, true, `columns: { ${field}: … }`)
  }
}

/** A field that the caller names must be there. */
function checkNames({ ids, valued }: Gathered, { columns = {} }: LogOptions): void {
  const there = { scene: ids.scene !== undefined, event: ids.event !== undefined, value: valued }
  for (const field of ['scene', 'event', 'value'] as const) {
    const name = columns[field]
    if (!there[field] && name !== undefined) locateColumn([], name, source, true, `columns: { ${field}: … }`)
  }
}

function rowFault({ row, code, unfit }: Fault, { first }: Gatherer, { columns = {} }: LogOptions): BadRow {
  const { column, reason } = faults[code]
  const written = column === 'timestamp' || column === 'value' ? (unfit ?? (first?.row === row ? first.written : undefined)) : undefined
  return {
    source,
    place: `row ${row}`,
    column: column && (columns[column] ?? column),
    reason,
    ...(written !== undefined && { value: typeof written === 'number' ? written : String(written) }),
  }
}
