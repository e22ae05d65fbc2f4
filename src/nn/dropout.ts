import { type Draw, seedOf } from '../data/random.ts'
import { dropout, type MaskKey } from '../ops/dropout.ts'
import { add } from '../ops/elementwise.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Linear } from './linear.ts'

/** Dropout at one place of a model; the identity where there is no draw, as in validation and serving. */
export class Dropout {
  readonly rate: number
  private readonly name: string

  constructor(name: string, rate: number) {
    this.name = name
    this.rate = rate
  }

  apply(x: Tensor, draw: Draw | undefined): Tensor {
    return draw && this.rate > 0 ? dropout(x, this.rate, this.key(draw)) : x
  }

  /** onto + what a layer makes of x, of which some is dropped, [T, outer]. */
  onto(onto: Tensor, layer: Linear, x: Tensor, draw: Draw | undefined): Tensor {
    return draw ? add(onto, this.apply(layer.apply(x), draw)) : layer.onto(onto, x)
  }

  /** The mask's key at this place, for ops that draw it themselves. */
  key(draw: Draw): MaskKey {
    return { seed: seedOf(draw.seed, this.name), draw: draw.step }
  }
}
