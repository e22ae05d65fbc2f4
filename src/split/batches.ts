import type { Interactions } from '../data/interactions.ts'
import { permutation } from '../data/random.ts'
import { roleTable } from '../data/roles.ts'
import { history, seenItems } from './history.ts'
import { type Cases, type Split, trainingRange } from './split.ts'

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

/** What one training step reads: B users, T events. */
export interface TrainingBatch {
  /** Item indices, [T]. */
  readonly items: Int32Array
  /** [B + 1] */
  readonly offsets: Int32Array
  /** Item that follows each event, [T]. */
  readonly targets: Int32Array
  /** User index, [B]. */
  readonly users: Int32Array
  /** Seconds or positions, [T]. */
  readonly times: Float64Array
  /** Scene indices, [T]. */
  readonly scenes?: Int32Array
  /** Weight of each target by its event type, [T]; only where the roles have weights. */
  readonly weights?: Float32Array
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

/** The windows once over, in batches of `size` users, in an order that depends on (seed, epoch) alone. */
export function* epochBatches(
  rows: Windows,
  { size, seed, epoch }: { readonly size: number; readonly seed: number; readonly epoch: number },
): Generator<TrainingBatch> {
  const order = permutation(rows.users.length, seed, epoch)
  for (let start = 0; start < order.length; start += size) yield trainingBatch(rows, order.subarray(start, start + size))
}

function trainingBatch({ log, users, offsets, inputs, targets }: Windows, chosen: Int32Array): TrainingBatch {
  const batchOffsets = offsetsOf(chosen.length, (b) => offsets[chosen[b] + 1] - offsets[chosen[b]])
  const input = joined(batchOffsets, (b) => inputs.subarray(offsets[chosen[b]], offsets[chosen[b] + 1]))
  const target = joined(batchOffsets, (b) => targets.subarray(offsets[chosen[b]], offsets[chosen[b] + 1]))
  const { events, eventNames, scenes } = log
  const { weight } = log.roles
  const weights = weight && eventNames && Float32Array.from(eventNames, (name) => weight[name] ?? 1)
  return {
    items: pick(log.items, input, Int32Array),
    offsets: batchOffsets,
    targets: pick(log.items, target, Int32Array),
    users: pick(users, chosen, Int32Array),
    times: pick(log.times, input, Float64Array),
    ...(scenes && { scenes: pick(scenes, input, Int32Array) }),
    ...(weights && events && { weights: pick(weights, pick(events, target, Int32Array), Float32Array) }),
  }
}

/** `column[rows[i]]` for every i; several times faster than `from` or `map` with a function. */
function pick<T extends Int32Array | Float32Array | Float64Array>(column: T, rows: Int32Array, kind: new (length: number) => T): T {
  const picked = new kind(rows.length)
  for (let i = 0; i < rows.length; i++) picked[i] = column[rows[i]]
  return picked
}

/** What evaluation asks at a time: B histories. */
export interface CaseBatch {
  /** Item indices of the last `maxLength` input rows of each history, [T]. */
  readonly items: Int32Array
  /** [B + 1] */
  readonly offsets: Int32Array
  /** Seconds or positions, [T]. */
  readonly times: Float64Array
  /** Scene indices, [T]. */
  readonly scenes?: Int32Array
  /** What the seen filter removes, from each user's whole past, jagged by `seenOffsets` [B + 1]. */
  readonly seen: Int32Array
  readonly seenOffsets: Int32Array
  /** User index, [B]. */
  readonly users: Int32Array
}

/** Rows of histories that are asked at once, if a single history is no longer: they bound the memory of a batch. */
const EVENTS = 8192

/** The cases in their order, at most `size` at a time. */
export function* caseBatches(
  log: Interactions,
  { users, ends }: Pick<Cases, 'users' | 'ends'>,
  { size, maxLength }: { readonly size: number; readonly maxLength: number },
): Generator<CaseBatch> {
  let [start, events] = [0, 0]
  for (let end = 0; end < users.length; end++) {
    const length = Math.min(maxLength, ends[end] - log.offsets[users[end]])
    if (end > start && (end - start === size || events + length > EVENTS)) {
      yield caseBatch(log, users.slice(start, end), ends.subarray(start, end), maxLength)
      ;[start, events] = [end, 0]
    }
    events += length
  }
  if (start < users.length) yield caseBatch(log, users.slice(start), ends.subarray(start), maxLength)
}

function caseBatch(log: Interactions, users: Int32Array, ends: Int32Array, maxLength: number): CaseBatch {
  const pasts = Array.from(users, (user, b) => history(log, user, ends[b]))
  const seen = Array.from(users, (user, b) => seenItems(log, user, ends[b]))
  const offsets = offsetsOf(users.length, (b) => Math.min(maxLength, pasts[b].items.length))
  const seenOffsets = offsetsOf(users.length, (b) => seen[b].length)
  const last = <T extends Int32Array | Float64Array>(column: T) => column.subarray(Math.max(0, column.length - maxLength)) as T
  const times = new Float64Array(offsets[users.length])
  for (const [b, past] of pasts.entries()) times.set(last(past.times), offsets[b])
  return {
    items: joined(offsets, (b) => last(pasts[b].items)),
    offsets,
    times,
    ...(log.scenes && { scenes: joined(offsets, (b) => last(pasts[b].scenes ?? new Int32Array(0))) }),
    seen: joined(seenOffsets, (b) => seen[b]),
    seenOffsets,
    users,
  }
}

/** Offsets of B segments, [B + 1]. */
function offsetsOf(segments: number, length: (b: number) => number): Int32Array {
  const offsets = new Int32Array(segments + 1)
  for (let b = 0; b < segments; b++) offsets[b + 1] = offsets[b] + length(b)
  return offsets
}

/** Segments end to end. */
function joined(offsets: Int32Array, segment: (b: number) => Int32Array): Int32Array {
  const values = new Int32Array(offsets[offsets.length - 1])
  for (let b = 0; b + 1 < offsets.length; b++) values.set(segment(b), offsets[b])
  return values
}
