import type { Interactions } from './interactions.ts'
import { roleTable } from './roles.ts'
import { sharedInts } from './shared.ts'

/**
 * How a log is cut. `leave-one-out`: each user's last row is the test, the one before it validation; users with fewer
 * than three rows only train.
 */
export type SplitName = 'leave-one-out'

export interface Split {
  readonly name: SplitName
  readonly log: Interactions
  /** Rows of user u that train: `log.offsets[u] .. trainEnd[u]`, [U]. */
  readonly trainEnd: Int32Array
  /** What is asked of each part; a case asks for the row `target` given the user's rows before it. */
  readonly validation: Cases
  readonly test: Cases
}

/** Users who are asked, and the row of the log that each must find; the history is all of the user's rows before it. */
export interface Cases {
  /** User index, [n]. */
  readonly users: Int32Array
  /** Row index, [n]. */
  readonly targets: Int32Array
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
  const trainEnd = sharedInts(log.users.length)
  const asked: { user: number; validation: number; test: number }[] = []
  for (let user = 0; user < log.users.length; user++) {
    const [start, end] = [log.offsets[user], log.offsets[user + 1]]
    const test = lastTarget(log, isTarget, start, end)
    const validation = lastTarget(log, isTarget, start, test)
    trainEnd[user] = validation > start ? validation : end
    if (validation > start) asked.push({ user, validation, test })
  }
  const cases = (target: 'validation' | 'test'): Cases => ({
    users: Int32Array.from(asked, ({ user }) => user),
    targets: Int32Array.from(asked, (each) => each[target]),
  })
  return { name: 'leave-one-out', log, trainEnd, validation: cases('validation'), test: cases('test') }
}

/** The last row of `[start, end)` that is a target, or −1. */
function lastTarget({ events }: Interactions, isTarget: readonly boolean[] | undefined, start: number, end: number): number {
  for (let row = end - 1; row >= start; row--) {
    if (isTarget === undefined || events === undefined || isTarget[events[row]]) return row
  }
  return -1
}
