import type { Engine } from '../engine/engine.ts'
import type { Batch, Encoder } from '../models/contracts.ts'
import { backward } from '../tensor/backward.ts'
import { scope } from '../tensor/tensor.ts'
import type { Adam } from './optimiser.ts'

/** One training step; returns the loss before it. @throws FociError NON_FINITE */
export function trainStep(engine: Engine, model: Encoder, optimiser: Adam, batch: () => Batch, bf16 = false): number {
  return scope(
    engine,
    () => {
      const loss = model.loss(batch())
      optimiser.update(backward(loss))
      return loss.value()
    },
    { record: true, bf16 },
  )
}
