import { FociError } from '../errors.ts'
import type { Needs } from '../models/contracts.ts'
import { type ColumnName, type Columns, columnNames, secondsSince } from '../models/pack.ts'
import { MOST } from './lists.ts'
import type { LogView } from './log-view.ts'

/** One event of a history as indices, its time in seconds. */
export interface IndexedEvent {
  readonly item: number
  readonly time?: number
  readonly scene?: number
  readonly type?: number
}

/** What is asked beside a history: seconds since 1970, and the indices of a scene and of whose it is. */
export interface At {
  readonly now?: number
  readonly scene?: number
  readonly user?: number
}

/** Histories of many users in the making, with the columns that a model needs, in memory that is used again. */
export class HistoriesBuilder {
  private readonly names: readonly ColumnName[]
  private items = new Int32Array(64)
  private times: Float64Array<ArrayBuffer> | undefined
  private scenes: Int32Array<ArrayBuffer> | undefined
  private types: Int32Array<ArrayBuffer> | undefined
  private offsets = new Int32Array(16)
  private nows = new Float64Array(16)
  private asked = new Int32Array(16)
  private users = new Int32Array(16)
  private length = 0
  private closed = 0

  constructor(needs: Needs) {
    this.names = columnNames(needs)
    if (this.has('times')) this.times = new Float64Array(64)
    if (this.has('scenes')) this.scenes = new Int32Array(64)
    if (this.has('types')) this.types = new Int32Array(64)
  }

  /** Closed histories. */
  get count(): number {
    return this.closed
  }

  /** Adds to the open history. */
  push({ item, time = Number.NaN, scene = -1, type = -1 }: IndexedEvent): void {
    this.makeRoom(this.length + 1)
    this.items[this.length] = item
    if (this.times) this.times[this.length] = time
    if (this.scenes) this.scenes[this.length] = scene
    if (this.types) this.types[this.length] = type
    this.length++
  }

  /** Adds the rows `[start, end)` of a log that a history holds to the open one. */
  pushRows({ log, items, read, scenes, types }: LogView, start: number, end: number): void {
    this.makeRoom(this.length + end - start)
    const { events, times } = log
    const plain = !this.times && !this.scenes && !this.types
    const to = this.items
    let { length } = this
    for (let row = start; row < end; row++) {
      const item = items[log.items[row]]
      if (item < 0 || !read[events ? events[row] : 0]) continue
      to[length] = item
      if (!plain) {
        if (this.times) this.times[length] = times[row]
        if (this.scenes) this.scenes[length] = log.scenes && scenes ? scenes[log.scenes[row]] : -1
        if (this.types) this.types[length] = events && types ? types[events[row]] : -1
      }
      length++
    }
    this.length = length
  }

  /** Closes the open history, of which the last `most` events stay, and opens the next. */
  close(most: number, { now = Number.NaN, scene = -1, user = -1 }: At = {}): void {
    const start = this.offsets[this.closed]
    const extra = this.length - start - most
    if (extra > 0) {
      for (const column of [this.items, this.times, this.scenes, this.types]) column?.copyWithin(start, start + extra, this.length)
      this.length -= extra
    }
    if (this.closed + 2 > this.offsets.length) {
      this.offsets = grown(this.offsets, this.closed + 2, Int32Array)
      this.nows = grown(this.nows, this.closed + 2, Float64Array)
      this.asked = grown(this.asked, this.closed + 2, Int32Array)
      this.users = grown(this.users, this.closed + 2, Int32Array)
    }
    this.nows[this.closed] = now
    this.asked[this.closed] = scene
    this.users[this.closed] = user
    this.offsets[++this.closed] = this.length
  }

  /** The closed histories, until more is added. */
  view(): Columns {
    const offsets = this.offsets.subarray(0, this.closed + 1)
    const count = offsets[this.closed]
    const columns: Columns = { items: this.items.subarray(0, count), offsets }
    if (this.names.length === 2) return columns
    const since = this.has('times') ? this.seconds(offsets) : undefined
    return {
      ...columns,
      ...(this.has('times') && { times: since?.times }),
      ...(this.has('scenes') && { scenes: this.scenes?.subarray(0, count) }),
      ...(this.has('types') && { types: this.types?.subarray(0, count) }),
      ...(this.has('users') && { users: this.users.subarray(0, this.closed) }),
      ...(this.has('now') && { now: since?.now }),
      ...(this.has('scene') && { scene: this.asked.subarray(0, this.closed) }),
    }
  }

  clear(): void {
    this.length = 0
    this.closed = 0
  }

  private has(name: ColumnName): boolean {
    return this.names.includes(name)
  }

  /** Of each history since its first event; an empty one is asked about at 0. */
  private seconds(offsets: Int32Array): { readonly times: Int32Array; readonly now: Int32Array } {
    const [times, now] = [new Int32Array(this.length), new Int32Array(this.closed)]
    const own = this.times ?? new Float64Array(0)
    for (let b = 0; b < this.closed; b++) {
      const [start, end] = [offsets[b], offsets[b + 1]]
      for (let t = start; t < end; t++) times[t] = secondsSince(own[start], own[t])
      now[b] = start < end ? secondsSince(own[start], this.nows[b]) : 0
    }
    return { times, now }
  }

  private makeRoom(wanted: number): void {
    if (wanted <= this.items.length) return
    this.items = grown(this.items, wanted, Int32Array)
    if (this.times) this.times = grown(this.times, wanted, Float64Array)
    if (this.scenes) this.scenes = grown(this.scenes, wanted, Int32Array)
    if (this.types) this.types = grown(this.types, wanted, Int32Array)
  }
}

/** A longer copy. */
function grown<A extends Int32Array | Float64Array>(values: A, wanted: number, Kind: new (length: number) => A): A {
  if (wanted > MOST)
    throw new FociError('RANGE', `Lists of ${wanted} items are due, and ${MOST} are the most.`, 'Ask about fewer at a time.')
  const copy = new Kind(Math.min(Math.max(wanted, 2 * values.length), MOST))
  copy.set(values)
  return copy
}
