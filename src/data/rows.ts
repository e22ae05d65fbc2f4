import { type Field, locateColumn } from './columns.ts'
import { badRow, fault, faults, noRows } from './faults.ts'
import type { TimeUnit } from './interactions.ts'
import type { LogOptions, SortedLog } from './log.ts'
import { Numbering } from './numbering.ts'
import { sortRows } from './sort.ts'
import { bandLimits, detectUnit, ordinalLimit, parseIso, parseNumber, type TimeCounts, timeFault, unitHint } from './time.ts'

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
  const gathered = await gather(rows, options)
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

/** Rows in columns as they came; a row's fault is the first thing found wrong with it. */
export interface Gathered {
  readonly user: Numbering
  readonly item: Numbering
  readonly scene: Numbering
  readonly event: Numbering
  /** Times written as numbers, NaN for dates; and the seconds of dates, NaN for numbers. */
  readonly numbers: number[]
  readonly isos: number[]
  /** NaN where a row has none. */
  readonly values: number[]
  readonly faults: number[]
  /** Times and values as they came, of rows with a fault. */
  readonly written: Map<number, unknown>
}

async function gather(rows: Rows<unknown>, { columns = {} }: LogOptions): Promise<Gathered> {
  const name = (field: Field) => columns[field] ?? field
  const into: Gathered = {
    user: new Numbering(),
    item: new Numbering(),
    scene: new Numbering(),
    event: new Numbering(),
    numbers: [],
    isos: [],
    values: [],
    faults: [],
    written: new Map(),
  }
  const names = {
    user: name('user'),
    item: name('item'),
    timestamp: name('timestamp'),
    scene: name('scene'),
    event: name('event'),
    value: name('value'),
  }
  for await (const row of rows) {
    if (isRecord(row)) {
      if (into.faults.length === 0) checkColumns(row, names)
      addRow(into, row, names)
    } else addRow(into, {}, names, fault.noObject)
  }
  return into
}

const isRecord = (row: unknown): row is Readonly<Record<string, unknown>> => typeof row === 'object' && row !== null

/** A field that the first row lacks is most likely a column of another name. */
function checkColumns(row: Readonly<Record<string, unknown>>, names: Readonly<Record<Field, string>>): void {
  for (const field of ['user', 'item', 'timestamp'] as const) {
    locateColumn(Object.keys(row), names[field], source, true, `columns: { ${field}: … }`)
  }
}

function addRow(
  into: Gathered,
  row: Readonly<Record<string, unknown>>,
  names: Readonly<Record<Field, string>>,
  known: number = fault.none,
): void {
  const user = into.user.add(row[names.user])
  const item = into.item.add(row[names.item])
  into.scene.add(row[names.scene])
  into.event.add(row[names.event])
  const time = readTime(row[names.timestamp])
  const value = readValue(row[names.value])
  into.numbers.push(time.number)
  into.isos.push(time.iso)
  into.values.push(value ?? Number.NaN)
  const wrong = [known, idFault(user, fault.user), idFault(item, fault.item), time.fault, value === undefined ? fault.value : fault.none]
  const first = wrong.find((each) => each !== fault.none) ?? fault.none
  into.faults.push(first)
  if (first !== fault.none) into.written.set(into.faults.length - 1, row[first === fault.value ? names.value : names.timestamp])
}

/** A negative number in place of an index says why there is none. */
function idFault(index: number, empty: number): number {
  if (index >= 0) return fault.none
  return index === Numbering.empty ? empty : index === Numbering.noText ? fault.noText : fault.unicode
}

function readTime(time: unknown): { number: number; iso: number; fault: number } {
  if (time instanceof Date) return checked(Number.NaN, (time.getTime() * 1e3) / 1e6)
  if (typeof time === 'number') return Number.isNaN(time) ? { number: time, iso: time, fault: fault.notFinite } : checked(time, Number.NaN)
  if (typeof time === 'bigint') return checked(Number(time), Number.NaN)
  if (time === undefined || time === null || (typeof time === 'string' && /^ *$/.test(time))) {
    return { number: Number.NaN, iso: Number.NaN, fault: fault.timestamp }
  }
  return typeof time === 'string' ? checked(parseNumber(time), parseIso(time)) : checked(Number.NaN, Number.NaN)
}

function checked(number: number, iso: number): { number: number; iso: number; fault: number } {
  if (Math.abs(number) === Number.POSITIVE_INFINITY) return { number, iso, fault: fault.notFinite }
  return { number, iso, fault: Number.isNaN(number) && Number.isNaN(iso) ? fault.noTime : fault.none }
}

/** NaN for no value, undefined for one that is no number. */
function readValue(value: unknown): number | undefined {
  if (value === undefined || value === null || (typeof value === 'string' && /^ *$/.test(value))) return Number.NaN
  const number = typeof value === 'string' ? parseNumber(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
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
