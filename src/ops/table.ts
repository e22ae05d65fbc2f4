import type { Engine, Id } from '../engine/engine.ts'
import type { Gradient, Tensor } from '../tensor/tensor.ts'

/**
 * Rows of a table by index; the gradient holds the touched rows alone.
 * @param table [V, D]
 * @param ids i32 [T]
 * @returns [T, D]
 */
export function gather(table: Tensor, ids: Tensor): Tensor {
  return table.derive(
    'gather',
    (e) => e.gather(table.id, ids.id),
    [table, ids],
    (_, dy, e) => [touched(dy, ids.id, e), undefined],
  )
}

/** As {@link gather}, with zeros for the id −1, which has no gradient. */
export function gatherOrNone(table: Tensor, ids: Tensor): Tensor {
  return table.derive(
    'gatherOrNone',
    (e) => e.gatherOrNone(table.id, ids.id),
    [table, ids],
    (_, dy, e) => {
      const [rows, touched] = Array.from(e.gatherOrNoneGradient(dy, ids.id))
      return [{ rows, ids: touched }, undefined]
    },
  )
}

/**
 * factor · rows of a table by index + rows of places by position; both gradients hold the touched rows alone.
 * @param table [V, D]
 * @param ids i32 [T]
 * @param places [L, D]
 * @param positions i32 [T]
 * @returns [T, D]
 */
export function embed(table: Tensor, ids: Tensor, factor: number, places: Tensor, positions: Tensor): Tensor {
  return table.derive(
    'embed',
    (e) => e.embed(table.id, ids.id, factor, places.id, positions.id),
    [table, ids, places, positions],
    (_, dy, e) => [touched(e.scale(dy, factor), ids.id, e), undefined, touched(dy, positions.id, e), undefined],
  )
}

function touched(dy: Id, at: Id, e: Engine): Gradient {
  const [rows, ids] = Array.from(e.gatherGradient(dy, at))
  return { rows, ids }
}
