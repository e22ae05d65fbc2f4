/** What the columns of a table hold, told from the whole of each; and its columns by the indices of a log. */

import { sharedDoubles, sharedFloats } from '../../data/shared.ts'
import type { Column } from '../../data/table-columns.ts'
import { FociError } from '../../errors.ts'
import { type Cell, numberOf, numbersOf, wordsOf } from './cells.ts'

/** The cells of a column by the table's rows; holes where a row has none. */
export type Cells = Cell[]

/** A column whose kind is known. */
export interface KnownColumn {
  readonly name: string
  readonly kind: Column['kind']
  readonly cells: Cells
  /** Numbers of a vector. */
  readonly width: number
}

/** A cell that does not fit its column, which all the others make. */
export interface CellFault {
  readonly row: number
  readonly column: string
  readonly reason: string
  readonly value?: string
  readonly detail?: string
  readonly hint?: string
}

export interface Kinds {
  readonly columns: readonly KnownColumn[]
  readonly faults: readonly CellFault[]
  /** What is worth knowing of a column though nothing is wrong with it. */
  readonly notes: readonly string[]
}

/**
 * Numbers where every cell is one, vectors where most cells are lists of numbers or where columns name0 .. nameN hold mostly
 * numbers, else words.
 */
export function kindsOf(given: ReadonlyMap<string, Cells>): Kinds {
  const { columns, faults } = joined(given)
  const notes: string[] = []
  const known = Array.from(columns, ([name, cells]): KnownColumn => {
    const counts = count(cells)
    if (2 * counts.vectors > counts.given) return vectorOf(name, cells, faults)
    if (counts.numbers === counts.given) return { name, kind: 'number', cells, width: 0 }
    if (10 * counts.numbers >= 9 * counts.given) notes.push(mostlyNumbers(name, counts.given - counts.numbers, cells))
    return { name, kind: 'words', cells, width: 0 }
  })
  return { columns: known, faults, notes }
}

function count(cells: Cells): { given: number; numbers: number; vectors: number } {
  const counts = { given: 0, numbers: 0, vectors: 0 }
  cells.forEach((cell) => {
    if (cell === undefined) return
    counts.given++
    if (numberOf(cell) !== undefined) counts.numbers++
    else if (numbersOf(cell)) counts.vectors++
  })
  return counts
}

const wrongLength = 'vector of the wrong length'
const noNumber = 'vector with something that is no number'
const ragged = 'The vectors of a column are of one length; where the numbers are names, write them as texts, such as "12|5".'

/** The commonest length is the column's. */
function vectorOf(name: string, cells: Cells, faults: CellFault[]): KnownColumn {
  const lengths = new Map<number, number>()
  cells.forEach((cell, row) => {
    if (cell === undefined) return
    const numbers = numbersOf(cell)
    if (!numbers) faults.push({ row, column: name, reason: noNumber, value: shown(cell) })
    else lengths.set(numbers.length, (lengths.get(numbers.length) ?? 0) + 1)
    cells[row] = numbers
  })
  const [width] = [...lengths].reduce((most, each) => (each[1] > most[1] ? each : most))
  cells.forEach((cell, row) => {
    const length = (cell as Float64Array | undefined)?.length ?? width
    if (length !== width)
      faults.push({ row, column: name, reason: wrongLength, detail: `${numbered(length)} in place of ${width}`, hint: ragged })
  })
  return { name, kind: 'vector', cells, width }
}

const numbered = (n: number): string => `${n} number${n === 1 ? '' : 's'}`

/** A cell as an error shows it. */
const shown = (cell: Cell): string => (typeof cell === 'string' ? cell : JSON.stringify(cell))

function mostlyNumbers(name: string, others: number, cells: Cells): string {
  const other = cells.find((cell) => cell !== undefined && numberOf(cell) === undefined)
  return `column "${name}" is read as words: ${others} of its cells are no number, such as ${JSON.stringify(shown(other)).slice(0, 80)}`
}

