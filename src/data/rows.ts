import { locateColumn } from './columns.ts'
import { badRow, fault, faults, noRows } from './faults.ts'
import { type Gathered, gather, idFault } from './gather.ts'
import type { TimeUnit } from './interactions.ts'
import type { LogOptions, SortedLog } from './log.ts'
import { sortRows } from './sort.ts'
import { bandLimits, detectUnit, ordinalLimit, type TimeCounts, timeFault, unitHint } from './time.ts'

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
  const has = {
    scene: present(gathered, 'scene', options),
    event: present(gathered, 'event', options),
    value: present(gathered, 'value', options),
  }
  noteMissing(gathered, has)
  const unit = options.unit ?? detectUnit(countTimes(gathered))
  for (let row = 0; row < gathered.faults.length; row++) {
    if (gathered.faults[row] === fault.none) gathered.faults[row] = timeFault(gathered.numbers[row], gathered.isos[row], unit)
  }
  const skipped = countFaults(gathered.faults)
  if (Object.keys(skipped).length > 0 && !options.skipInvalid) throw firstBadRow(gathered, options, unit)
  const log = sortRows(gathered, has, unit)
  if (log.items.length === 0) throw noRows(source, skipped)
  return { ...log, unit, skipped }
}

/** Whether any row has the field; one that the caller names must be there. */
function present(gathered: Gathered, field: 'scene' | 'event' | 'value', { columns = {} }: LogOptions): boolean {
  const there = field === 'value' ? gathered.values.some((value) => !Number.isNaN(value)) : gathered[field].ids.length > 0
  const name = columns[field]
  if (!there && name !== undefined) locateColumn([], name, source, true, `columns: { ${field}: … }`)
  return there
}

/** Where some rows have a scene or an event type, all must. */
function noteMissing({ faults, scene, event, written }: Gathered, has: { scene: boolean; event: boolean }): void {
  const missing = (row: number) => {
    if (has.scene && scene.codes[row] < 0) return idFault(scene.codes[row], fault.scene)
    return has.event ? idFault(event.codes[row], fault.event) : fault.none
  }
  for (let row = 0; row < faults.length; row++) {
    const before = faults[row]
    if (before !== fault.none && before !== fault.value) continue
    const found = missing(row)
    if (found === fault.none) continue
    faults[row] = found
    written.delete(row)
  }
}

function countTimes({ numbers, faults }: Gathered): TimeCounts {
  const bands = [0, 0, 0, 0]
  let [count, dated, positions] = [0, 0, 0]
  for (let row = 0; row < faults.length; row++) {
    if (faults[row] !== fault.none) continue
    const number = numbers[row]
    if (Number.isNaN(number)) {
      dated++
      continue
    }
    count++
    const band = bandLimits.findIndex((limit) => Math.abs(number) < limit)
    bands[band < 0 ? 3 : band]++
    if (number >= 0 && number < ordinalLimit && Number.isInteger(number)) positions++
  }
  return { numbers: count, isos: dated, bands, positions }
}

function countFaults(found: readonly number[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const code of found) {
    if (code !== fault.none) counts[faults[code].reason] = (counts[faults[code].reason] ?? 0) + 1
  }
  return counts
}

function firstBadRow({ faults: found, numbers, isos, written }: Gathered, { columns = {} }: LogOptions, unit: TimeUnit) {
  const row = found.findIndex((code) => code !== fault.none)
  const { column, reason } = faults[found[row]]
  const unfit = !written.has(row) && column === 'timestamp'
  const value = unfit ? (Number.isNaN(numbers[row]) ? isos[row] : numbers[row]) : written.get(row)
  return badRow({
    source,
    place: `row ${row}`,
    column: column && (columns[column] ?? column),
    reason,
    ...(value !== undefined &&
      (column === 'timestamp' || column === 'value') && { value: typeof value === 'number' ? value : String(value) }),
    ...(unfit && { hint: unitHint(unit) }),
  })
}
