/**
 * Further columns of a table of n items or users as tensors, under `catalogue.columns` or `users.columns`. `.bytes` and `.offsets`
 * hold their names, rising, and what column c holds stands under `.c`: words as lists, as the categories are; numbers [n] or
 * vectors [n, width] with the indices of those that have one at `.given`, rising, and zeros for the others.
 */
import { type Column, type Columns, type NumberColumn, rowsOf, type VectorColumn } from '../data/table-columns.ts'
import { firstNonFinite } from '../tensor/kinds.ts'
import { fromRaw, type RawTensors, readFloats, toRaw } from './tensors.ts'
import { intTensor, listTensors, type NamedTensor, readLists, readRising, readTexts, textTensors } from './text-tensors.ts'
import { damaged, unfit } from './unsound.ts'

const NAMES = "the columns' names"

/** By code units: the same columns in another order are the same bytes. */
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)

/** @throws FociError ARTEFACT for a column of another length, and numbers that f32 does not hold */
export function columnTensors(head: string, columns: Columns, n: number): NamedTensor[] {
  const sorted = Object.entries(columns).sort(byName)
  const names = sorted.map(([name]) => name)
  return [...textTensors(head, names, NAMES), ...sorted.flatMap(([name, column], c) => tensorsOf(`${head}.${c}`, name, column, n))]
}

function tensorsOf(head: string, name: string, column: Column, n: number): NamedTensor[] {
  const what = `the column ${JSON.stringify(name)}`
  if (rowsOf(column) !== n) throw unfit(`${what} is of length ${rowsOf(column)}, and ${n} is due`)
  if (column.kind === 'words') return listTensors(head, column.of, what)
  const given = Int32Array.from(Array.from({ length: n }, (_, i) => i).filter((i) => isGiven(column, i)))
  const [end, shape] = column.kind === 'number' ? ['numbers', [n]] : ['vectors', [n, column.width]]
  const data = column.kind === 'number' ? Float32Array.from(column.of, (value) => (Number.isNaN(value) ? 0 : value)) : column.of
  const at = firstNonFinite(data)
  if (at >= 0) throw unfit(`${what} has ${data[at]} at ${at}`)
  return [intTensor(`${head}.given`, given), [`${head}.${end}`, toRaw(what, { shape, data })]]
}

const isGiven = (column: NumberColumn | VectorColumn, row: number): boolean =>
  column.kind === 'number' ? !Number.isNaN(column.of[row]) : column.given[row] !== 0

/** The way back, which checks everything: names, kinds, lengths, indices, finite numbers, and that nothing else is there. */
export function readColumns(tensors: RawTensors, head: string, n: number): Columns {
  const names = readTexts(tensors, head, NAMES)
  if (names.length === 0) throw damaged('there are columns without names')
  const falls = names.findIndex((name, c) => c > 0 && name <= names[c - 1])
  if (falls >= 0) throw damaged(`${NAMES} do not rise at ${falls}`)
  const known = new Set([`${head}.bytes`, `${head}.offsets`])
  const columns = names.map((name, c) => {
    const [column, ends] = readColumn(tensors, `${head}.${c}`, `the column ${JSON.stringify(name.slice(0, 80))}`, n)
    for (const end of ends) known.add(`${head}.${c}.${end}`)
    return [name, column] as const
  })
  const stranger = [...tensors.keys()].find((name) => name.startsWith(`${head}.`) && !known.has(name))
  if (stranger !== undefined) throw damaged(`tensor "${stranger}" belongs to no column`)
  return Object.fromEntries(columns)
}

/** A column, and the ends of its tensors' names. */
function readColumn(tensors: RawTensors, head: string, what: string, n: number): [Column, readonly string[]] {
  if (tensors.has(`${head}.numbers`)) return [readNumbers(tensors, head, what, n), ['given', 'numbers']]
  if (tensors.has(`${head}.vectors`)) return [readVectors(tensors, head, what, n), ['given', 'vectors']]
  return [{ kind: 'words', of: readLists(tensors, head, n, what) }, ['bytes', 'offsets', 'starts', 'names']]
}

function readNumbers(tensors: RawTensors, head: string, what: string, n: number): NumberColumn {
  const given = readRising(tensors, `${head}.given`, n, what)
  const numbers = readFloats(tensors, `${head}.numbers`)
  checkFloats(numbers, n, 1, given, what)
  const of = new Float64Array(n).fill(Number.NaN)
  for (const row of given) of[row] = numbers[row]
  return { kind: 'number', of }
}

function readVectors(tensors: RawTensors, head: string, what: string, n: number): VectorColumn {
  const having = readRising(tensors, `${head}.given`, n, what)
  const tensor = tensors.get(`${head}.vectors`)
  const { dtype, shape } = tensor ?? { dtype: undefined, shape: [] }
  const [rows, width] = shape
  if (!tensor || dtype !== 'F32' || shape.length !== 2 || rows !== n || width === 0)
    throw damaged(`the vectors of ${what} are ${dtype} [${shape.join(', ')}] where F32 [${n}, width] is due`)
  const of = fromRaw(tensor).data as Float32Array
  checkFloats(of, n, width, having, what)
  const given = new Uint8Array(n)
  for (const row of having) given[row] = 1
  return { kind: 'vector', width, of, given }
}

/** [n, width], finite, and zeros for rows that have none. */
function checkFloats(data: Float32Array, n: number, width: number, given: Int32Array, what: string): void {
  if (data.length !== n * width) throw damaged(`there are ${data.length} numbers of ${what} for ${n} rows`)
  const at = firstNonFinite(data)
  if (at >= 0) throw damaged(`${what} has ${data[at]} at ${at}`)
  for (let row = 0, next = 0; row < n; row++) {
    if (given[next] === row) next++
    else if (data.subarray(row * width, (row + 1) * width).some((value) => value !== 0))
      throw damaged(`${what} gives row ${row} one that it does not list`)
  }
}