/** Columns name0, name1 … as one column of lists in the first one's place. */
function joined(given: ReadonlyMap<string, Cells>): { columns: ReadonlyMap<string, Cells>; faults: CellFault[] } {
  const faults: CellFault[] = []
  const sets = setsOf(given)
  const places = new Map([...sets].flatMap(([name, members]) => members.map((member) => [member, name] as const)))
  const columns = new Map<string, Cells>()
  for (const [name, cells] of given) {
    const set = places.get(name)
    if (set === undefined) columns.set(name, cells)
    else if (!columns.has(set)) columns.set(set, listsOf(sets.get(set) ?? [], given, faults))
  }
  return { columns, faults }
}

/** The members of each set, in order: all of name0 to nameN, at least two, and mostly numbers. `_`, `.` and `-` before the digits fall away. */
function setsOf(given: ReadonlyMap<string, Cells>): Map<string, readonly string[]> {
  const found = new Map<string, Map<number, string>>()
  for (const column of given.keys()) {
    const [, stem, digits] = /^(.*\D)(0|[1-9]\d{0,5})$/s.exec(column) ?? []
    if (stem === undefined) continue
    const members = found.get(stem) ?? new Map<number, string>()
    found.set(stem, members.set(Number(digits), column))
  }
  const sets = new Map<string, readonly string[]>()
  for (const [stem, members] of found) {
    const name = stem.replace(/[-_.]$/, '')
    const names = Array.from(members.keys(), (_, i) => members.get(i))
    const whole = names.length > 1 && names.every((member) => member !== undefined)
    if (!whole || name === '' || given.has(name) || sets.has(name)) continue
    if (mostly(names.map((member) => given.get(member) ?? []))) sets.set(name, names)
  }
  return sets
}

function mostly(columns: readonly Cells[]): boolean {
  const counts = columns.map(count)
  const sum = (of: 'given' | 'numbers') => counts.reduce((total, each) => total + each[of], 0)
  return 2 * sum('numbers') > sum('given')
}

function listsOf(members: readonly string[], given: ReadonlyMap<string, Cells>, faults: CellFault[]): Cells {
  const columns = members.map((member) => given.get(member) ?? [])
  const rows = Math.max(...columns.map((cells) => cells.length))
  const lists: Cells = []
  for (let row = 0; row < rows; row++) {
    const there = columns.reduce((sum, cells) => sum + (cells[row] === undefined ? 0 : 1), 0)
    if (there === 0) continue
    const numbers = columns.map((cells) => numberOf(cells[row]))
    const at = numbers.indexOf(undefined)
    if (at < 0) lists[row] = Float64Array.from(numbers as number[])
    else if (there === members.length) faults.push({ row, column: members[at], reason: noNumber, value: shown(columns[at][row]) })
    else faults.push({ row, column: members[at], reason: wrongLength, detail: `${numbered(there)} in place of ${members.length}` })
  }
  return lists
}

/**
 * A column by the indices of a log's items or users.
 * @param at the index of each of the table's rows, or −1 for one that is left out
 * @param n how many items or users there are
 */
export function placed({ name, kind, cells, width }: KnownColumn, at: Int32Array, n: number): Column {
  const each = (put: (cell: Cell, index: number) => void) =>
    cells.forEach((cell, row) => {
      if (cell !== undefined && at[row] >= 0) put(cell, at[row])
    })
  if (kind === 'words') {
    const of = new Array<readonly string[]>(n).fill([])
    each((cell, index) => {
      of[index] = wordsOf(cell)
    })
    return { kind, of }
  }
  if (kind === 'number') {
    const of = sharedDoubles(n).fill(Number.NaN)
    each((cell, index) => {
      of[index] = numberOf(cell) ?? Number.NaN
    })
    return { kind, of }
  }
  const of = roomFor(name, n, width)
  const given = new Uint8Array(n)
  each((cell, index) => {
    of.set(cell as Float64Array, index * width)
    given[index] = 1
  })
  return { kind, width, of, given }
}

/** One long list makes room for as many numbers in every row. */
function roomFor(name: string, n: number, width: number): Float32Array {
  try {
    return sharedFloats(n * width)
  } catch (cause) {
    const message = `The column "${name}" takes ${n} × ${width} numbers, more than there is memory for.`
    throw new FociError('MEMORY', message, 'Give shorter vectors, or a table of fewer rows.', { cause })
  }
}
