import { attention } from '../ops/attention.ts'
import { inner } from '../ops/product.ts'
import type { Init } from '../tensor/init.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'
import { type Draw, Dropout } from './dropout.ts'
import { Linear } from './linear.ts'

export interface AttentionSizes {
  readonly dim: number
  readonly heads: number
  /** Dropout on the attention weights. */
  readonly dropout: number
  readonly init: Init
}

/** Where queries and keys of each user stand, i32 [B + 1] each; the queries are the last rows of the keys. */
export interface Segments {
  readonly queries: Tensor
  readonly offsets: Tensor
}

/** Causal multi-head attention with learned projections (Vaswani et al., NeurIPS 2017). */
export class Attention {
  private readonly query: Linear
  private readonly keyProjection: Linear
  private readonly value: Linear
  private readonly output: Linear
  private readonly drop: Dropout
  private readonly heads: number

  constructor(variables: Variables, name: string, { dim, heads, dropout, init }: AttentionSizes) {
    const square = (part: string): Linear => new Linear(variables, `${name}.${part}`, { inner: dim, outer: dim, init })
    this.query = square('query')
    this.keyProjection = square('key')
    this.value = square('value')
    this.output = square('output')
    this.drop = new Dropout(`${name}.weights`, dropout)
    this.heads = heads
  }

  /** @param x what asks, [Q, D]; @param memory what is read, [T, D] */
  apply(x: Tensor, memory: Tensor, segments: Segments, draw?: Draw): Tensor {
    const { queries, offsets } = segments
    const q = this.query.apply(x) // [Q, D]
    if (queries !== offsets && this.heads === 1 && !draw) return this.fewAsk(q, memory, segments)
    const k = this.keyProjection.apply(memory) // [T, D]
    const v = this.value.apply(memory) // [T, D]
    const key = draw ? this.drop.key(draw) : { seed: 0, draw: 0 }
    const rate = draw ? this.drop.rate : 0
    return this.output.apply(attention(q, k, v, queries, offsets, { heads: this.heads, rate, key })) // [Q, D]
  }

  /**
   * The same where few rows ask, without a projection of all rows: q · (W m + b) is (Wᵀ q) · m and a constant, which the
   * softmax ignores, and its weights sum to 1, so the mean of values is the value of the mean.
   */
  private fewAsk(q: Tensor, memory: Tensor, { queries, offsets }: Segments): Tensor {
    const asked = inner(q, this.keyProjection.weight) // [Q, D]
    const mean = attention(asked, memory, memory, queries, offsets, { heads: 1, rate: 0, key: { seed: 0, draw: 0 } }) // [Q, D]
    return this.output.apply(this.value.apply(mean)) // [Q, D]
  }
}
