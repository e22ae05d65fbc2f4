import type { Interactions } from '../data/interactions.ts'
import type { Draw } from '../data/random.ts'
import type { Engine, Precision } from '../engine/engine.ts'
import type { ExampleSet } from '../examples/examples.ts'
import type { Learner, Needs } from '../models/contracts.ts'
import { Gradients } from '../tensor/backward.ts'
import { scope } from '../tensor/tensor.ts'
import { batchOf, partsOf } from './batch-parts.ts'
import type { Optimiser } from './optimiser.ts'

export interface StepOptions {
  /** Keys the random masks and negatives; without it nothing is dropped. */
  readonly draw?: Draw
  readonly precision?: Precision
}

/** What moves. */
export interface Moving {
  readonly optimiser: Optimiser
  readonly learningRate: number
}

/** Who learns, and from what log. */
export interface Learning {
  readonly learner: Extract<Learner, { by: 'steps' }>
  readonly needs: Needs
  readonly log: Interactions
}

/** One training step, part by part of its examples; returns the loss before it. @throws FociError NON_FINITE */
export function trainStep(
  engine: Engine,
  { learner, needs, log }: Learning,
  { optimiser, learningRate }: Moving,
  examples: ExampleSet,
  options: StepOptions = {},
): number {
  return scope(
    engine,
    () => {
      const gradients = new Gradients(engine)
      const expected = examples.rows.length // what most losses count
      let [sum, count] = [0, 0]
      for (const part of partsOf(examples, options.draw)) {
        const loss = learner.loss(batchOf(engine, log, needs, part))
        gradients.backward(loss.mean, loss.count / expected)
        sum += (loss.count / expected) * loss.mean.value()
        count += loss.count
      }
      if (count > 0) optimiser.update(gradients.variables, { learningRate, factor: expected / count })
      return count > 0 ? sum * (expected / count) : 0
    },
    { record: true, precision: options.precision },
  )
}
