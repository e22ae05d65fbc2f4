import type { Checked } from './check.ts'
import { fault } from './faults.ts'
import { type Block, type Gathered, renumber } from './gathered.ts'
import type { SortedLog } from './log.ts'
import { TimeOrder } from './order.ts'
import { sharedDoubles, sharedFloats, sharedInts } from './shared.ts'
import { secondsPer } from './time.ts'

/** The columns of a log under way: rows by user, times as written. */
interface Columns {
  readonly offsets: Int32Array
  readonly items: Int32Array
  readonly times: Float64Array
  readonly scenes?: Int32Array
  readonly events?: Int32Array
  readonly values?: Float32Array
  readonly rests?: Int16Array
}

/** The sound rows by user, time and order of arrival, with ids numbered over them alone. Empties the blocks. */
export function sortRows(gathered: Gathered, { unit, first }: Checked): Omit<SortedLog, 'unit' | 'skipped'> {
  const { blocks } = gathered
  const ids = first === undefined ? gathered.ids : renumber(gathered)
  const { rests, ...columns } = byUser(blocks, ids.user.length, {
    scenes: ids.scene !== undefined,
    events: ids.event !== undefined,
    values: gathered.valued,
    rests: blocks.some((block) => block.rests !== undefined),
  })
  byTime({ ...columns, rests })
  const { times } = columns
  const seconds = secondsPer[unit]
  if (seconds !== 1) for (let row = 0; row < times.length; row++) times[row] /= seconds
  return { ...columns, users: ids.user, itemIds: ids.item, sceneNames: ids.scene, eventNames: ids.event }
}

/** A counting sort: rows of one user together, in order of arrival. Blocks are let go as they are read. */
function byUser(blocks: Block[], users: number, has: Readonly<Record<'scenes' | 'events' | 'values' | 'rests', boolean>>): Columns {
  const offsets = countRows(blocks, users)
  const rows = offsets[users]
  const columns: Columns = {
    offsets,
    items: sharedInts(rows),
    times: sharedDoubles(rows),
    ...(has.scenes && { scenes: sharedInts(rows) }),
    ...(has.events && { events: sharedInts(rows) }),
    ...(has.values && { values: sharedFloats(rows) }),
    ...(has.rests && { rests: new Int16Array(rows) }),
  }
  const next = offsets.slice()
  for (let block = blocks.shift(); block !== undefined; block = blocks.shift()) scatter(block, next, columns)
  return columns
}

function countRows(blocks: readonly Block[], users: number): Int32Array {
  const offsets = sharedInts(users + 1)
  for (const { rows, user, faults } of blocks) {
    for (let i = 0; i < rows; i++) if (faults[i] === fault.none) offsets[user[i] + 1]++
  }
  for (let user = 0; user < users; user++) offsets[user + 1] += offsets[user]
  return offsets
}

function scatter(block: Block, next: Int32Array, { items, times, scenes, events, values, rests }: Columns): void {
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
function byTime({ offsets, rests, ...columns }: Columns): void {
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
