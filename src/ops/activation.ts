import type { Tensor } from '../tensor/tensor.ts'

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
