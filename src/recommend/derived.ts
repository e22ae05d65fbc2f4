import type { Engine } from '../engine/engine.ts'
import { normalize } from '../ops/normalize.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { frozenOnce } from '../tensor/variables.ts'

/** An item table with rows of length 1, [V, D], as frozen weights of its artefact. */
export const normalizedItems = (engine: Engine, artefact: string, items: () => Tensor): Tensor =>
  frozenOnce(engine, artefact, 'normalized items', () => normalize(items()).id)
