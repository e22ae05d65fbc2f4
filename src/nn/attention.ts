import type { Draw } from '../data/random.ts'
import { attention } from '../ops/attention.ts'
import { add } from '../ops/elementwise.ts'
import { inner, linear, linearOnto } from '../ops/product.ts'
import type { Init } from '../tensor/init.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'
import { Dropout } from './dropout.ts'
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

/** Of weights that are not dropped. */
const NO_KEY = { seed: 0, draw: 0 }

/** Causal multi-head attention with learned projections (Vaswani et al., NeurIPS 2017). */
export class Attention {
  private readonly query: Linear
  private readonly keyProjection: Linear
  private readonly value: Linear
  private readonly output: Linear
  private readonly drop: Dropout
  private readonly heads: number
  /** For serving, where there is one head. */
  private readonly composed: { readonly asking: Composed; readonly answering: Composed } | undefined

  constructor(variables: Variables, name: string, { dim, heads, dropout, init }: AttentionSizes) {
    const square = (part: string): Linear => new Linear(variables, `${name}.${part}`, { inner: dim, outer: dim, init })
    const [query, key, value, output] = ['query', 'key', 'value', 'output'].map(square)
    this.query = query
    this.keyProjection = key
    this.value = value
    this.output = output
    this.drop = new Dropout(`${name}.weights`, dropout)
    this.heads = heads
    if (heads > 1) return
    const asking = composed(variables, `${name} asking`, query, (x) => inner(x, key.weight))
    const answering = composed(variables, `${name} answering`, value, (x) => linear(x, output.weight), output.bias)
    this.composed = { asking, answering }
  }

  /** x and what it reads. @param x what asks, [Q, D]; @param memory what is read, [T, D] */
  apply(x: Tensor, memory: Tensor, { queries, offsets }: Segments, draw?: Draw): Tensor {
    const q = this.query.apply(x) // [Q, D]
    const k = this.keyProjection.apply(memory) // [T, D]
    const v = this.value.apply(memory) // [T, D]
    const key = draw ? this.drop.key(draw) : NO_KEY
    const rate = draw ? this.drop.rate : 0
    return this.output.onto(x, attention(q, k, v, queries, offsets, { heads: this.heads, rate, key })) // [Q, D]
  }

  /**
   * The same for serving, with half of the products where there is one head: (W q + b) · (V m + c) is (Vᵀ W q + Vᵀ b) · m and
   * a constant, which the softmax ignores; and its weights sum to 1, so the mean of values is the value of the mean.
   */
  read(x: Tensor, memory: Tensor, segments: Segments): Tensor {
    if (!this.composed) return this.apply(x, memory, segments)
    const { asking, answering } = this.composed
    const { queries, offsets } = segments
    const asked = asking.apply(x) // [Q, D]
    const mean = attention(asked, memory, memory, queries, offsets, { heads: 1, rate: 0, key: NO_KEY }) // [Q, D]
    return answering.onto(x, mean) // [Q, D]
  }
}

/** Two products in one. */
interface Composed {
  apply(x: Tensor): Tensor
  /** The same added to `onto`. */
  onto(onto: Tensor, x: Tensor): Tensor
}

/**
 * What `then` makes of a layer's results: a product, whose weights are `then` of the layer's, and to whose offset comes
 * `bias`.
 */
function composed(variables: Variables, name: string, layer: Linear, then: (x: Tensor) => Tensor, bias?: Tensor): Composed {
  const weight = variables.derived(`${name} weight`, () => then(layer.weight))
  const offset = variables.derived(`${name} bias`, () => {
    const { engine, shape } = layer.weight
    const own = Tensor.float32(engine, layer.bias?.float32() ?? new Float32Array(shape[1]), [1, shape[1]])
    const row = Tensor.float32(engine, then(own).float32()) // [outer]
    return bias ? add(row, bias) : row
  })
  return { apply: (x) => linear(x, weight(), offset()), onto: (onto, x) => linearOnto(onto, x, weight(), offset()) }
}
