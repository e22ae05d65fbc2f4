import { embed } from '../ops/table.ts'
import type { Init } from '../tensor/init.ts'
import type { Tensor, Variable } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'

/** A learned row [D] for each of `count` things. */
export class Embedding {
  readonly table: Variable

  constructor(variables: Variables, name: string, count: number, dim: number, init: Init) {
    this.table = variables.variable(name, [count, dim], init)
  }

  /** factor · the rows of `ids` + the rows of `places` by position. @param ids i32 [T]; @param positions i32 [T] */
  placed(ids: Tensor, factor: number, places: Embedding, positions: Tensor): Tensor {
    return embed(this.table, ids, factor, places.table, positions) // [T, D]
  }
}
