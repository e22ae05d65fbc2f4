import type { Interactions } from './interactions.ts'

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
