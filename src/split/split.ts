import type { Interactions } from '../data/interactions.ts'
import { roleTable } from '../data/roles.ts'
import { sharedInts } from '../data/shared.ts'

/**
 * How a log is cut. `leave-one-out`: each user's last row is the test, the one before it validation; users with fewer
 * than three rows only train. `time:0.8,0.9`: the first eight tenths of the rows by time train, the next tenth is
 * validation, the last the test.
 */
export type SplitName = 'leave-one-out' | `time:${number},${number}`

export interface Split {
  readonly name: SplitName
  readonly log: Interactions
  /** Rows of user u that train: `log.offsets[u] .. trainEnd[u]`, [U]. */
  readonly trainEnd: Int32Array
  /** What is asked of each part. */
  readonly validation: Cases
  readonly test: Cases
}

/** Users who are asked, where the history of each one ends, and the items that each must find. */
export interface Cases {
  /** User index, [n]. */
  readonly users: Int32Array
  /** Row of the log before which a user's rows are the history, [n]. */
  readonly ends: Int32Array
  /** Row of the first event that is asked for: when and where a user is asked, [n]. */
  readonly rows: Int32Array
  /** Item indices, distinct for a user, jagged by `relevantOffsets` [n + 1]; everyone has at least one. */
  readonly relevant: Int32Array
  readonly relevantOffsets: Int32Array
}

/** One of the cases. */
export interface Case {
  readonly user: number
  readonly end: number
  readonly row: number
  readonly relevant: readonly number[]
}

export function casesOf(cases: readonly Case[]): Cases {
  const relevantOffsets = new Int32Array(cases.length + 1)
  for (const [i, { relevant }] of cases.entries()) relevantOffsets[i + 1] = relevantOffsets[i] + relevant.length
  return {
    users: Int32Array.from(cases, ({ user }) => user),
    ends: Int32Array.from(cases, ({ end }) => end),
    rows: Int32Array.from(cases, ({ row }) => row),
    relevant: Int32Array.from(cases.flatMap(({ relevant }) => relevant)),
    relevantOffsets,
  }
}

/** All rows train, and nobody is asked: what the final weights learn from. */
export function everyRow({ name, log }: Split): Split {
  return { name, log, trainEnd: log.offsets.subarray(1), validation: casesOf([]), test: casesOf([]) }
}

/** Rows of the log that train for one user: `[start, end)`. */
export function trainingRange({ log, trainEnd }: Split, user: number): readonly [start: number, end: number] {
  return [log.offsets[user], trainEnd[user]]
}

/**
 * Cuts off each user's last row as test and the one before it as validation. With target event types these are the
 * user's last two targets; what stands between or after them trains nothing. Users without two targets and a row
 * before them only train: without roles, those with fewer than three rows.
 */
export function leaveOneOut(log: Interactions): Split {
  const isTarget = roleTable(log, log.roles.target)
  const ints = () => new Int32Array(log.users.length)
  const [users, validations, tests, trainEnd] = [ints(), ints(), ints(), sharedInts(log.users.length)]
  let asked = 0
  for (let user = 0; user < log.users.length; user++) {
    const [start, end] = [log.offsets[user], log.offsets[user + 1]]
    const test = lastTarget(log, isTarget, start, end)
    const validation = lastTarget(log, isTarget, start, test)
    trainEnd[user] = validation > start ? validation : end
    if (validation <= start) continue
    users[asked] = user
    validations[asked] = validation
    tests[asked] = test
    asked++
  }
  const casesAt = (rows: Int32Array) => oneEach(log, users.slice(0, asked), rows.slice(0, asked))
  return { name: 'leave-one-out', log, trainEnd, validation: casesAt(validations), test: casesAt(tests) }
}

/** Asks each user for the item of one row. */
function oneEach({ items }: Interactions, users: Int32Array, rows: Int32Array): Cases {
  const relevantOffsets = new Int32Array(rows.length + 1)
  for (let i = 0; i <= rows.length; i++) relevantOffsets[i] = i
  return { users, ends: rows, rows, relevant: rows.map((row) => items[row]), relevantOffsets }
}

/** The last row of `[start, end)` that is a target, or −1. */
function lastTarget({ events }: Interactions, isTarget: readonly boolean[] | undefined, start: number, end: number): number {
  for (let row = end - 1; row >= start; row--) {
    if (isTarget === undefined || events === undefined || isTarget[events[row]]) return row
  }
  return -1
}
