import type { Engine, Id } from '../engine/engine.ts'
import { normalize } from '../ops/normalize.ts'
import { scope, Tensor } from '../tensor/tensor.ts'

/** An item table with rows of length 1, [V, D], as frozen weights of its artefact. */
export const normalizedItems = (engine: Engine, artefact: string, items: () => Tensor): Tensor =>
  derived(engine, artefact, 'normalized items', () => normalize(items()).id)

/** An item table as 8-bit codes, as `topK` reads them, as frozen weights of its artefact. */
export const quantizedItems = (engine: Engine, artefact: string, items: () => Tensor): Tensor =>
  derived(engine, artefact, 'quantized items', () => engine.quantize(items().id))

/** What all threads of the process share, made by the first of them. */
function derived(engine: Engine, artefact: string, name: string, make: () => Id): Tensor {
  return new Tensor(engine, engine.frozen(artefact, name) || scope(engine, () => engine.freezeTensor(artefact, name, make())))
}
