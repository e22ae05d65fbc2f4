import type { Interactions } from '../data/interactions.ts'
import { type Draw, seedOf } from '../data/random.ts'
import type { Engine } from '../engine/engine.ts'
import type { ExampleSet } from '../examples/examples.ts'
import type { Batch, Needs } from '../models/contracts.ts'
import { type ColumnName, type Columns, columnNames, pack, secondsSince } from '../models/pack.ts'
import { Tensor } from '../tensor/tensor.ts'

/** Events of a part, more or less: what a step holds for its gradients grows with them, and a core's cache is no larger. */
const EVENTS = 4096

/** Some histories of a step's examples, and what is asked of them. */
export interface Part {
  readonly examples: ExampleSet
  readonly draw?: Draw
}

/**
 * A step's examples in their order, in parts of about the same number of events. By their shape alone; each part draws its
 * own masks and negatives.
 */
export function* partsOf(examples: ExampleSet, draw?: Draw, events: number = EVENTS): Generator<Part> {
  const { offsets } = examples
  const all = examples.history.length
  const parts = Math.ceil(all / events)
  for (let part = 0, end = 0; part < parts; part++) {
    const first = end
    while (end + 1 < offsets.length && offsets[end] * parts < (part + 1) * all) end++
    if (end === first) continue // a long history took the place of this part too
    const own = draw && { ...draw, seed: part === 0 ? draw.seed : seedOf(draw.seed, `part ${part}`) }
    yield { examples: parts === 1 ? examples : someOf(examples, first, end), draw: own }
  }
}

/** The histories `first` to before `end`. */
function someOf({ history, offsets, asked, rows, rowOffsets, targets, labels }: ExampleSet, first: number, end: number): ExampleSet {
  const [start, stop] = [offsets[first], offsets[end]]
  const [from, to] = [rowOffsets[first], rowOffsets[end]]
  const from0 = (ends: Int32Array): Int32Array => ends.subarray(first, end + 1).map((each) => each - ends[first])
  return {
    history: history.subarray(start, stop),
    offsets: from0(offsets),
    ...(asked && { asked: asked.subarray(from, to).map((place) => place - start) }),
    rows: rows.subarray(from, to),
    rowOffsets: from0(rowOffsets),
    ...(targets && { targets: targets.subarray(from, to) }),
    ...(labels && { labels: labels.subarray(from, to) }),
  }
}

/** A part as a model reads it: tensors of the current scope. */
export function batchOf(engine: Engine, log: Interactions, needs: Needs, { examples, draw }: Part): Batch {
  const { asked, rows, rowOffsets, targets, labels } = examples
  const { histories, at } = pack(engine, columnsOf(log, needs, examples))
  const weights = weightsOf(log, rows)
  return {
    histories,
    requests: at,
    asked: asked && Tensor.int32(engine, asked),
    targets: {
      items: Tensor.int32(engine, targets ?? pick(log.items, rows, Int32Array)),
      offsets: rowOffsets === examples.offsets ? histories.offsets : Tensor.int32(engine, rowOffsets),
    },
    labels: labels && Tensor.float32(engine, labels),
    weights: weights && Tensor.float32(engine, weights),
    draw,
  }
}

/** What a model with these needs reads of examples. */
function columnsOf(log: Interactions, needs: Needs, { history, offsets, rows, rowOffsets }: ExampleSet): Columns {
  const names = columnNames(needs)
  const read = history.map((row) => (row < 0 ? ~row : row))
  const makers: Record<ColumnName, () => Int32Array> = {
    items: () => history.map((row) => (row < 0 ? -1 : log.items[row])),
    offsets: () => offsets,
    times: () => since(log, read, offsets, read, offsets),
    scenes: () => pick(log.scenes ?? absent(), read, Int32Array),
    types: () => pick(log.events ?? absent(), read, Int32Array),
    users: () => ownersOf(log, read, offsets),
    now: () => since(log, read, offsets, rows, rowOffsets),
    scene: () => pick(log.scenes ?? absent(), rows, Int32Array),
  }
  return Object.fromEntries(names.map((name) => [name, makers[name]()])) as unknown as Columns
}

/** Whose the histories are, [B]; each has a row. */
function ownersOf({ offsets: ends }: Interactions, read: Int32Array, offsets: Int32Array): Int32Array {
  const owners = new Int32Array(offsets.length - 1)
  for (let b = 0; b < owners.length; b++) {
    let [low, high] = [0, ends.length - 1]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (ends[middle] <= read[offsets[b]]) low = middle
      else high = middle
    }
    owners[b] = low
  }
  return owners
}

/** Seconds of rows since the first event of the history that they belong to. */
function since({ times }: Interactions, read: Int32Array, offsets: Int32Array, rows: Int32Array, ends: Int32Array): Int32Array {
  const seconds = new Int32Array(rows.length)
  for (let b = 0; b + 1 < ends.length; b++) {
    for (let i = ends[b]; i < ends[b + 1]; i++) seconds[i] = secondsSince(times[read[offsets[b]]], times[rows[i]])
  }
  return seconds
}

/** By the types of the events that are asked about; nothing where the roles have no weights. */
function weightsOf({ events, eventNames, roles: { weight } }: Interactions, rows: Int32Array): Float32Array | undefined {
  if (!weight || !events || !eventNames) return undefined
  const byType = Float32Array.from(eventNames, (name) => weight[name] ?? 1)
  return pick(byType, pick(events, rows, Int32Array), Float32Array)
}

/** `column[rows[i]]` for every i; several times faster than `from` or `map` with a function. */
function pick<T extends Int32Array | Float32Array>(column: T, rows: Int32Array, kind: new (length: number) => T): T {
  const picked = new kind(rows.length)
  for (let i = 0; i < rows.length; i++) picked[i] = column[rows[i]]
  return picked
}

/** `checkNeeds` has seen to it that the log has what the model reads. */
function absent(): never {
  throw new TypeError('the log lacks a column that was checked')
}
