import type { Engine } from '../engine/engine.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { Histories, Needs, Requests } from './contracts.ts'

/** Histories and requests as whole numbers in host memory: what programs take and threads are sent. */
export interface Columns {
  /** Item indices, [T]. */
  readonly items: Int32Array
  /** [B + 1] */
  readonly offsets: Int32Array
  /** Seconds since each history's first event, [T]. */
  readonly times?: Int32Array
  /** [T] */
  readonly scenes?: Int32Array
  /** [T] */
  readonly types?: Int32Array
  /** User indices, [B] */
  readonly users?: Int32Array
  /** Seconds since the first event of the history that is asked about, [Q]. */
  readonly now?: Int32Array
  /** [Q] */
  readonly scene?: Int32Array
}

export type ColumnName = keyof Columns

/** The columns that a model with these needs is given, in the order in which they are handed on. */
export function columnNames({ events = [], request = [], users }: Needs): readonly ColumnName[] {
  const wanted: readonly [ColumnName, boolean][] = [
    ['items', true],
    ['offsets', true],
    ['times', events.includes('time') || request.includes('now')],
    ['scenes', events.includes('scene')],
    ['types', events.includes('type')],
    ['users', users !== undefined],
    ['now', request.includes('now')],
    ['scene', request.includes('scene')],
  ]
  return wanted.flatMap(([name, needed]) => (needed ? [name] : []))
}

export interface Packed {
  readonly histories: Histories
  readonly at: Requests
}

/** Columns as a model reads them: tensors of the current scope. The one way from host memory to a model. */
export function pack(engine: Engine, columns: Columns): Packed {
  const given = Object.entries(columns) as [ColumnName, Int32Array | undefined][]
  return packed(Object.fromEntries(given.flatMap(([name, values]) => (values ? [[name, Tensor.int32(engine, values)]] : []))))
}

/** The same of tensors, by the names of their columns. */
export function packed({ items, offsets, times, scenes, types, users, now, scene }: Readonly<Partial<Record<ColumnName, Tensor>>>): Packed {
  if (!items || !offsets) throw new TypeError('packed() wants items and offsets')
  return { histories: { items, offsets, times, scenes, types, users }, at: { now, scenes: scene } }
}

const [LEAST, MOST] = [-(2 ** 31), 2 ** 31 - 1]

/** From the second of one time to that of another, as far as an i32 counts: differences of these are exact. */
export const secondsSince = (first: number, time: number): number => Math.max(LEAST, Math.min(MOST, Math.floor(time) - Math.floor(first)))
