import { gather } from '../ops/table.ts'
import type { Init } from '../tensor/init.ts'
import type { Tensor, Variable } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'

/** A learned row [D] for each of `count` things. */
export class Embedding {
  readonly table: Variable

  constructor(variables: Variables, name: string, count: number, dim: number, init: Init) {
    this.table = variables.variable(name, [count, dim], init)
  }

  /** @param ids i32 [T] */
  rows(ids: Tensor): Tensor {
    return gather(this.table, ids) // [T, D]
  }
}
