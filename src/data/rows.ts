import { checkRows, type Fault } from './check.ts'
import { locateColumn } from './columns.ts'
import { type BadRow, badRow, fault, faults, noRows } from './faults.ts'
import { type GatheredRows, gather, idFault } from './gather.ts'
import type { Gathered } from './gathered.ts'
import type { LogOptions, SortedLog } from './log.ts'
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
  const gathered = await gather(rows, source, options)
  checkNames(gathered, options)
  noteMissing(gathered)
  const checked = checkRows(gathered, options.unit)
  const { unit, counts: skipped, first } = checked
  if (first && !options.skipInvalid)
    throw badRow({ ...rowFault(first, gathered, options), ...(first.unfit !== undefined && { hint: unitHint(unit) }) })
  const log = await sortRows(gathered, checked)
  if (log.items.length === 0) throw noRows(source, skipped)
  return { ...log, unit, skipped }
}

/** A field that the caller names must be there. */
function checkNames({ ids, valued }: Gathered, { columns = {} }: LogOptions): void {
  const there = { scene: ids.scene !== undefined, event: ids.event !== undefined, value: valued }
  for (const field of ['scene', 'event', 'value'] as const) {
    const name = columns[field]
    if (!there[field] && name !== undefined) locateColumn([], name, source, true, `columns: { ${field}: … }`)
  }
}

/** Where some rows have a scene or an event type, all must. */
function noteMissing({ blocks, ids }: Gathered): void {
  for (const { rows, scene, event, faults: known } of blocks) {
    for (let i = 0; i < rows; i++) {
      if (known[i] !== fault.none && known[i] !== fault.value) continue
      const noScene = ids.scene && scene ? idFault(scene[i], fault.scene) : fault.none
      const found = noScene === fault.none && ids.event && event ? idFault(event[i], fault.event) : noScene
      if (found !== fault.none) known[i] = found
    }
  }
}

function rowFault({ row, code, unfit }: Fault, { written }: GatheredRows, { columns = {} }: LogOptions): BadRow {
  const { column, reason } = faults[code]
  const value = column === 'timestamp' || column === 'value' ? (unfit ?? written.get(row)) : undefined
  return {
    source,
    place: `row ${row}`,
    column: column && (columns[column] ?? column),
    reason,
    ...(value !== undefined && { value: typeof value === 'number' ? value : String(value) }),
  }
}
