import { fault } from './faults.ts'
import type { Gathered } from './gather.ts'
import type { TimeUnit } from './interactions.ts'
import type { SortedLog } from './log.ts'
import { sharedDoubles, sharedFloats, sharedInts } from './shared.ts'
import { secondsPer } from './time.ts'

/** The sound rows by user, time and order of arrival, with ids numbered over them alone. */
export function sortRows(
  gathered: Gathered,
  has: { readonly scene: boolean; readonly event: boolean; readonly value: boolean },
  unit: TimeUnit,
): Omit<SortedLog, 'unit' | 'skipped'> {
  const kept: number[] = []
  for (let row = 0; row < gathered.faults.length; row++) if (gathered.faults[row] === fault.none) kept.push(row)
  const written = unit === 'iso' ? gathered.isos : gathered.numbers
  const users = gathered.user.over(kept)
  const items = gathered.item.over(kept)
  const { offsets, order } = byUser(users.codes, users.ids.length, kept)
  byTime(order, offsets, written)
  const scenes = has.scene ? gathered.scene.over(kept) : undefined
  const events = has.event ? gathered.event.over(kept) : undefined
  const pick = <T extends Int32Array | Float32Array | Float64Array>(into: T, from: ArrayLike<number>): T => {
    for (let i = 0; i < into.length; i++) into[i] = from[order[i]]
    return into
  }
  const times = pick(sharedDoubles(order.length), written)
  for (let i = 0; i < times.length; i++) times[i] /= secondsPer[unit]
  return {
    users: users.ids,
    itemIds: items.ids,
    offsets,
    items: pick(sharedInts(order.length), items.codes),
    times,
    scenes: scenes && pick(sharedInts(order.length), scenes.codes),
    sceneNames: scenes?.ids,
    events: events && pick(sharedInts(order.length), events.codes),
    eventNames: events?.ids,
    values: has.value ? pick(sharedFloats(order.length), gathered.values) : undefined,
  }
}

/** A counting sort: rows of one user together, in order of arrival. */
function byUser(codes: Int32Array, users: number, kept: readonly number[]): { offsets: Int32Array; order: Int32Array } {
  const offsets = sharedInts(users + 1)
  for (const row of kept) offsets[codes[row] + 1]++
  for (let user = 0; user < users; user++) offsets[user + 1] += offsets[user]
  const next = offsets.slice()
  const order = new Int32Array(kept.length)
  for (const row of kept) order[next[codes[row]]++] = row
  return { offsets, order }
}

/** Sorts each user's rows by time; equal times keep their order. */
function byTime(order: Int32Array, offsets: Int32Array, times: readonly number[]): void {
  for (let user = 0; user + 1 < offsets.length; user++) {
    order.subarray(offsets[user], offsets[user + 1]).sort((a, b) => times[a] - times[b] || a - b)
  }
}
