import { Tensor } from '../tensor/tensor.ts'
import type { Candidates, Histories } from './contracts.ts'

/** The whole catalogue of V items as candidates of each user. */
export const everyItem = (histories: Pick<Histories, 'offsets'>, V: number): Candidates => itemsOfEach(histories, 0, V)

/** The items `from` to before `end` as candidates of each user. */
export function itemsOfEach({ offsets }: Pick<Histories, 'offsets'>, from: number, end: number): Candidates {
  const [users, count] = [offsets.shape[0] - 1, end - from]
  const items = new Int32Array(users * count)
  for (let i = 0; i < items.length; i++) items[i] = from + (i % count)
  const ends = Int32Array.from({ length: users + 1 }, (_, b) => b * count)
  return { items: Tensor.int32(offsets.engine, items), offsets: Tensor.int32(offsets.engine, ends) }
}

/** Scores of candidates, [C], among those of the whole catalogue, [B, V]; they are looked up here, so no program can be recorded of it. */
export function pickScores(scores: Tensor, { items, offsets }: Candidates): Tensor {
  const [values, V] = [scores.float32(), scores.shape[1]]
  const [wanted, ends] = [items.int32(), offsets.int32()]
  const picked = new Float32Array(wanted.length)
  for (let b = 0; b + 1 < ends.length; b++) for (let c = ends[b]; c < ends[b + 1]; c++) picked[c] = values[b * V + wanted[c]]
  return Tensor.float32(scores.engine, picked)
}
