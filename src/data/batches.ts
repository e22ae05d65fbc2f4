import { history, inputRows, seenItems } from './history.ts'
import type { Interactions } from './interactions.ts'
import { permutation } from './random.ts'
import { roleTable } from './roles.ts'
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
  const users: number[] = []
  const offsets = [0]
  const inputs: number[] = []
  const targets: number[] = []
  for (let user = 0; user < log.users.length; user++) {
    const pairs = trainingPairs(log, ...trainingRange(split, user))
    const from = Math.max(0, pairs.length - maxLength)
    for (let i = from; i < pairs.length; i++) {
      inputs.push(pairs[i][0])
      targets.push(pairs[i][1])
    }
    if (pairs.length > 0) {
      users.push(user)
      offsets.push(inputs.length)
    }
  }
  return {
    log,
    users: Int32Array.from(users),
    offsets: Int32Array.from(offsets),
    inputs: Int32Array.from(inputs),
    targets: Int32Array.from(targets),
  }
}

/** Every input row of `[start, end)` that a target row follows, with the first that does. */
function trainingPairs(log: Interactions, start: number, end: number): [input: number, target: number][] {
  const isTarget = roleTable(log, log.roles.target)
  const pairs: [number, number][] = []
  const rows = inputRows(log, start, end)
  let next = -1
  let row = end
  for (const input of rows.reverse()) {
    for (row--; row > input; row--) if (isTarget === undefined || isTarget[log.events?.[row] ?? 0]) next = row
    if (next >= 0) pairs.push([input, next])
    if (isTarget === undefined || isTarget[log.events?.[input] ?? 0]) next = input
  }
  return pairs.reverse()
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
  return {
    items: input.map((row) => log.items[row]),
    offsets: batchOffsets,
    targets: target.map((row) => log.items[row]),
    users: chosen.map((window) => users[window]),
    times: Float64Array.from(input, (row) => log.times[row]),
    ...(scenes && { scenes: input.map((row) => scenes[row]) }),
    ...(weight && events && eventNames && { weights: Float32Array.from(target, (row) => weight[eventNames[events[row]]] ?? 1) }),
  }
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
