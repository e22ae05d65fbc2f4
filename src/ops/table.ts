import type { Tensor } from '../tensor/tensor.ts'

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
    (_, dy, e) => {
      const [rows, unique] = Array.from(e.gatherGradient(dy, ids.id))
      return [{ rows, ids: unique }, undefined]
    },
  )
}
