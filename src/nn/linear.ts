import { linear, linearOnto, linearRelu } from '../ops/product.ts'
import { type Init, zeros } from '../tensor/init.ts'
import type { Tensor, Variable } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'

export interface LinearOptions {
  readonly inner: number
  readonly outer: number
  readonly init: Init
  /** A learned offset for each output, as most layers have. */
  readonly bias?: boolean
}

/** x [T, inner] · w [inner, outer] + bias [outer]. */
export class Linear {
  readonly weight: Variable
  readonly bias: Variable | undefined

  constructor(variables: Variables, name: string, { inner, outer, init, bias = true }: LinearOptions) {
    this.weight = variables.variable(`${name}.weight`, [inner, outer], init)
    this.bias = bias ? variables.variable(`${name}.bias`, [outer], zeros) : undefined
  }

  apply(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias) // [T, outer]
  }

  /** The positive part of the same. */
  relu(x: Tensor): Tensor {
    return linearRelu(x, this.weight, this.bias) // [T, outer]
  }

  /** The same added to `onto`, [T, outer]. */
  onto(onto: Tensor, x: Tensor): Tensor {
    return linearOnto(onto, x, this.weight, this.bias) // [T, outer]
  }
}
