import type { Engine, Precision } from '../engine/engine.ts'
import type { Encoder } from '../models/contracts.ts'
import type { Draw } from '../nn/dropout.ts'
import type { TrainingBatch } from '../split/batches.ts'
import { Gradients } from '../tensor/backward.ts'
import { scope } from '../tensor/tensor.ts'
import type { Adam } from './optimiser.ts'
import { partsOf, tensorsOf } from './parts.ts'

export interface StepOptions {
  /** Keys the random masks and negatives; without it nothing is dropped. */
  readonly draw?: Draw
  readonly precision?: Precision
}

/** One training step, part by part of the batch; returns the loss before it. @throws FociError NON_FINITE */
export function trainStep(engine: Engine, model: Encoder, optimiser: Adam, batch: TrainingBatch, options: StepOptions = {}): number {
  return scope(
    engine,
    () => {
      const gradients = new Gradients(engine)
      let mean = 0
      for (const part of partsOf(batch, options.draw)) {
        const loss = model.loss(tensorsOf(engine, part))
        gradients.backward(loss, part.share)
        mean += part.share * loss.value()
      }
      optimiser.update(gradients.variables)
      return mean
    },
    { record: true, precision: options.precision },
  )
}
