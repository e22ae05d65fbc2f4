import type { Engine } from '../engine/engine.ts'
import { programOf } from '../engine/program.ts'
import type { Encoder } from '../models/contracts.ts'
import { scope, Tensor } from '../tensor/tensor.ts'
import { bestOf, type Ranked, type RankRequest } from './ranking.ts'

/** Of whom a program is recorded: what it does depends on nobody. */
const somebody = { values: Int32Array.of(0), offsets: Int32Array.of(0, 1) }

/**
 * Ranks as `rankItems` does, with an encoder on the native engine's own threads: for `k` items of those that are allowed.
 * @param quantized codes of the encoder's items
 * @returns undefined where the encoder looks at values while it encodes
 */
export function rankerOf(
  engine: Engine,
  model: Encoder,
  { k, allowed }: Pick<RankRequest, 'k' | 'allowed'>,
  quantized?: Tensor,
): ((request: RankRequest) => Promise<Ranked>) | undefined {
  const masks = allowed ? [allowed] : []
  const program = scope(engine, () => {
    const lists = [somebody.values, somebody.offsets, somebody.values, somebody.offsets, ...masks]
    const inputs = lists.map((list) => Tensor.int32(engine, list))
    const [items, offsets, seen, seenOffsets, allowed] = inputs
    const ids = inputs.map(({ id }) => id)
    return programOf(ids, () => Array.from(bestOf(engine, model, { items, offsets }, k, { seen, seenOffsets, allowed }, quantized)))
  })
  if (!program) return undefined
  return async ({ histories, seen }) => {
    const results = await program.run([histories.values, histories.offsets, seen.values, seen.offsets, ...masks])
    const [items, scores, interests] = results as [Int32Array, Float32Array, Int32Array]
    return { items, scores, interests }
  }
}
