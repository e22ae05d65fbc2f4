import type { Draw } from '../data/random.ts'
import { attention } from '../ops/attention.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'
import { Dropout } from './dropout.ts'
import { type ProjectionSizes, type Projections, projections } from './projections.ts'

export interface AttentionSizes extends ProjectionSizes {
  /** Dropout on the attention weights. */
  readonly dropout: number
}

/** Where queries and keys of each user stand, i32 [B + 1] each; the queries are the last rows of the keys. */
export interface Segments {
  readonly queries: Tensor
  readonly offsets: Tensor
}

/** Of weights that are not dropped. */
const NO_KEY = { seed: 0, draw: 0 }

/** Causal multi-head attention with learned projections (Vaswani et al., NeurIPS 2017). */
export class Attention {
  private readonly projections: (exact: boolean) => Projections
  private readonly drop: Dropout
  private readonly heads: number

  constructor(variables: Variables, name: string, { dropout, ...sizes }: AttentionSizes) {
    this.projections = projections(variables, name, sizes)
    this.drop = new Dropout(`${name}.weights`, dropout)
    this.heads = sizes.heads
  }

  /** onto and what x reads. @param x what asks, [Q, D]; @param memory what is read, [T, D]; @param onto [Q, D], x where absent */
  apply(x: Tensor, memory: Tensor, { queries, offsets }: Segments, draw?: Draw, onto = x): Tensor {
    const { query, key, value, output } = this.projections(draw !== undefined)
    const [q, k, v] = [query(x), key(memory), value(memory)] // [Q, D], [T, D], [T, D]
    const options = { heads: this.heads, rate: draw ? this.drop.rate : 0, key: draw ? this.drop.key(draw) : NO_KEY }
    return output(onto, attention(q, k, v, queries, offsets, options)) // [Q, D]
  }
}
