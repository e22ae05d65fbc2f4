import type { Engine } from '../engine/engine.ts'
import type { Model } from '../models/contracts.ts'
import { type Columns, pack } from '../models/pack.ts'
import { scope, Tensor } from '../tensor/tensor.ts'

/** Events, and scores of items, that one batch of shortened histories may hold. */
const MOST = 1 << 18

/**
 * How much each event of a history matters for some items: the item's score with the whole history, less its score without
 * the event. The shortened histories go through the model as jagged batches.
 * @param history of one user, not empty
 * @param items what was recommended, [C]
 * @returns differences, [events, C]; a history of one event is left with nothing, and its difference is the whole score
 */
export function leaveOneOut(engine: Engine, model: Model, history: Columns, items: Int32Array): Float32Array {
  const events = history.items.length
  const whole = scoresOf(engine, model, [history], items) // [1, C]
  const differences = new Float32Array(events * items.length)
  const size = Math.max(1, Math.min(model.usersAtOnce ?? MOST, Math.floor(MOST / Math.max(events, items.length))))
  for (let first = 0; first < events; first += size) {
    const shortened = Array.from({ length: Math.min(size, events - first) }, (_, t) => without(history, first + t))
    const scores = scoresOf(engine, model, shortened, items) // [size, C]
    for (const [at, score] of scores.entries()) differences[first * items.length + at] = whole[at % items.length] - score
  }
  return differences
}

/** Scores of given items for B histories, [B, C]. */
function scoresOf(engine: Engine, model: Model, histories: readonly Columns[], items: Int32Array): Float32Array {
  return scope(engine, () => {
    const { histories: read, at } = pack(engine, joined(histories))
    const all = new Int32Array(histories.length * items.length)
    for (let b = 0; b < histories.length; b++) all.set(items, b * items.length)
    const offsets = Int32Array.from({ length: histories.length + 1 }, (_, b) => b * items.length)
    return model.score(read, at, { items: Tensor.int32(engine, all), offsets: Tensor.int32(engine, offsets) }).float32()
  })
}

/** A history without one event; times count from the first event that is left. */
function without(history: Columns, t: number): Columns {
  const cut = (column: Int32Array): Int32Array => column.filter((_, i) => i !== t)
  const { items, offsets, times, scenes, types, users, now, scene } = history
  const first = times && t === 0 && times.length > 1 ? times[1] : 0
  return {
    items: cut(items),
    offsets: Int32Array.of(0, offsets[1] - 1),
    times: times && cut(times).map((time) => time - first),
    scenes: scenes && cut(scenes),
    types: types && cut(types),
    users,
    now: now?.map((time) => (items.length > 1 ? time - first : 0)),
    scene,
  }
}

function joined(histories: readonly Columns[]): Columns {
  const offsets = new Int32Array(histories.length + 1)
  for (const [b, { items }] of histories.entries()) offsets[b + 1] = offsets[b] + items.length
  const [{ offsets: _, ...columns }] = histories
  const names = (Object.keys(columns) as (keyof typeof columns)[]).filter((name) => columns[name])
  return {
    ...Object.fromEntries(names.map((name) => [name, join(histories.map((each) => each[name] ?? new Int32Array()))])),
    offsets,
  } as Columns
}

function join(lists: readonly Int32Array[]): Int32Array {
  const values = new Int32Array(lists.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const list of lists) {
    values.set(list, at)
    at += list.length
  }
  return values
}
