import type { Tensor } from '../tensor/tensor.ts'
import { scale } from './elementwise.ts'

/** max(x, 0). */
export function relu(x: Tensor): Tensor {
  return x.derive(
    'relu',
    (e) => e.relu(x.id),
    [x],
    (_, dy, e) => [e.reluGradient(x.id, dy)],
  )
}

/** x · Φ(x), the exact form. */
export function gelu(x: Tensor): Tensor {
  return x.derive(
    'gelu',
    (e) => e.gelu(x.id),
    [x],
    (_, dy, e) => [e.geluGradient(x.id, dy)],
  )
}

/** x · σ(x). */
export function silu(x: Tensor): Tensor {
  return x.derive(
    'silu',
    (e) => e.silu(x.id),
    [x],
    (_, dy, e) => [e.siluGradient(x.id, dy)],
  )
}

/** 1 / (1 + exp(−x)). */
export function sigmoid(x: Tensor): Tensor {
  return x.derive(
    'sigmoid',
    (e) => e.sigmoid(x.id),
    [x],
    (y, dy, e) => [e.sigmoidGradient(y, dy)],
  )
}

/** (exp(x) − exp(−x)) / (exp(x) + exp(−x)). */
export function tanh(x: Tensor): Tensor {
  return x.derive(
    'tanh',
    (e) => e.tanh(x.id),
    [x],
    (y, dy, e) => [e.tanhGradient(y, dy)],
  )
}

/** ln(1 + exp(x)). */
export function softplus(x: Tensor): Tensor {
  return x.derive(
    'softplus',
    (e) => e.softplus(x.id),
    [x],
    (_, dy, e) => [e.multiply(dy, e.sigmoid(x.id))],
  )
}

/** ln σ(x), with all its digits where σ(x) is near 0. */
export function logSigmoid(x: Tensor): Tensor {
  return scale(softplus(scale(x, -1)), -1)
}
