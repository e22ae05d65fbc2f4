import { recentRows, take } from '../ops/segments.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Histories } from './contracts.ts'

/**
 * Histories of the last `most` events: what one of several models reads that a longer history is packed for. Times still count
 * from the first event of the longer one.
 */
export function recent(histories: Histories, most: number): Histories {
  if (!Number.isFinite(most)) return histories
  const { rows, offsets } = recentRows(histories.offsets, most)
  const cut = (column: Tensor | undefined): Tensor | undefined => column && take(column, rows)
  const { items, times, scenes, types, users } = histories
  return { items: take(items, rows), offsets, times: cut(times), scenes: cut(scenes), types: cut(types), users }
}
