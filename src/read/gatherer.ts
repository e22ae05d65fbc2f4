import type { Field } from './columns.ts'
import { type Block, blockRows, bytesOfBlock, type Gathered, newBlock, textsOfList } from './gathered.ts'
import type { Budget } from './memory.ts'
import { Numbering } from './numbering.ts'
import { fault } from './row-faults.ts'
import { parseIso, parseNumber, restOf } from './time.ts'

/** A row by the keys of its columns: an object, or the fields of a record. */
export type Row = Readonly<Record<string | number, unknown>>

/** The key of each field; a field without one is in no row. */
export type Keys = Readonly<Partial<Record<Field, string | number>>>

export interface GathererOptions {
  readonly budget: Budget
  /** Gives an id that is kept, where it is a piece of a larger text. */
  readonly keep?: (text: string) => string
  /** Whether there is a column of values even where no row has one. */
  readonly valued?: boolean
}

/** What an id takes beside its text: its head, and its places in lists. */
const idBytes = 48

/** Puts rows in columns, and finds what can be told from one row alone. */
export class Gatherer {
  rows = 0
  /** What the first row with a fault has in the column that it is in; later ones are read again when they are asked for. */
  first: { readonly row: number; readonly written: unknown } | undefined
  private readonly keys: Keys
  private readonly budget: Budget
  private readonly blocks: Block[] = []
  private readonly numberings: Readonly<Record<'user' | 'item' | 'scene' | 'event', Numbering>>
  private valued: boolean
  private block = emptyBlock
  private fresh = 0

  constructor(keys: Keys, { budget, keep, valued = false }: GathererOptions) {
    this.keys = keys
    this.budget = budget
    this.valued = valued
    const kept = (text: string) => {
      this.fresh += text.length + idBytes
      return keep === undefined ? text : keep(text)
    }
    const numbering = () => new Numbering(kept)
    this.numberings = { user: numbering(), item: numbering(), scene: numbering(), event: numbering() }
  }

  /** @param known what is wrong with it already */
  add(row: Row, known: number = fault.none): void {
    if (this.block.rows === this.block.user.length) this.begin()
    const { block, keys, numberings } = this
    const at = block.rows++
    const user = numberings.user.numberOf(row[keys.user!])
    const item = numberings.item.numberOf(row[keys.item!])
    block.user[at] = user
    block.item[at] = item
    if (block.scene) block.scene[at] = numberings.scene.numberOf(row[keys.scene!])
    if (block.event) block.event[at] = numberings.event.numberOf(row[keys.event!])
    const noTime = addTime(block, at, row[keys.timestamp!])
    const noValue = block.values ? this.addValue(block.values, at, row[keys.value!]) : fault.none
    const found = known || idFault(user, fault.user) || idFault(item, fault.item) || noTime || noValue
    block.faults[at] = found
    if (found !== fault.none) this.first ??= { row: this.rows, written: row[(found === fault.value ? keys.value : keys.timestamp)!] }
    this.rows++
  }

  done(): Gathered {
    this.budget.hold(this.fresh)
    const { user, item, scene, event } = this.numberings
    const ids = {
      user: textsOfList(user.ids),
      item: textsOfList(item.ids),
      ...(scene.ids.length > 0 && { scene: textsOfList(scene.ids) }),
      ...(event.ids.length > 0 && { event: textsOfList(event.ids) }),
    }
    const gathered = { blocks: this.blocks, ids, valued: this.valued }
    noteMissing(gathered)
    return gathered
  }

  private begin(): void {
    const { scene, event, value } = this.keys
    const block = newBlock({ scene: scene !== undefined, event: event !== undefined, value: value !== undefined })
    this.budget.hold(bytesOfBlock(block) + this.fresh)
    this.fresh = 0
    this.block = block
    this.blocks.push(block)
  }

  private addValue(values: Float32Array, at: number, value: unknown): number {
    const read = readValue(value)
    values[at] = read ?? Number.NaN
    this.valued ||= read !== undefined && !Number.isNaN(read)
    return read === undefined ? fault.value : fault.none
  }
}

const emptyBlock: Block = {
  rows: 0,
  user: new Int32Array(0),
  item: new Int32Array(0),
  times: new Float64Array(0),
  dated: new Uint8Array(0),
  faults: new Uint8Array(0),
}

/** A negative number in place of an index says why there is none. */
export function idFault(index: number, empty: number): number {
  if (index >= 0) return fault.none
  const { noText, unsafe, fraction } = fault
  const known: Partial<Record<number, number>> = {
    [Numbering.empty]: empty,
    [Numbering.noText]: noText,
    [Numbering.unsafe]: unsafe,
    [Numbering.fraction]: fraction,
  }
  return known[index] ?? fault.unicode
}

/** Where some rows have a scene or an event type, all must. */
export function noteMissing({ blocks, ids }: Gathered): void {
  for (const { rows, scene, event, faults: known } of blocks) {
    if (!(ids.scene && scene) && !(ids.event && event)) return
    for (let i = 0; i < rows; i++) {
      if (known[i] !== fault.none && known[i] !== fault.value) continue
      const noScene = ids.scene && scene ? idFault(scene[i], fault.scene) : fault.none
      const found = noScene === fault.none && ids.event && event ? idFault(event[i], fault.event) : noScene
      if (found !== fault.none) known[i] = found
    }
  }
}

/** Puts a time into a block; gives what is wrong with it. */
function addTime(block: Block, at: number, time: unknown): number {
  let number = Number.NaN
  let dated = false
  if (typeof time === 'string') {
    number = parseNumber(time)
    if (Number.isNaN(number)) {
      if (/^ *$/.test(time)) return noTime(block, at, fault.timestamp)
      number = parseIso(time)
      dated = true
    } else addRest(block, at, number, time)
  } else if (typeof time === 'number') {
    if (Number.isNaN(time)) return noTime(block, at, fault.notFinite)
    number = time
  } else if (typeof time === 'bigint') {
    number = Number(time)
    addRest(block, at, number, String(time))
  } else if (time === undefined || time === null) return noTime(block, at, fault.timestamp)
  else if (time instanceof Date) {
    number = (time.getTime() * 1e3) / 1e6
    dated = true
  }
  block.times[at] = number
  block.dated[at] = dated ? 1 : 0
  if (Math.abs(number) === Number.POSITIVE_INFINITY) return fault.notFinite
  return Number.isNaN(number) ? fault.noTime : fault.none
}

function noTime(block: Block, at: number, found: number): number {
  block.times[at] = Number.NaN
  return found
}

function addRest(block: Block, at: number, number: number, written: string): void {
  if (Math.abs(number) <= Number.MAX_SAFE_INTEGER) return
  const rest = restOf(number, written)
  if (rest === 0) return
  block.rests ??= new Int16Array(blockRows)
  block.rests[at] = rest
}

/** NaN for no value, undefined for one that is no number. */
function readValue(value: unknown): number | undefined {
  if (value === undefined || value === null || (typeof value === 'string' && /^ *$/.test(value))) return Number.NaN
  const number = typeof value === 'string' ? parseNumber(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}
