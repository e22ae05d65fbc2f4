import type { Tensor } from '../tensor/tensor.ts'

/** a + b, of one shape. */
export function add(a: Tensor, b: Tensor): Tensor {
  return a.derive(
    'add',
    (e) => e.add(a.id, b.id),
    [a, b],
    (_, dy) => [dy, dy],
  )
}

/** a − b, of one shape. */
export function subtract(a: Tensor, b: Tensor): Tensor {
  return a.derive(
    'subtract',
    (e) => e.subtract(a.id, b.id),
    [a, b],
    (_, dy, e) => [dy, e.scale(dy, -1)],
  )
}

/** a ⊙ b, of one shape. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  return a.derive(
    'multiply',
    (e) => e.multiply(a.id, b.id),
    [a, b],
    (_, dy, e) => [e.multiply(dy, b.id), e.multiply(dy, a.id)],
  )
}

/** x · factor. */
export function scale(x: Tensor, factor: number): Tensor {
  return x.derive(
    'scale',
    (e) => e.scale(x.id, factor),
    [x],
    (_, dy, e) => [e.scale(dy, factor)],
  )
}
