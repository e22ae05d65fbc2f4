import type { Engine, Ids } from '../engine/engine.ts'
import type { Encoder, Histories, Model, Requests } from '../models/contracts.ts'
import { scope, Tensor } from '../tensor/tensor.ts'
import type { Bits } from './bits.ts'
import type { Lists } from './lists.ts'

export interface RankRequest {
  /** Items of each history, oldest first, cut to the model's length. */
  readonly histories: Lists
  readonly times?: Float64Array
  readonly at?: Requests
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

/** Users that are ranked at once; fewer where a model writes down the scores of so many items that they would fill memory. */
const BATCH = 256
const SCORES = 2 ** 20

export function usersAtOnce(model: Model, items: number): number {
  return model.kind === 'encoder' ? BATCH : Math.min(BATCH, Math.ceil(SCORES / items))
}

/**
 * Ranks the catalogue for many users with a model of either kind.
 * @param quantized codes of an encoder's items: the same ranking, sooner
 */
export function rankItems(engine: Engine, model: Model, request: RankRequest, quantized?: Tensor): Ranked {
  return scope(engine, () => {
    const histories: Histories = {
      items: Tensor.int32(engine, request.histories.values),
      offsets: Tensor.int32(engine, request.histories.offsets),
      times: request.times,
    }
    const at = request.at ?? {}
    const [seen, seenOffsets] = [request.seen.values, request.seen.offsets].map((list) => Tensor.int32(engine, list))
    const allowed = request.allowed && Tensor.int32(engine, request.allowed)
    if (model.kind === 'scorer') {
      const results = engine.topKScores(model.scores(histories, at).id, request.k, seen.id, seenOffsets.id, allowed?.id ?? 0)
      const items = engine.readInt32(results[0])
      return { items, scores: engine.readFloat32(results[1]), interests: items.map((item) => (item < 0 ? -1 : 0)) }
    }
    const results = bestOf(engine, model, histories, request.k, { seen, seenOffsets, allowed }, quantized, at)
    return {
      items: engine.readInt32(results[0]),
      scores: engine.readFloat32(results[1]),
      interests: engine.readInt32(results[2]),
    }
  })
}

/** What users may get, as `topK` takes it. */
export interface Masks {
  readonly seen: Tensor
  readonly seenOffsets: Tensor
  readonly allowed?: Tensor
}

/** Items, scores and interests [B, k] of an encoder's ranking. */
export function bestOf(
  engine: Engine,
  model: Encoder,
  histories: Histories,
  k: number,
  { seen, seenOffsets, allowed }: Masks,
  quantized?: Tensor,
  at: Requests = {},
): Ids {
  const { vectors, offsets } = model.encode(histories, at)
  const items = model.items().id
  return engine.topK(vectors.id, offsets.id, items, k, seen.id, seenOffsets.id, allowed?.id ?? 0, quantized?.id ?? 0)
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
  { histories, seen }: Pick<RankRequest, 'histories' | 'seen'>,
  allowed: Bits,
  popular: Int32Array,
): void {
  const users = histories.offsets.length - 1
  const k = items.length / users
  for (let b = 0; b < users; b++) {
    const [from, end] = [b * k, (b + 1) * k]
    const cold = histories.offsets[b] === histories.offsets[b + 1]
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

/**
 * The first `count` popular items that may be shown: what a user without history is given, and what fills up a list.
 * @param popular item indices, the most popular first
 */
export function popularList(popular: Int32Array, count: number, mayShow: (item: number) => boolean): number[] {
  const list: number[] = []
  for (let i = 0; i < popular.length && list.length < count; i++) if (mayShow(popular[i])) list.push(popular[i])
  return list
}
