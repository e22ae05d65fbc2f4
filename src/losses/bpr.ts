import { softplus } from '../ops/activation.ts'
import { add, scale } from '../ops/elementwise.ts'
import { linear } from '../ops/product.ts'
import { Tensor } from '../tensor/tensor.ts'
import { sumColumns, weightedMean } from './mean.ts'

/**
 * Bayesian personalised ranking: the mean over a row's N negatives of −ln σ(s⁺ − s⁻) = softplus(s⁻ − s⁺). Rendle et al., "BPR:
 * Bayesian Personalized Ranking from Implicit Feedback", UAI 2009.
 * @param positive scores s⁺, [T, 1]
 * @param negative scores s⁻, [T, N], N at least 1
 * @param weights of the rows, [T]
 */
export function bpr(positive: Tensor, negative: Tensor, weights?: Tensor): Tensor {
  const [, negatives] = negative.shape
  const less = Tensor.float32(positive.engine, new Float32Array(negatives).fill(-1), [1, negatives])
  const differences = add(negative, linear(positive, less)) // [T, N]
  return scale(weightedMean(sumColumns(softplus(differences)), weights), 1 / negatives)
}
