import { add } from '../ops/elementwise.ts'
import { inner, linear, linearOnto } from '../ops/product.ts'
import type { Init } from '../tensor/init.ts'
import { isRecording, Tensor } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'
import { Linear } from './linear.ts'

/** How attention makes queries, keys and values, and what of its result. */
export interface Projections {
  /** x [Q, D] → [Q, D] */
  query(x: Tensor): Tensor
  /** memory [T, D] → [T, D] */
  key(memory: Tensor): Tensor
  value(memory: Tensor): Tensor
  /** onto [Q, D] + what is made of the mean of the values, [Q, D] */
  output(onto: Tensor, mean: Tensor): Tensor
}

export interface ProjectionSizes {
  readonly dim: number
  readonly heads: number
  readonly init: Init
}

/**
 * The four learned projections of attention. Where nothing learns and there is one head, half of the products are products of
 * weights alone, which are taken once: (W q + b) · (V m + c) is (Vᵀ W q + Vᵀ b) · m and a constant, which the softmax ignores;
 * and its weights sum to 1, so the mean of values is the value of the mean.
 * @returns those to use now; `exact` where weights of attention are dropped, which no longer sum to 1
 */
export function projections(variables: Variables, name: string, { dim, heads, init }: ProjectionSizes): (exact: boolean) => Projections {
  const square = (part: string): Linear => new Linear(variables, `${name}.${part}`, { inner: dim, outer: dim, init })
  const [query, key, value, output] = ['query', 'key', 'value', 'output'].map(square)
  const learned: Projections = {
    query: (x) => query.apply(x),
    key: (memory) => key.apply(memory),
    value: (memory) => value.apply(memory),
    output: (onto, mean) => output.onto(onto, mean),
  }
  if (heads > 1) return () => learned
  const asking = composed(variables, `${name} asking`, query, (x) => inner(x, key.weight))
  const answering = composed(variables, `${name} answering`, value, (x) => linear(x, output.weight), output.bias)
  const folded: Projections = {
    query: (x) => linear(x, asking.weight(), asking.bias()),
    key: (memory) => memory,
    value: (memory) => memory,
    output: (onto, mean) => linearOnto(onto, mean, answering.weight(), answering.bias()),
  }
  return (exact) => (exact || isRecording(query.weight.engine) ? learned : folded)
}

/** Two products in one. */
interface Composed {
  weight(): Tensor
  bias(): Tensor
}

/** What `then` makes of a layer's results: a product, whose weights are `then` of the layer's, and to whose offset comes `bias`. */
function composed(variables: Variables, name: string, layer: Linear, then: (x: Tensor) => Tensor, bias?: Tensor): Composed {
  const weight = variables.derived(`${name} weight`, () => then(layer.weight))
  const offset = variables.derived(`${name} bias`, () => {
    const { engine, shape } = layer.weight
    const own = Tensor.float32(engine, layer.bias?.float32() ?? new Float32Array(shape[1]), [1, shape[1]])
    const row = Tensor.float32(engine, then(own).float32()) // [outer]
    return bias ? add(row, bias) : row
  })
  return { weight, bias: offset }
}
