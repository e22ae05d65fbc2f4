import type { Engine, Id } from '../engine/engine.ts'
import { expectValues, finite, type Values } from '../tensor/kinds.ts'
import type { Gradient, Variable } from '../tensor/tensor.ts'

export interface AdamOptions {
  readonly learningRate: number
  readonly beta1?: number
  readonly beta2?: number
  readonly epsilon?: number
  /** Decoupled weight decay, as AdamW. */
  readonly weightDecay?: number
  /** Global norm that gradients are clipped to; 0: not clipped. */
  readonly clip?: number
}

/** Tables above this many values move only the rows that a step touched; it is a different algorithm, chosen by size alone. */
const DENSE_LIMIT = 8_000_000

/** Moves variables by their gradients, and keeps what it needs for that between steps. */
export interface Optimiser extends Disposable {
  /** Moves every variable that has a gradient, by the gradient times `factor`. */
  update(gradients: Map<Variable, Gradient>, factor?: number): void
  /** Its state by name, for checkpoints. */
  state(): Record<string, Values>
  /** Goes on from the state after `step` steps. @throws FociError ARTEFACT where it is not that of these variables */
  restore(state: Readonly<Record<string, Values>>, step: number): void
}

/**
 * Adam (Kingma and Ba, ICLR 2015) and AdamW (Loshchilov and Hutter, ICLR 2019). Dense; on large tables row-sparse, with the
 * bias corrections of the global step.
 */
export class Adam implements Optimiser {
  private readonly engine: Engine
  private readonly options: Required<AdamOptions>
  private readonly moments = new Map<Variable, { first: Id; second: Id }>()
  private step = 0

  constructor(engine: Engine, variables: readonly Variable[], options: AdamOptions) {
    this.engine = engine
    this.options = { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0, clip: 0, ...options }
    for (const variable of variables) {
      const shape = Uint32Array.from(variable.shape)
      this.moments.set(variable, { first: engine.variable(shape), second: engine.variable(shape) })
    }
  }

  update(gradients: Map<Variable, Gradient>, factor = 1): void {
    this.step++
    const settled = [...gradients].map(([variable, gradient]) => [variable, this.settle(variable, gradient)] as const)
    const clip =
      factor *
      this.clipFactor(
        settled.map(([, gradient]) => gradient),
        factor,
      )
    for (const [variable, gradient] of settled) this.move(variable, gradient, clip)
  }

  state(): Record<string, Values> {
    const read = (variable: Variable, id: Id): Values => ({ shape: variable.shape, data: this.engine.readFloat32(id) })
    const parts = [...this.moments].flatMap(([variable, { first, second }]) => [
      [`adam.first.${variable.name}`, read(variable, first)] as const,
      [`adam.second.${variable.name}`, read(variable, second)] as const,
    ])
    return Object.fromEntries(parts)
  }

  restore(state: Readonly<Record<string, Values>>, step: number): void {
    this.step = step
    for (const [{ name, shape }, moments] of this.moments) {
      for (const moment of ['first', 'second'] as const) {
        const values = `adam.${moment}.${name}`
        this.engine.write(moments[moment], expectValues(values, state[values], shape, finite))
      }
    }
  }

  [Symbol.dispose](): void {
    for (const { first, second } of this.moments.values()) {
      this.engine.release(first)
      this.engine.release(second)
    }
    this.moments.clear()
  }

  private settle(variable: Variable, gradient: Gradient): Gradient {
    const [count, dim = 1] = variable.shape
    if ('dense' in gradient || count * dim > DENSE_LIMIT) return gradient
    return { dense: this.engine.scatter(gradient.rows, gradient.ids, count) }
  }

  private clipFactor(gradients: readonly Gradient[], factor: number): number {
    const { clip } = this.options
    if (clip === 0) return 1
    const squares = gradients.map((gradient) => this.engine.squaredNorm('dense' in gradient ? gradient.dense : gradient.rows))
    const norm = factor * Math.sqrt(squares.reduce((sum, square) => sum + square, 0))
    return norm > clip ? clip / norm : 1
  }

  private move(variable: Variable, gradient: Gradient, clip: number): void {
    const { learningRate, beta1, beta2, epsilon, weightDecay } = this.options
    const { first, second } = this.moments.get(variable)!
    const { engine: e, step } = this
    if ('dense' in gradient) {
      e.adam(variable.id, first, second, gradient.dense, learningRate, beta1, beta2, epsilon, weightDecay, step, clip)
    } else {
      e.adamRows(variable.id, first, second, gradient.rows, gradient.ids, learningRate, beta1, beta2, epsilon, weightDecay, step, clip)
    }
  }
}
