import { scope, type Tensor } from '../tensor/tensor.ts'
import type { Bits } from './bits.ts'
import type { Ranked } from './ranking.ts'

/** The k allowed items of the greatest cosine with one, without itself. */
export function nearestItems({ engine, id: table }: Tensor, index: number, k: number, allowed: Bits): Omit<Ranked, 'interests'> {
  return scope(engine, () => {
    const list = (...values: number[]) => engine.fromInt32(Int32Array.from(values), Uint32Array.of(values.length))
    const own = list(index)
    const bounds = list(0, 1)
    const vector = engine.gather(table, own)
    const bits = engine.fromInt32(allowed.words, Uint32Array.of(allowed.words.length))
    const results = engine.topK(vector, bounds, table, k, own, bounds, bits, 0)
    return { items: engine.readInt32(results[0]), scores: engine.readFloat32(results[1]) }
  })
}
