import { checkRowCount } from '../data/interactions.ts'
import { sharedDoubles, sharedFloats, sharedInts } from '../data/shared.ts'
import { type LogAddon, logAddon } from '../engine/log-addon.ts'
import type { Checked } from './check.ts'
import { type Block, type Gathered, renumber } from './gathered.ts'
import type { SortedLog } from './log-options.ts'
import { TimeOrder } from './order.ts'
import { fault } from './row-faults.ts'
import { secondsPer } from './time.ts'

/** The columns of a log under way: rows by user, times as written. */
interface Columns {
  readonly offsets: Int32Array
  readonly items: Int32Array
  readonly times: Float64Array
  readonly scenes?: Int32Array
  readonly events?: Int32Array
  readonly values?: Float32Array
}

/**
 * The sound rows by user, time and order of arrival, with ids numbered over them alone. Empties the blocks.
 * @throws FociError DATA where there are more than an i32 counts
 */
export async function sortRows(gathered: Gathered, { unit, first }: Checked): Promise<Omit<SortedLog, 'unit' | 'skipped'>> {
  const { blocks } = gathered
  const rows = soundRows(blocks, first === undefined)
  checkRowCount(rows)
  const ids = first === undefined ? gathered.ids : renumber(gathered)
  const columns = newColumns(ids.user.count, rows, {
    scenes: ids.scene !== undefined,
    events: ids.event !== undefined,
    values: gathered.valued,
  })
  const addon = logAddon()
  const sorting = addon && sortByAddon(addon, blocks, columns)
  const [users, itemIds] = [ids.user.texts(), ids.item.texts()] // beside the addon's threads
  const [sceneNames, eventNames] = [ids.scene?.texts(), ids.event?.texts()]
  if (sorting) await sorting
  else byTime(columns, byUser(blocks, columns))
  const { times } = columns
  const seconds = secondsPer[unit]
  if (seconds !== 1) for (let row = 0; row < times.length; row++) times[row] /= seconds
  return { ...columns, users, itemIds, sceneNames, eventNames }
}

function soundRows(blocks: readonly Block[], all: boolean): number {
  let sound = 0
  for (const { rows, faults } of blocks) {
    if (all) sound += rows
    else for (let i = 0; i < rows; i++) if (faults[i] === fault.none) sound++
  }
  return sound
}

function newColumns(users: number, rows: number, has: Readonly<Record<'scenes' | 'events' | 'values', boolean>>): Columns {
  return {
    offsets: sharedInts(users + 1),
    items: sharedInts(rows),
    times: sharedDoubles(rows),
    ...(has.scenes && { scenes: sharedInts(rows) }),
    ...(has.events && { events: sharedInts(rows) }),
    ...(has.values && { values: sharedFloats(rows) }),
  }
}

/** The same as `byUser` and `byTime`, on all cores; nobody else touches the arrays meanwhile. */
function sortByAddon(addon: LogAddon, blocks: Block[], { offsets, items, times, scenes, events, values }: Columns): Promise<void> {
  const bits = ({ buffer, byteOffset, length }: Float32Array) => new Int32Array(buffer, byteOffset, length)
  const there = (columns: (Int32Array | undefined | false)[]) => columns.filter((column) => column instanceof Int32Array)
  const parts = blocks.splice(0).map((block) => {
    const { rows, item, scene, event } = block
    const others = there([item, scenes && scene, events && event, values && block.values && bits(block.values)])
    return {
      user: block.user.subarray(0, rows),
      faults: block.faults.subarray(0, rows),
      times: block.times.subarray(0, rows),
      rests: block.rests?.subarray(0, rows),
      others: others.map((column) => column.subarray(0, rows)),
    }
  })
  return addon.sortRows(parts, offsets, times, there([items, scenes, events, values && bits(values)]))
}

/** A counting sort: rows of one user together, in order of arrival. Blocks are let go as they are read. Gives what breaks ties of times. */
function byUser(blocks: Block[], columns: Columns): Int16Array | undefined {
  const { offsets } = columns
  countRows(blocks, offsets)
  const rests = blocks.some((block) => block.rests !== undefined) ? new Int16Array(columns.items.length) : undefined
  const next = offsets.slice()
  for (let block = blocks.shift(); block !== undefined; block = blocks.shift()) scatter(block, next, columns, rests)
  return rests
}

function countRows(blocks: readonly Block[], offsets: Int32Array): void {
  for (const { rows, user, faults } of blocks) {
    for (let i = 0; i < rows; i++) if (faults[i] === fault.none) offsets[user[i] + 1]++
  }
  for (let user = 1; user < offsets.length; user++) offsets[user] += offsets[user - 1]
}

function scatter(block: Block, next: Int32Array, columns: Columns, rests: Int16Array | undefined): void {
  const { items, times, scenes, events, values } = columns
  const places = new Int32Array(block.rows)
  for (let i = 0; i < block.rows; i++) places[i] = block.faults[i] === fault.none ? next[block.user[i]]++ : -1
  const put = (into: Int32Array | Int16Array | Float32Array | Float64Array, from: ArrayLike<number>) => {
    for (let i = 0; i < places.length; i++) if (places[i] >= 0) into[places[i]] = from[i]
  }
  put(items, block.item)
  put(times, block.times)
  if (scenes && block.scene) put(scenes, block.scene)
  if (events && block.event) put(events, block.event)
  if (values && block.values) put(values, block.values)
  if (rests && block.rests) put(rests, block.rests)
}

/** Sorts each user's rows by time; equal times keep their order. */
function byTime({ offsets, ...columns }: Columns, rests: Int16Array | undefined): void {
  const { times, items, scenes, events, values } = columns
  const order = new TimeOrder(times, rests)
  const moved = [items, times, scenes, events, values].filter((column) => column !== undefined)
  for (let user = 0; user + 1 < offsets.length; user++) {
    const [start, end] = [offsets[user], offsets[user + 1]]
    if (order.isSorted(start, end)) continue
    order.find(start, end)
    for (const column of moved) order.apply(column, start, end)
  }
}
