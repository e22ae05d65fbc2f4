import type { Interactions } from '../data/interactions.ts'
import { roleTable } from '../data/roles.ts'
import type { Cases } from './split.ts'

/** What a user did, as a history holds it. */
export interface History {
  /** Item indices, [n]. */
  readonly items: Int32Array
  /** Seconds or positions, [n]. */
  readonly times: Float64Array
  /** Scene indices, [n]. */
  readonly scenes?: Int32Array
}

/**
 * A user's input rows before `endRow` (all of them where it is absent), in time order. Without input roles these are
 * views of the log's columns, no copies.
 */
export function history(log: Interactions, user: number, endRow = log.offsets[user + 1]): History {
  const start = log.offsets[user]
  const end = Math.max(start, Math.min(endRow, log.offsets[user + 1]))
  if (log.events === undefined || log.roles.input === undefined) {
    return { items: log.items.subarray(start, end), times: log.times.subarray(start, end), scenes: log.scenes?.subarray(start, end) }
  }
  const rows = inputRows(log, start, end)
  const { scenes } = log
  return {
    items: Int32Array.from(rows, (row) => log.items[row]),
    times: Float64Array.from(rows, (row) => log.times[row]),
    scenes: scenes && Int32Array.from(rows, (row) => scenes[row]),
  }
}

/** The rows of `[start, end)` whose event type is an input; all without roles. */
function inputRows(log: Interactions, start: number, end: number): number[] {
  const isInput = roleTable(log, log.roles.input)
  const rows: number[] = []
  for (let row = start; row < end; row++) {
    if (isInput === undefined || log.events === undefined || isInput[log.events[row]]) rows.push(row)
  }
  return rows
}

/**
 * What the seen filter removes for a user: the distinct items, ascending, of all rows before `endRow` whose event type
 * is seen (every row without roles, none of them for `none`) or negative.
 */
export function seenItems(log: Interactions, user: number, endRow = log.offsets[user + 1]): Int32Array {
  const { events, items } = log
  const isSeen = seenTable(log)
  const found = new Set<number>()
  for (let row = log.offsets[user]; row < endRow; row++) if (isSeen[events?.[row] ?? 0]) found.add(items[row])
  return Int32Array.from(found).sort()
}

/** For each event type, whether the seen filter removes the items of its rows; one entry for a log without event types. */
export function seenTable(log: Interactions, { seen, negative } = log.roles): readonly boolean[] {
  const isSeen = seen === 'none' ? undefined : roleTable(log, seen)
  const isNegative = roleTable(log, negative)
  const types = log.eventNames ?? ['any']
  return types.map((_, type) => (seen !== 'none' && (isSeen?.[type] ?? true)) || (isNegative?.[type] ?? false))
}

/** Share of the relevant items that the seen filter removes, so that no ranking can find them. */
export function seenTargets(log: Interactions, { users, ends, relevant, relevantOffsets }: Cases): number {
  let count = 0
  for (const [i, user] of users.entries()) {
    const seen = new Set(seenItems(log, user, ends[i]))
    for (const item of relevant.subarray(relevantOffsets[i], relevantOffsets[i + 1])) if (seen.has(item)) count++
  }
  return count / Math.max(1, relevant.length)
}
