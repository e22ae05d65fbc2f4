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

/** Σ of all elements → []. */
export function sum(x: Tensor): Tensor {
  return x.derive(
    'sum',
    (e) => e.sum(x.id),
    [x],
    (_, dy, e) => [e.scaleBy(onesLike(x), dy)],
  )
}

function onesLike(x: Tensor): number {
  const length = x.shape.reduce((product, extent) => product * extent, 1)
  return Tensor.float32(x.engine, new Float32Array(length).fill(1), x.shape).id
}
