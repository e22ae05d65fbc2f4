import type { Tensor } from '../tensor/tensor.ts'

/**
 * x · w + bias.
 * @param x [T, I]
 * @param w [I, O]
 * @param bias [O]
 * @returns [T, O]; a row's bits do not depend on the other rows
 */
export function linear(x: Tensor, w: Tensor, bias?: Tensor): Tensor {
  return x.derive(
    'linear',
    (e) => e.linear(x.id, w.id, bias?.id ?? 0),
    bias ? [x, w, bias] : [x, w],
    (_, dy, e) => [e.linearInputGradient(dy, w.id), e.linearWeightGradient(x.id, dy), bias && e.sumRows(dy)],
  )
}

/** max(x · w + bias, 0), shapes as of {@link linear}. */
export function linearRelu(x: Tensor, w: Tensor, bias?: Tensor): Tensor {
  return x.derive(
    'linearRelu',
    (e) => e.linearRelu(x.id, w.id, bias?.id ?? 0),
    bias ? [x, w, bias] : [x, w],
    (y, dy, e) => {
      const dz = e.reluGradient(y, dy)
      return [e.linearInputGradient(dz, w.id), e.linearWeightGradient(x.id, dz), bias && e.sumRows(dz)]
    },
  )
}

/**
 * onto + (x · w + bias), other shapes as of {@link linear}.
 * @param onto [T, O]
 */
export function linearOnto(onto: Tensor, x: Tensor, w: Tensor, bias?: Tensor): Tensor {
  return x.derive(
    'linearOnto',
    (e) => e.linearOnto(onto.id, x.id, w.id, bias?.id ?? 0),
    bias ? [onto, x, w, bias] : [onto, x, w],
    (_, dy, e) => [dy, e.linearInputGradient(dy, w.id), e.linearWeightGradient(x.id, dy), bias && e.sumRows(dy)],
  )
}

/** All inner products of the rows of a [n, D] and b [m, D] → [n, m]. */
export function inner(a: Tensor, b: Tensor): Tensor {
  return a.derive(
    'inner',
    (e) => e.inner(a.id, b.id),
    [a, b],
    (_, dy, e) => [e.linear(dy, b.id, 0), e.linearWeightGradient(dy, a.id)],
  )
}
