import { layerNorm } from '../ops/layer-norm.ts'
import { type Init, ones, zeros } from '../tensor/init.ts'
import type { Tensor, Variable } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'

/** Layer normalisation of rows [..., dim] with a learned gain and bias (Ba et al., 2016). */
export class LayerNorm {
  private readonly gain: Variable
  private readonly bias: Variable
  private readonly epsilon: number

  constructor(variables: Variables, name: string, dim: number, epsilon: number, gain: Init = ones) {
    this.gain = variables.variable(`${name}.gain`, [dim], gain)
    this.bias = variables.variable(`${name}.bias`, [dim], zeros)
    this.epsilon = epsilon
  }

  apply(x: Tensor): Tensor {
    return layerNorm(x, this.gain, this.bias, this.epsilon)
  }
}
