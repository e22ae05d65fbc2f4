import type { Engine, Id } from '../engine/engine.ts'
import type { Training } from '../models/training.ts'
import { expectValues, finite, type Values } from '../tensor/kinds.ts'
import type { Gradient, Variable } from '../tensor/tensor.ts'

export interface OptimiserOptions extends Partial<Pick<Training, 'optimiser' | 'weightDecay' | 'clip'>> {
  readonly beta1?: number
  readonly beta2?: number
  readonly epsilon?: number
}

/** How large a step is. */
export interface StepSize {
  readonly learningRate: number
  /** What gradients are multiplied by first. */
  readonly factor?: number
}

/** Tables above this many values move only the rows that a step touched; it is a different algorithm, chosen by size alone. */
const DENSE_LIMIT = 8_000_000

/** State that an optimiser keeps of each variable: a tensor of its shape by each name. */
type State = Readonly<Record<string, Id>>

/** Moves a variable by its gradient, dense or by rows, times `scale`. */
type Move = (of: {
  readonly variable: Variable
  readonly state: State
  readonly gradient: Gradient
  readonly scale: number
  readonly step: number
  readonly learningRate: number
}) => void

/** What tells optimisers apart. */
interface Rule {
  readonly name: string
  readonly states: readonly string[]
  readonly move: Move
}

/**
 * Moves variables by their gradients, and keeps what it needs for that between steps. On large tables row-sparse, with the
 * bias corrections of the global step.
 */
export class Optimiser {
  private readonly engine: Engine
  private readonly rule: Rule
  private readonly clip: number
  private readonly states = new Map<Variable, State>()
  private step = 0

  constructor(engine: Engine, variables: readonly Variable[], options: OptimiserOptions = {}) {
    this.engine = engine
    this.clip = options.clip ?? 0
    this.rule = rules[options.optimiser ?? 'adam'](engine, options)
    for (const variable of variables) {
      const shape = Uint32Array.from(variable.shape)
      this.states.set(variable, Object.fromEntries(this.rule.states.map((name) => [name, engine.variable(shape)])))
    }
  }

  /** Moves every variable that has a gradient. */
  update(gradients: ReadonlyMap<Variable, Gradient>, { learningRate, factor = 1 }: StepSize): void {
    this.step++
    const { step } = this
    const moved = [...gradients].map(([variable, gradient]) => ({ variable, gradient: this.densify(variable, gradient) }))
    const scale =
      factor *
      this.clipFactor(
        moved.map(({ gradient }) => gradient),
        factor,
      )
    for (const each of moved) this.rule.move({ ...each, state: this.states.get(each.variable) ?? {}, scale, step, learningRate })
  }

  /** Its state by name, for checkpoints. */
  state(): Record<string, Values> {
    const parts = [...this.states].flatMap(([{ name, shape }, state]) =>
      Object.entries(state).map(([part, id]) => [this.nameOf(part, name), { shape, data: this.engine.readFloat32(id) }] as const),
    )
    return Object.fromEntries(parts)
  }

  /** Goes on from the state after `step` steps. @throws FociError ARTEFACT where it is not that of these variables */
  restore(values: Readonly<Record<string, Values>>, step: number): void {
    this.step = step
    for (const [{ name, shape }, state] of this.states) {
      for (const [part, id] of Object.entries(state)) {
        const key = this.nameOf(part, name)
        this.engine.write(id, expectValues(key, values[key], shape, finite))
      }
    }
  }

  [Symbol.dispose](): void {
    for (const state of this.states.values()) for (const id of Object.values(state)) this.engine.release(id)
    this.states.clear()
  }

  private nameOf(part: string, variable: string): string {
    return `${this.rule.name}.${part}.${variable}`
  }

  private densify(variable: Variable, gradient: Gradient): Gradient {
    const [count, dim = 1] = variable.shape
    if ('dense' in gradient || count * dim > DENSE_LIMIT) return gradient
    return { dense: this.engine.scatter(gradient.rows, gradient.ids, count) }
  }

  private clipFactor(gradients: readonly Gradient[], factor: number): number {
    if (this.clip === 0) return 1
    const squares = gradients.map((gradient) => this.engine.squaredNorm('dense' in gradient ? gradient.dense : gradient.rows))
    const norm = factor * Math.sqrt(squares.reduce((sum, square) => sum + square, 0))
    return norm > this.clip ? this.clip / norm : 1
  }
}

/** Adam (Kingma and Ba, ICLR 2015); with weight decay, which is decoupled, AdamW (Loshchilov and Hutter, ICLR 2019). */
function adam(e: Engine, { beta1 = 0.9, beta2 = 0.98, epsilon = 1e-8, weightDecay = 0 }: OptimiserOptions): Rule {
  return {
    name: 'adam',
    states: ['first', 'second'],
    move: ({ variable: { id }, state: { first, second }, gradient, scale, step, learningRate: rate }) => {
      if ('dense' in gradient) e.adam(id, first, second, gradient.dense, rate, beta1, beta2, epsilon, weightDecay, step, scale)
      else e.adamRows(id, first, second, gradient.rows, gradient.ids, rate, beta1, beta2, epsilon, weightDecay, step, scale)
    },
  }
}

/** Stochastic gradient descent. */
function sgd(e: Engine, { weightDecay = 0 }: OptimiserOptions): Rule {
  return {
    name: 'sgd',
    states: [],
    move: ({ variable: { id }, gradient, scale, learningRate: rate }) => {
      if ('dense' in gradient) e.sgd(id, gradient.dense, rate, weightDecay, scale)
      else e.sgdRows(id, gradient.rows, gradient.ids, rate, weightDecay, scale)
    },
  }
}

/** Adagrad (Duchi, Hazan and Singer, JMLR 2011). */
function adagrad(e: Engine, { epsilon = 1e-8, weightDecay = 0 }: OptimiserOptions): Rule {
  return {
    name: 'adagrad',
    states: ['squares'],
    move: ({ variable: { id }, state: { squares }, gradient, scale, learningRate: rate }) => {
      if ('dense' in gradient) e.adagrad(id, squares, gradient.dense, rate, epsilon, weightDecay, scale)
      else e.adagradRows(id, squares, gradient.rows, gradient.ids, rate, epsilon, weightDecay, scale)
    },
  }
}

const rules: Readonly<Record<Training['optimiser'], (e: Engine, options: OptimiserOptions) => Rule>> = {
  adam,
  adamw: adam,
  sgd,
  adagrad,
}
