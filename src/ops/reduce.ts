import type { Id } from '../engine/engine.ts'
import { sizeOf } from '../tensor/kinds.ts'
import { Tensor } from '../tensor/tensor.ts'

/** x [..., D] + row [D], the same row for each. */
export function addRow(x: Tensor, row: Tensor): Tensor {
  return x.derive(
    'addRow',
    (e) => e.addRow(x.id, row.id),
    [x, row],
    (_, dy, e) => [dy, e.sumRows(dy)],
  )
}

/** x [..., D] ⊙ row [D], the same row for each. */
export function multiplyRow(x: Tensor, row: Tensor): Tensor {
  return x.derive(
    'multiplyRow',
    (e) => e.multiplyRow(x.id, row.id),
    [x, row],
    (_, dy, e) => [e.multiplyRow(dy, row.id), e.sumRows(e.multiply(dy, x.id))],
  )
}

/** Σ over the rows of [..., D] → [D]. */
export function sumRows(x: Tensor): Tensor {
  return x.derive(
    'sumRows',
    (e) => e.sumRows(x.id),
    [x],
    (_, dy, e) => [e.addRow(e.scale(x.id, 0), dy)], // where there is a loss, x is finite
  )
}

/** Σ of all elements → []. */
export function sum(x: Tensor): Tensor {
  return x.derive(
    'sum',
    (e) => e.sum(x.id),
    [x],
    (_, dy, e) => [e.scaleBy(filledLike(x, 1), dy)],
  )
}

/** The mean of all elements → []; 0 of none. */
export function mean(x: Tensor): Tensor {
  return x.derive(
    'mean',
    (e) => e.mean(x.id),
    [x],
    (_, dy, e) => [e.scaleBy(filledLike(x, 1 / Math.max(1, sizeOf(x.shape))), dy)],
  )
}

const filledLike = (x: Tensor, value: number): Id => Tensor.float32(x.engine, new Float32Array(sizeOf(x.shape)).fill(value), x.shape).id
