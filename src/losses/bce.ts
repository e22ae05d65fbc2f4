import { softplus } from '../ops/activation.ts'
import { add, multiply, scale } from '../ops/elementwise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { sumColumns, weightedMean } from './mean.ts'

/**
 * Binary cross entropy of logits x with labels y in [0, 1]: −y ln σ(x) − (1 − y) ln(1 − σ(x)) = softplus(x) − y x, Σ w l / Σ w.
 * @param x logits, [C]
 * @param labels [C]
 * @param weights w, [C]
 */
export function bce(x: Tensor, labels: Tensor, weights?: Tensor): Tensor {
  const losses = add(softplus(x), scale(multiply(labels, x), -1)) // [C]
  return weightedMean(losses, weights)
}

/**
 * Generalised binary cross entropy of a positive and N sampled negatives: (β softplus(−s⁺) + Σ softplus(s⁻)) / (N + 1), where
 * β < 1 makes up for the overconfidence that few negatives cause. Petrov and Macdonald, "gSASRec: Reducing Overconfidence in
 * Sequential Recommendation Trained with Negative Sampling", RecSys 2023. β = 1 is plain BCE.
 * @param positive scores s⁺, [T, 1]
 * @param negative scores s⁻, [T, N]
 * @param weights of the rows, [T]
 */
export function gbce(positive: Tensor, negative: Tensor, beta: number, weights?: Tensor): Tensor {
  const [, negatives] = negative.shape
  const won = scale(softplus(scale(positive, -1)), beta) // [T, 1]
  const losses = add(won, sumColumns(softplus(negative))) // [T, 1]
  return scale(weightedMean(losses, weights), 1 / (negatives + 1))
}

/**
 * β = α (t (1 − 1/α) + 1/α) with α = N / (V − 1): t = 0 is plain BCE, t = 1 is calibrated.
 * @param negatives N of a row
 * @param catalogue V
 * @param calibration t, from 0 to 1
 */
export function gbceBeta(negatives: number, catalogue: number, calibration: number): number {
  const rate = negatives / (catalogue - 1)
  return rate * (calibration * (1 - 1 / rate) + 1 / rate)
}
