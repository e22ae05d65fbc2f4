import { type Field, locateColumn } from './columns.ts'
import { fault } from './faults.ts'
import { type Block, blockRows, type Gathered, idFields, newBlock, textsOfList } from './gathered.ts'
import type { LogOptions } from './log.ts'
import { Numbering } from './numbering.ts'
import { parseIso, parseNumber } from './time.ts'

/** Rows in memory, in columns. */
export interface GatheredRows extends Gathered {
  /** Times and values as they came, of rows with a fault. */
  readonly written: ReadonlyMap<number, unknown>
}

/** Puts rows in columns and checks what can be told from one row alone. */
export async function gather(
  rows: Iterable<unknown> | AsyncIterable<unknown>,
  source: string,
  { columns = {} }: LogOptions,
): Promise<GatheredRows> {
  const name = (field: Field) => columns[field] ?? field
  const names = {
    user: name('user'),
    item: name('item'),
    timestamp: name('timestamp'),
    scene: name('scene'),
    event: name('event'),
    value: name('value'),
  }
  const into = new Gatherer(names)
  for await (const row of rows) {
    if (isRecord(row)) {
      if (into.rows === 0) checkColumns(row, names, source)
      into.add(row)
    } else into.add({}, fault.noObject)
  }
  return into.done()
}

const isRecord = (row: unknown): row is Readonly<Record<string, unknown>> => typeof row === 'object' && row !== null

/** A field that the first row lacks is most likely a column of another name. */
function checkColumns(row: Readonly<Record<string, unknown>>, names: Readonly<Record<Field, string>>, source: string): void {
  for (const field of ['user', 'item', 'timestamp'] as const) {
    locateColumn(Object.keys(row), names[field], source, true, `columns: { ${field}: … }`)
  }
}

class Gatherer {
  rows = 0
  private readonly names: Readonly<Record<Field, string>>
  private readonly blocks: Block[] = []
  private readonly numberings = { user: new Numbering(), item: new Numbering(), scene: new Numbering(), event: new Numbering() }
  private readonly written = new Map<number, unknown>()
  private valued = false

  constructor(names: Readonly<Record<Field, string>>) {
    this.names = names
  }

  add(row: Readonly<Record<string, unknown>>, known: number = fault.none): void {
    const { names, numberings } = this
    if (this.rows % blockRows === 0) this.blocks.push(newBlock({ scene: true, event: true, value: true }))
    const block = this.blocks[this.blocks.length - 1]
    const at = block.rows++
    for (const field of idFields) block[field]?.fill(numberings[field].numberOf(row[names[field]]), at, at + 1)
    const { time, dated, fault: noTime } = readTime(row[names.timestamp])
    const value = readValue(row[names.value])
    block.times[at] = time
    block.dated[at] = dated ? 1 : 0
    block.values?.fill(value ?? Number.NaN, at, at + 1)
    this.valued ||= value !== undefined && !Number.isNaN(value)
    const noValue = value === undefined ? fault.value : fault.none
    const found = [known, idFault(block.user[at], fault.user), idFault(block.item[at], fault.item), noTime, noValue]
    const first = found.find((each) => each !== fault.none) ?? fault.none
    block.faults[at] = first
    if (first !== fault.none) this.written.set(this.rows, row[first === fault.value ? names.value : names.timestamp])
    this.rows++
  }

  done(): GatheredRows {
    const { user, item, scene, event } = this.numberings
    const ids = {
      user: textsOfList(user.ids),
      item: textsOfList(item.ids),
      ...(scene.ids.length > 0 && { scene: textsOfList(scene.ids) }),
      ...(event.ids.length > 0 && { event: textsOfList(event.ids) }),
    }
    return { blocks: this.blocks, ids, valued: this.valued, written: this.written }
  }
}

/** A negative number in place of an index says why there is none. */
export function idFault(index: number, empty: number): number {
  if (index >= 0) return fault.none
  return index === Numbering.empty ? empty : index === Numbering.noText ? fault.noText : fault.unicode
}

function readTime(time: unknown): { time: number; dated: boolean; fault: number } {
  if (time instanceof Date) return checked((time.getTime() * 1e3) / 1e6, true)
  if (typeof time === 'number') return Number.isNaN(time) ? { time, dated: false, fault: fault.notFinite } : checked(time, false)
  if (typeof time === 'bigint') return checked(Number(time), false)
  if (time === undefined || time === null || (typeof time === 'string' && /^ *$/.test(time))) {
    return { time: Number.NaN, dated: false, fault: fault.timestamp }
  }
  if (typeof time !== 'string') return checked(Number.NaN, false)
  const number = parseNumber(time)
  return Number.isNaN(number) ? checked(parseIso(time), true) : checked(number, false)
}

function checked(time: number, dated: boolean): { time: number; dated: boolean; fault: number } {
  if (Math.abs(time) === Number.POSITIVE_INFINITY) return { time, dated, fault: fault.notFinite }
  return { time, dated, fault: Number.isNaN(time) ? fault.noTime : fault.none }
}

/** NaN for no value, undefined for one that is no number. */
function readValue(value: unknown): number | undefined {
  if (value === undefined || value === null || (typeof value === 'string' && /^ *$/.test(value))) return Number.NaN
  const number = typeof value === 'string' ? parseNumber(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}
