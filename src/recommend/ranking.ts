import type { Engine } from '../engine/engine.ts'
import { FociError } from '../errors.ts'
import type { Best, Histories, Masks, Model, Requests } from '../models/contracts.ts'
import type { BuiltModel } from '../models/define.ts'
import { itemsOfEach } from '../models/every-item.ts'
import { type Columns, type Packed, pack } from '../models/pack.ts'
import { firstNonFinite } from '../tensor/kinds.ts'
import { scope, Tensor } from '../tensor/tensor.ts'
import type { Bits } from './bits.ts'
import type { Lists } from './lists.ts'

export interface RankRequest {
  /** What the model reads of B users. */
  readonly columns: Columns
  readonly k: number
  /** Items left out for each user. */
  readonly seen: Lists
  /** Bits of the items that may appear, i32 [⌈V/32⌉]; all where absent. */
  readonly allowed?: Int32Array
}

/** The k best items of B users, best first, ties by index. */
export interface Ranked {
  /** [B, k], −1 where fewer than k are allowed. */
  readonly items: Int32Array
  /** [B, k], −∞ there. */
  readonly scores: Float32Array
  /** The user's interest that each item came from, [B, k]; −1 there. */
  readonly interests: Int32Array
}

/** Users that are ranked at once. */
const BATCH = 256

/** Scores that are written down at once for a model without a search, at most, */
const SCORES = 2 ** 20
/** and candidates that it is asked about at once. */
const CANDIDATES = 4096

export function usersAtOnce({ model, items }: BuiltModel): number {
  const most = model.usersAtOnce ?? (model.best ? BATCH : Math.ceil(SCORES / items))
  return Math.min(BATCH, most)
}

/** Ranks the catalogue for many users. */
export function rankItems(engine: Engine, built: BuiltModel, { columns, k, seen, allowed }: RankRequest): Ranked {
  return scope(engine, () => {
    const [list, offsets] = [seen.values, seen.offsets].map((values) => Tensor.int32(engine, values))
    const masks = { seen: list, seenOffsets: offsets, allowed: allowed && Tensor.int32(engine, allowed) }
    const { items, scores, interests } = search(built, pack(engine, columns), k, masks)
    const found = items.int32()
    const from = interests?.int32() ?? found.map((item) => (item < 0 ? -1 : 0))
    return { items: found, scores: scores.float32(), interests: from }
  })
}

/** The best of the whole catalogue, by a model that searches it or else by the scores of all items. */
function search(built: BuiltModel, { histories, at }: Packed, k: number, masks: Masks): Best {
  const { best } = built.model
  return best ? best.call(built.model, histories, at, k, masks) : bestOfAll(scoresOfAll(built, { histories, at }), k, masks)
}

/** Scores of the whole catalogue for each user, [B, V], by a range of items after the other: a model may hold much for each. */
function scoresOfAll({ name, model, items: V }: BuiltModel, { histories, at }: Packed): Tensor {
  const { engine } = histories.offsets
  const users = histories.offsets.shape[0] - 1
  const scores = new Float32Array(users * V)
  const size = Math.max(1, Math.floor(CANDIDATES / Math.max(1, users)))
  for (let from = 0; from < V; from += size) {
    const end = Math.min(V, from + size)
    const some = scope(engine, () => model.score(histories, at, itemsOfEach(histories, from, end)).float32())
    if (firstNonFinite(some) >= 0) throw unordered(name)
    for (let b = 0; b < users; b++) scores.set(some.subarray(b * (end - from), (b + 1) * (end - from)), b * V + from)
  }
  return Tensor.float32(engine, scores, [users, V])
}

function unordered(name: string): FociError {
  const hint = 'Its weights may be damaged, or so large that they overflow: train again, or load another artefact.'
  return new FociError('NON_FINITE', `Scores of ${name} are not finite, which gives no order of items.`, hint)
}

/** @param scores [B, V] */
function bestOfAll(scores: Tensor, k: number, { seen, seenOffsets, allowed }: Masks): Best {
  const { engine } = scores
  const results = engine.topKScores(scores.id, k, seen.id, seenOffsets.id, allowed?.id ?? 0)
  const [items, best] = Array.from(results, (id) => new Tensor(engine, id))
  return { items, scores: best }
}

/** Scores of given items for B users, [C]. @param candidates items of each user */
export function scoreItems(engine: Engine, { model }: BuiltModel, columns: Columns, candidates: Lists): Float32Array {
  return scope(engine, () => {
    const { histories, at }: { histories: Histories; at: Requests } = pack(engine, columns)
    const [items, offsets] = [candidates.values, candidates.offsets].map((values) => Tensor.int32(engine, values))
    return model.score(histories, at, { items, offsets }).float32()
  })
}

/** Which interest the scores of given items come from, [C]. */
export function sourcesOf(engine: Engine, { model }: BuiltModel, columns: Columns, candidates: Lists): Int32Array {
  if (!model.sources) return new Int32Array(candidates.values.length)
  return scope(engine, () => {
    const { histories, at }: { histories: Histories; at: Requests } = pack(engine, columns)
    const [items, offsets] = [candidates.values, candidates.offsets].map((values) => Tensor.int32(engine, values))
    return (model as Required<Model>).sources(histories, at, { items, offsets }).int32()
  })
}

/** The places of a ranking that hold an item. */
export const present = (items: Int32Array): Int32Array => items.filter((item) => item >= 0)

/**
 * Fills the places that a ranking left with popular items, of score 0 and interest −1. Users without history get no others,
 * whatever the model says of them.
 * @param popular item indices, the most popular first
 */
export function fillUp(
  { items, scores, interests }: Ranked,
  { columns: { offsets }, seen }: Pick<RankRequest, 'columns' | 'seen'>,
  allowed: Bits,
  popular: Int32Array,
): void {
  const users = offsets.length - 1
  const k = items.length / users
  for (let b = 0; b < users; b++) {
    const [from, end] = [b * k, (b + 1) * k]
    const cold = offsets[b] === offsets[b + 1]
    if (!cold && items[end - 1] >= 0) continue
    const own = cold ? [] : present(items.subarray(from, end))
    const hidden = new Set([...own, ...seen.values.subarray(seen.offsets[b], seen.offsets[b + 1])])
    const more = popularList(popular, k - own.length, (item) => !hidden.has(item) && allowed.has(item))
    const first = from + own.length
    items.fill(-1, first, end).set(more, first)
    scores.fill(Number.NEGATIVE_INFINITY, first, end).fill(0, first, first + more.length)
    interests.fill(-1, first, end)
  }
}

/** The first `count` popular items that may be shown. */
function popularList(popular: Int32Array, count: number, mayShow: (item: number) => boolean): number[] {
  const list: number[] = []
  for (let i = 0; i < popular.length && list.length < count; i++) if (mayShow(popular[i])) list.push(popular[i])
  return list
}
