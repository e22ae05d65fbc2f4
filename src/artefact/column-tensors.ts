/**
 * Further columns of an items table as tensors. `catalogue.columns.bytes` and `.offsets` hold their names, rising, and what
 * column c holds stands under `catalogue.columns.c`: words as lists, as the categories are; numbers [V] or vectors [V, width]
 * with the items that have one at `.items` [n], rising, and zeros for the others.
 */
import { type Column, type Columns, type NumberColumn, rowsOf, type VectorColumn } from '../data/table-columns.ts'
import { firstNonFinite } from '../tensor/kinds.ts'
import { fromRaw, type RawTensors, readFloats, toRaw } from './tensors.ts'
import { intTensor, listTensors, type NamedTensor, readLists, readRising, readTexts, textTensors } from './text-tensors.ts'
import { damaged, unfit } from './unsound.ts'

const HEAD = 'catalogue.columns'
const NAMES = "the columns' names"

/** By code units: the same columns in another order are the same bytes. */
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)

/** @throws FociError ARTEFACT for a column of another length, and numbers that f32 does not hold */
export function columnTensors(columns: Columns, V: number): NamedTensor[] {
  const sorted = Object.entries(columns).sort(byName)
  const names = sorted.map(([name]) => name)
  return [...textTensors(HEAD, names, NAMES), ...sorted.flatMap(([name, column], c) => tensorsOf(`${HEAD}.${c}`, name, column, V))]
}

function tensorsOf(head: string, name: string, column: Column, V: number): NamedTensor[] {
  const what = `the column ${JSON.stringify(name)}`
  if (rowsOf(column) !== V) throw unfit(`${what} is of ${rowsOf(column)} items, and there are ${V}`)
  if (column.kind === 'words') return listTensors(head, column.of, what)
  const items = Int32Array.from(Array.from({ length: V }, (_, i) => i).filter((i) => isGiven(column, i)))
  const [end, shape] = column.kind === 'number' ? ['numbers', [V]] : ['vectors', [V, column.width]]
  const data = column.kind === 'number' ? Float32Array.from(column.of, (value) => (Number.isNaN(value) ? 0 : value)) : column.of
  const at = firstNonFinite(data)
  if (at >= 0) throw unfit(`${what} has ${data[at]} at ${at}`)
  return [intTensor(`${head}.items`, items), [`${head}.${end}`, toRaw(what, { shape, data })]]
}

const isGiven = (column: NumberColumn | VectorColumn, item: number): boolean =>
  column.kind === 'number' ? !Number.isNaN(column.of[item]) : column.given[item] !== 0

/** The way back, which checks everything: names, kinds, lengths, indices, finite numbers, and that nothing else is there. */
export function readColumns(tensors: RawTensors, V: number): Columns {
  const names = readTexts(tensors, HEAD, NAMES)
  if (names.length === 0) throw damaged('there are columns without names')
  const falls = names.findIndex((name, c) => c > 0 && name <= names[c - 1])
  if (falls >= 0) throw damaged(`${NAMES} do not rise at ${falls}`)
  const known = new Set([`${HEAD}.bytes`, `${HEAD}.offsets`])
  const columns = names.map((name, c) => {
    const [column, ends] = readColumn(tensors, `${HEAD}.${c}`, `the column ${JSON.stringify(name.slice(0, 80))}`, V)
    for (const end of ends) known.add(`${HEAD}.${c}.${end}`)
    return [name, column] as const
  })
  const stranger = [...tensors.keys()].find((name) => name.startsWith(`${HEAD}.`) && !known.has(name))
  if (stranger !== undefined) throw damaged(`tensor "${stranger}" belongs to no column`)
  return Object.fromEntries(columns)
}

/** A column, and the ends of its tensors' names. */
function readColumn(tensors: RawTensors, head: string, what: string, V: number): [Column, readonly string[]] {
  if (tensors.has(`${head}.numbers`)) return [readNumbers(tensors, head, what, V), ['items', 'numbers']]
  if (tensors.has(`${head}.vectors`)) return [readVectors(tensors, head, what, V), ['items', 'vectors']]
  return [{ kind: 'words', of: readLists(tensors, head, V, what) }, ['bytes', 'offsets', 'starts', 'names']]
}

function readNumbers(tensors: RawTensors, head: string, what: string, V: number): NumberColumn {
  const items = readRising(tensors, `${head}.items`, V, what)
  const numbers = readFloats(tensors, `${head}.numbers`)
  checkFloats(numbers, V, 1, items, what)
  const of = new Float64Array(V).fill(Number.NaN)
  for (const item of items) of[item] = numbers[item]
  return { kind: 'number', of }
}

function readVectors(tensors: RawTensors, head: string, what: string, V: number): VectorColumn {
  const items = readRising(tensors, `${head}.items`, V, what)
  const tensor = tensors.get(`${head}.vectors`)
  const { dtype, shape } = tensor ?? { dtype: undefined, shape: [] }
  const [rows, width] = shape
  if (!tensor || dtype !== 'F32' || shape.length !== 2 || rows !== V || width === 0)
    throw damaged(`the vectors of ${what} are ${dtype} [${shape.join(', ')}] where F32 [${V}, width] is due`)
  const of = fromRaw(tensor).data as Float32Array
  checkFloats(of, V, width, items, what)
  const given = new Uint8Array(V)
  for (const item of items) given[item] = 1
  return { kind: 'vector', width, of, given }
}

/** [V, width], finite, and zeros for items that have none. */
function checkFloats(data: Float32Array, V: number, width: number, items: Int32Array, what: string): void {
  if (data.length !== V * width) throw damaged(`there are ${data.length} numbers of ${what} for ${V} items`)
  const at = firstNonFinite(data)
  if (at >= 0) throw damaged(`${what} has ${data[at]} at ${at}`)
  for (let item = 0, next = 0; item < V; item++) {
    if (items[next] === item) next++
    else if (data.subarray(item * width, (item + 1) * width).some((value) => value !== 0))
      throw damaged(`${what} gives item ${item} one that it does not list`)
  }
}
