import type { Draw } from '../data/random.ts'
import { dice, type Moments } from '../ops/dice.ts'
import { multiply, scale } from '../ops/elementwise.ts'
import { addRow, sumRows } from '../ops/reduce.ts'
import { ones, zeros } from '../tensor/init.ts'
import type { Tensor, Variable } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'

const EPSILON = 1e-8

/** What the moments of a step leave of those before it. */
const MEMORY = 0.95

/**
 * Dice, an activation whose threshold is the mean of its inputs: by the moments of a step in training, by their running means in
 * serving, with a learned slope below. Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018.
 */
export class Dice {
  private readonly alpha: Variable
  readonly mean: Variable
  readonly variance: Variable

  constructor(variables: Variables, name: string, width: number) {
    this.alpha = variables.variable(`${name}.alpha`, [width], zeros)
    this.mean = variables.state(`${name}.mean`, [width], zeros)
    this.variance = variables.state(`${name}.variance`, [width], ones)
  }

  /** @param x [n, width] @param draw of a training step */
  apply(x: Tensor, draw?: Draw): Tensor {
    return dice(x, this.alpha, draw && x.shape[0] > 0 ? this.remembered(momentsOf(x)) : this, EPSILON)
  }

  private remembered(moments: Moments): Moments {
    for (const name of ['mean', 'variance'] as const) {
      const [running, now] = [this[name].float32(), moments[name].float32()]
      this[name].write(running.map((value, i) => MEMORY * value + (1 - MEMORY) * now[i]))
    }
    return moments
  }
}

/** Mean and variance of the columns of x [n, D]. */
function momentsOf(x: Tensor): Moments {
  const [rows] = x.shape
  const mean = scale(sumRows(x), 1 / rows)
  const centred = addRow(x, scale(mean, -1))
  return { mean, variance: scale(sumRows(multiply(centred, centred)), 1 / rows) }
}
