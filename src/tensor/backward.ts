import type { Engine, Id } from '../engine/engine.ts'
import { FociError } from '../errors.ts'
import { type Gradient, type Origin, type Tensor, Variable } from './tensor.ts'

/** Gradients of a scalar with respect to every variable that it was made from, as values of the current scope. */
export function backward(loss: Tensor): Map<Variable, Gradient> {
  const gradients = new Gradients(loss.engine)
  gradients.backward(loss)
  return gradients.variables
}

/** The ops that `loss` came from, in order of creation, each with those of its results that led to it. */
function ancestors(loss: Tensor): [op: Origin, made: Tensor[]][] {
  const found = new Map<Origin, Tensor[]>()
  const open = [loss]
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    const { origin } = tensor
    if (!origin) continue
    const made = found.get(origin)
    if (!made) {
      found.set(origin, [tensor])
      open.push(...origin.parents)
    } else if (!made.includes(tensor)) made.push(tensor)
  }
  return [...found].sort(([a], [b]) => a.serial - b.serial)
}

/** Gradients of variables, and those on their way down to them; an id that two of them share is released with the last. */
export class Gradients {
  readonly variables = new Map<Variable, Gradient>()
  private readonly waiting = new Map<Tensor, Gradient>()
  private readonly holds = new Map<Id, number>()
  private readonly e: Engine

  constructor(engine: Engine) {
    this.e = engine
  }

  /**
   * Adds those of `share · loss`, with respect to every variable that it was made from. Each node's tensors but the loss are
   * freed once used.
   * @throws FociError NON_FINITE where the loss is not finite, naming the first op whose result is not
   */
  backward(loss: Tensor, share = 1): void {
    const ops = ancestors(loss)
    if (!Number.isFinite(loss.value())) throw nonFinite(ops, loss)
    this.add(loss, this.e.fromFloat32(Float32Array.of(share), new Uint32Array(0)))
    for (const [op, made] of ops.reverse()) this.passBack(op, made, loss)
  }

  /** Hands the gradients of an op's results to its parents, once all that was made of these has handed back its own. */
  private passBack({ parents, backward: gradient, results }: Origin, made: readonly Tensor[], loss: Tensor): void {
    const upstream = results.map((id) => {
      const tensor = made.find((tensor) => tensor.id === id)
      return tensor && this.take(tensor)
    })
    if (upstream.some((dy) => dy !== undefined)) {
      const parts = gradient(results, upstream, this.e)
      parents.forEach((parent, i) => {
        const part = parts[i]
        if (part !== undefined && parent.learns) this.add(parent, part)
      })
      for (const dy of upstream) if (dy !== undefined) this.drop(dy)
    }
    for (const id of results) if (id !== loss.id && !this.holds.get(id)) this.e.release(id) // what is held is a gradient now
  }

  private add(to: Tensor, part: Id | Gradient): void {
    const gradient = typeof part === 'number' ? { dense: part } : part
    for (const id of Object.values(gradient)) this.holds.set(id, (this.holds.get(id) ?? 0) + 1)
    const map: Map<Tensor, Gradient> = to instanceof Variable ? this.variables : this.waiting
    const before = map.get(to)
    map.set(to, before ? this.sum(to, before, gradient) : gradient)
  }

  /** The whole gradient of a node, dense. */
  private take(node: Tensor): Id | undefined {
    const gradient = this.waiting.get(node)
    this.waiting.delete(node)
    return gradient && this.dense(node, gradient)
  }

  private drop(id: Id): void {
    const holds = (this.holds.get(id) ?? 1) - 1
    this.holds.set(id, holds)
    if (holds === 0) this.e.release(id)
  }

  private sum(to: Tensor, a: Gradient, b: Gradient): Gradient {
    if ('rows' in a && 'rows' in b) {
      const [rows, ids] = Array.from(this.e.mergeRows(a.rows, a.ids, b.rows, b.ids))
      for (const id of [a.rows, a.ids, b.rows, b.ids]) this.drop(id)
      return this.held({ rows, ids })
    }
    const [x, y] = [this.dense(to, a), this.dense(to, b)]
    const dense = this.e.add(x, y)
    this.drop(x)
    this.drop(y)
    return this.held({ dense })
  }

  private dense(of: Tensor, gradient: Gradient): Id {
    if ('dense' in gradient) return gradient.dense
    const dense = this.e.scatter(gradient.rows, gradient.ids, this.e.shape(of.id)[0])
    this.drop(gradient.rows)
    this.drop(gradient.ids)
    this.holds.set(dense, 1)
    return dense
  }

  private held(gradient: Gradient): Gradient {
    for (const id of Object.values(gradient)) this.holds.set(id, 1)
    return gradient
  }
}

function nonFinite(ops: readonly (readonly [Origin, readonly Tensor[]])[], loss: Tensor): FociError {
  const hint = 'Lower the learning rate, clip the gradients, or look for extreme values in the inputs.'
  const isBad = (tensor: Tensor): boolean => loss.engine.finite(tensor.id) === 0
  const first = ops.flatMap(([, made]) => made).find(isBad) ?? loss
  const parents = first.origin?.parents ?? []
  const culprit = parents.find((parent): parent is Variable => parent instanceof Variable && isBad(parent))
  const where = culprit ? `the variable "${culprit.name}" already is not` : `it came from ${first.origin?.op ?? 'its input'}`
  const tensor = `${first.origin?.op ?? 'tensor'} [${first.shape.join(', ')}]`
  return new FociError('NON_FINITE', `The loss is ${loss.value()}: the first tensor that is not finite is ${tensor}; ${where}.`, hint)
}
