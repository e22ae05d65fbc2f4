import { normalize } from '../ops/normalize.ts'
import { scope, Tensor } from '../tensor/tensor.ts'
import type { Bits } from './bits.ts'
import type { Ranked } from './ranking.ts'

/** An item table with rows of length 1, [V, D], as frozen weights of its artefact. */
export function normalizedItems(items: Tensor, artefact: string): Tensor {
  const { engine } = items
  const name = 'normalized items'
  const held = engine.frozen(artefact, name)
  if (held) return new Tensor(engine, held)
  const data = scope(engine, () => normalize(items).float32())
  return new Tensor(engine, engine.freeze(artefact, name, data, Uint32Array.from(items.shape)))
}

/** The k allowed items of the greatest cosine with one, without itself. */
export function nearestItems({ engine, id: table }: Tensor, index: number, k: number, allowed: Bits): Omit<Ranked, 'interests'> {
  return scope(engine, () => {
    const list = (...values: number[]) => engine.fromInt32(Int32Array.from(values), Uint32Array.of(values.length))
    const own = list(index)
    const bounds = list(0, 1)
    const vector = engine.gather(table, own)
    const bits = engine.fromInt32(allowed.words, Uint32Array.of(allowed.words.length))
    const results = engine.topK(vector, bounds, table, k, own, bounds, bits)
    return { items: engine.readInt32(results[0]), scores: engine.readFloat32(results[1]) }
  })
}
