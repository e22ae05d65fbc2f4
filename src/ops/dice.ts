import type { Tensor } from '../tensor/tensor.ts'

/** What Dice knows of the columns of its inputs, [D] each. */
export interface Moments {
  readonly mean: Tensor
  /** Of the population; below 0 it counts as 0. */
  readonly variance: Tensor
}

/**
 * x ⊙ (p + (1 − p) ⊙ alpha) with p = σ((x − mean) / √(variance + epsilon)), column by column.
 * Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018.
 * @param x [..., D]
 * @param alpha slopes of what is switched off, [D]
 */
export function dice(x: Tensor, alpha: Tensor, { mean, variance }: Moments, epsilon: number): Tensor {
  return x.derive(
    'dice',
    (e) => e.dice(x.id, alpha.id, mean.id, variance.id, epsilon),
    [x, alpha, mean, variance],
    (_, dy, e) => Array.from(e.diceGradient(x.id, alpha.id, mean.id, variance.id, dy, epsilon)),
  )
}
