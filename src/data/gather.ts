import { type Field, locateColumn } from './columns.ts'
import { fault } from './faults.ts'
import type { LogOptions } from './log.ts'
import { Numbering } from './numbering.ts'
import { parseIso, parseNumber } from './time.ts'

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

/** Puts rows in columns and checks what can be told from one row alone. */
export async function gather(
  rows: Iterable<unknown> | AsyncIterable<unknown>,
  source: string,
  { columns = {} }: LogOptions,
): Promise<Gathered> {
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
      if (into.faults.length === 0) checkColumns(row, names, source)
      addRow(into, row, names)
    } else addRow(into, {}, names, fault.noObject)
  }
  return into
}

const isRecord = (row: unknown): row is Readonly<Record<string, unknown>> => typeof row === 'object' && row !== null

/** A field that the first row lacks is most likely a column of another name. */
function checkColumns(row: Readonly<Record<string, unknown>>, names: Readonly<Record<Field, string>>, source: string): void {
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
export function idFault(index: number, empty: number): number {
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
