import type { Interactions } from '../data/interactions.ts'
import { permutation } from '../data/random.ts'
import { roleTable } from '../data/roles.ts'
import { type Split, trainingRange } from './split.ts'

/** One training window a user: W windows, jagged, as rows of the log. */
export interface Windows {
  readonly log: Interactions
  /** User index, [W]. */
  readonly users: Int32Array
  /** [W + 1] */
  readonly offsets: Int32Array
  /** Rows that are read, and for each the row that it is to predict, [T]. */
  readonly inputs: Int32Array
  readonly targets: Int32Array
}

/**
 * Each user's last `maxLength` training pairs: an input row and the next target row after it. Without roles the inputs
 * are s[0..n) and the targets s[1..n+1) of the last maxLength + 1 training rows; users with fewer than two have none.
 */
export function windows(split: Split, maxLength: number): Windows {
  const { log } = split
  const pairs = trainingPairs(log, maxLength)
  const lengths = new Int32Array(log.users.length)
  for (let user = 0; user < lengths.length; user++) lengths[user] = pairs(...trainingRange(split, user))
  const users = new Int32Array(lengths.reduce((count, length) => count + (length > 0 ? 1 : 0), 0))
  const offsets = new Int32Array(users.length + 1)
  for (let user = 0, window = 0; user < lengths.length; user++) {
    if (lengths[user] === 0) continue
    users[window] = user
    offsets[window + 1] = offsets[window] + lengths[user]
    window++
  }
  const rows = { inputs: new Int32Array(offsets[users.length]), targets: new Int32Array(offsets[users.length]) }
  for (let window = 0; window < users.length; window++) pairs(...trainingRange(split, users[window]), rows, offsets[window + 1])
  return { log, users, offsets, ...rows }
}

type Pairs = (start: number, end: number, into?: Pick<Windows, 'inputs' | 'targets'>, at?: number) => number

/**
 * Pairs each input row of `[start, end)` that a target row follows with the first that does, and counts the last `limit`
 * pairs; these it writes, where it is given where to, before `at`.
 */
function trainingPairs(log: Interactions, limit: number): Pairs {
  const { events } = log
  const isTarget = events && roleTable(log, log.roles.target)
  const isInput = events && roleTable(log, log.roles.input)
  if (!isTarget && !isInput) return (start, end, into, at) => consecutive(Math.min(limit, Math.max(0, end - start - 1)), end, into, at)
  return (start, end, into, at = 0) => {
    let [next, count] = [-1, 0]
    for (let row = end - 1; row >= start && count < limit; row--) {
      if (next >= 0 && (!isInput || isInput[events[row]])) {
        count++
        if (into) into.inputs[at - count] = row
        if (into) into.targets[at - count] = next
      }
      if (!isTarget || isTarget[events[row]]) next = row
    }
    return count
  }
}

/** The last `count` pairs of a row before `end` and the row after it. */
function consecutive(count: number, end: number, into?: Pick<Windows, 'inputs' | 'targets'>, at = 0): number {
  if (into) {
    const [write, row] = [at - count, end - 1 - count]
    for (let i = 0; i < count; i++) {
      into.inputs[write + i] = row + i
      into.targets[write + i] = row + i + 1
    }
  }
  return count
}

/** The windows once over, `size` users at a time, in an order that depends on (seed, epoch) alone. */
export function* stepsOf(
  { users }: Pick<Windows, 'users'>,
  { size, seed, epoch }: { readonly size: number; readonly seed: number; readonly epoch: number },
): Generator<Int32Array> {
  const order = permutation(users.length, seed, epoch)
  for (let start = 0; start < order.length; start += size) yield order.subarray(start, start + size)
}
