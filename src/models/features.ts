/** Columns of items and users as a model reads them: plain arrays, of which each engine makes tensors. */
import type { Interactions } from '../data/interactions.ts'
import { type Column, columnOf, type Described, type NumberColumn, type VectorColumn, type WordsColumn } from '../data/table-columns.ts'
import { FociError } from '../errors.ts'
import type { KnownUsers, Needs } from './contracts.ts'

export type Feature = WordsFeature | NumberFeature | VectorFeature

/** Words as indices into their vocabulary, jagged. */
export interface WordsFeature {
  readonly kind: 'words'
  /** Words in the vocabulary. */
  readonly size: number
  /** The words by index, in order of first appearance. */
  readonly vocabulary: readonly string[]
  /** Indices of the words of one after the other, [T]. */
  readonly values: Int32Array
  /** [n + 1] */
  readonly offsets: Int32Array
}

/** Numbers less their mean, over their deviation. */
export interface NumberFeature {
  readonly kind: 'number'
  /** [n], 0 where none is given. */
  readonly values: Float32Array
  /** Over those given. */
  readonly mean: number
  /** Over those given; 1 where they are all the same. */
  readonly deviation: number
}

export interface VectorFeature {
  readonly kind: 'vector'
  readonly width: number
  /** [n, width], zeros where none is given. */
  readonly values: Float32Array
}

/**
 * A column of the items as a feature.
 * @param model for the error
 * @throws FociError NEED where there is no such column
 */
export function itemFeature(model: string, items: Described, name: string): Feature {
  const column = columnOf(items, name)
  if (!column) throw lacking(model, 'items', name, Object.keys(items.columns ?? {}))
  return featureOf(column)
}

/** A column of the users as a feature. @throws FociError NEED where there is no such column */
export function userFeature(model: string, { columns = {} }: Pick<KnownUsers, 'columns'>, name: string): Feature {
  if (!Object.hasOwn(columns, name)) throw lacking(model, 'users', name, Object.keys(columns))
  return featureOf(columns[name])
}

/** What a model passes over of the tables that came with a log, a sentence for each table; titles and categories serve others. */
export function unusedColumns(
  model: string,
  log: Pick<Interactions, 'catalogue' | 'userColumns'>,
  needs: Pick<Needs, 'items' | 'users'> = {},
): string[] {
  const tables = { items: log.catalogue.columns, users: log.userColumns }
  return (['items', 'users'] as const).flatMap((table) => {
    const unused = Object.keys(tables[table] ?? {}).filter((name) => !needs[table]?.includes(name))
    return unused.length === 0 ? [] : [`${model} does not read these columns of the ${table} table: ${unused.join(', ')}`]
  })
}

export function featureOf(column: Column): Feature {
  if (column.kind === 'words') return wordsFeature(column)
  return column.kind === 'number' ? numberFeature(column) : vectorFeature(column)
}

export function wordsFeature({ of }: WordsColumn): WordsFeature {
  const indices = new Map<string, number>()
  const offsets = new Int32Array(of.length + 1)
  for (const [i, words] of of.entries()) {
    offsets[i + 1] = offsets[i] + words.length
    for (const word of words) if (!indices.has(word)) indices.set(word, indices.size)
  }
  const values = new Int32Array(offsets[of.length])
  for (const [i, words] of of.entries()) {
    words.forEach((word, j) => {
      values[offsets[i] + j] = indices.get(word) ?? 0
    })
  }
  return { kind: 'words', size: indices.size, vocabulary: [...indices.keys()], values, offsets }
}

/** Of the numbers in f32, as an artefact keeps them: in training and in serving the same bits. */
function numberFeature({ of }: NumberColumn): NumberFeature {
  const numbers = Float64Array.from(of, Math.fround)
  const given = numbers.filter((number) => !Number.isNaN(number))
  const { mean, deviation } = momentsOf(given)
  const values = Float32Array.from(numbers, (number) => (Number.isNaN(number) ? 0 : (number - mean) / deviation))
  return { kind: 'number', values, mean, deviation }
}

/** Of numbers that are all the same the deviation is 1, and the mean is theirs without a rounding. */
function momentsOf(numbers: Float64Array): { mean: number; deviation: number } {
  if (numbers.every((number) => number === numbers[0])) return { mean: numbers[0] ?? 0, deviation: 1 }
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length
  const variance = numbers.reduce((sum, number) => sum + (number - mean) ** 2, 0) / numbers.length
  return { mean, deviation: Math.sqrt(variance) }
}

const vectorFeature = ({ width, of }: VectorColumn): VectorFeature => ({ kind: 'vector', width, values: of })

function lacking(model: string, table: 'items' | 'users', name: string, there: readonly string[]): FociError {
  const has = there.length === 0 ? '' : `; there are ${there.map((each) => JSON.stringify(each)).join(', ')}`
  return new FociError(
    'NEED',
    `${model} reads the column ${JSON.stringify(name)} of the ${table} table, and there is none${has}.`,
    `Give a table that has it: --${table} FILE, or the option ${table} of readInteractions.`,
  )
}
