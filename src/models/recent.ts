import { recentRows, sinceFirst, take } from '../ops/segments.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Histories, Requests } from './contracts.ts'
import type { Packed } from './pack.ts'

/**
 * Histories of the last `most` events, and what is asked of them: what one of several models reads of a longer history that was
 * packed for all, the same as it reads by itself.
 */
export function recent(histories: Histories, at: Requests, most: number): Packed {
  if (!Number.isFinite(most)) return { histories, at }
  const { rows, offsets } = recentRows(histories.offsets, most)
  const cut = (column: Tensor | undefined): Tensor | undefined => column && take(column, rows)
  const { items, scenes, types, users } = histories
  const from = cut(histories.times)
  const times = from && sinceFirst(from, offsets, from, offsets)
  const now = at.now && from ? sinceFirst(at.now, undefined, from, offsets) : at.now
  return { histories: { items: take(items, rows), offsets, times, scenes: cut(scenes), types: cut(types), users }, at: { ...at, now } }
}
