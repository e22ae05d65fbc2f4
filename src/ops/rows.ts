import type { Engine, Id } from '../engine/engine.ts'
import type { Tensor } from '../tensor/tensor.ts'

/**
 * Inner products of matching rows.
 * @param a [T, D]
 * @param b [T, D]
 * @returns [T]
 */
export function rowDot(a: Tensor, b: Tensor): Tensor {
  return a.derive(
    'rowDot',
    (e) => e.rowDot(a.id, b.id),
    [a, b],
    (_, dy, e) => [e.scaleRows(b.id, dy), e.scaleRows(a.id, dy)],
  )
}

/**
 * Rows of x [T, D], each times its number of s [T].
 * @returns [T, D]
 */
export function scaleRows(x: Tensor, s: Tensor): Tensor {
  return x.derive(
    'scaleRows',
    (e) => e.scaleRows(x.id, s.id),
    [x, s],
    (_, dy, e) => [e.scaleRows(dy, s.id), e.rowDot(dy, x.id)],
  )
}

/**
 * Matrices beside each other.
 * @param a [T, A]
 * @param b [T, B]
 * @returns [T, A + B]
 */
export function concat(a: Tensor, b: Tensor): Tensor {
  return a.derive(
    'concat',
    (e) => e.concat(a.id, b.id),
    [a, b],
    (_, dy, e) => {
      const [left, right] = [a.shape[1], b.shape[1]]
      return [e.narrow(dy, 0, left), e.narrow(dy, left, right)]
    },
  )
}

/**
 * Some columns of a matrix.
 * @param x [T, D]
 * @param start the first
 * @param length how many
 * @returns [T, length]
 */
export function narrow(x: Tensor, start: number, length: number): Tensor {
  return x.derive(
    'narrow',
    (e) => e.narrow(x.id, start, length),
    [x],
    (_, dy, e) => [e.narrowGradient(dy, start, x.shape[1])],
  )
}

/**
 * A copy of other extents: [B, K, D] as [B · K, D] by `reshape(x, [D])`.
 * @param inner all extents but the first, which is as many as there are: one to three, none of them 0
 * @returns [n, …inner]
 */
export function reshape(x: Tensor, inner: readonly number[]): Tensor {
  return x.derive(
    'reshape',
    (e) => reshaped(x.id, inner, e),
    [x],
    (_, dy, e) => [reshaped(dy, x.shape.slice(1), e)],
  )
}

function reshaped(id: Id, inner: readonly number[], e: Engine): Id {
  const [second = 0, third = 0, fourth = 0] = inner
  return e.reshape(id, inner.length + 1, second, third, fourth)
}
