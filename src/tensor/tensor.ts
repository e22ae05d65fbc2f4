import type { Engine, Id, Ids, Precision } from '../engine/engine.ts'

/** What an op's gradient gives for one parent: a dense tensor, or rows of a table by ascending distinct ids. */
export type Gradient = { readonly dense: Id } | { readonly rows: Id; readonly ids: Id }

/** Gradients for the parents, in their order; undefined where a parent has none (indices). */
export type Parts = readonly (Id | Gradient | undefined)[]

/** The gradients of an op with one result, from that result's; `saved` are the further ids that its forward gave. */
export type Backward = (y: Id, dy: Id, e: Engine, saved: readonly Id[]) => Parts

/** The same of an op with several results, by result: undefined where the loss does not depend on one. */
export type BackwardOfSeveral = (ys: readonly Id[], dys: readonly (Id | undefined)[], e: Engine) => Parts

/** The op that tensors came from. */
export interface Origin {
  readonly op: string
  readonly parents: readonly Tensor[]
  readonly backward: BackwardOfSeveral
  /** All that it gave: tensors, and what is kept for its gradient alone. */
  readonly results: readonly Id[]
  /** Position in the order of creation. */
  readonly serial: number
}

const recorders = new WeakMap<Engine, number>()
let serial = 0

/** Values in an engine, freed when the scope that they were made in ends. */
export class Tensor {
  readonly engine: Engine
  readonly id: Id
  readonly origin: Origin | undefined

  constructor(engine: Engine, id: Id, origin?: Origin) {
    this.engine = engine
    this.id = id
    this.origin = origin
  }

  /** An f32 tensor of the current scope. */
  static float32(engine: Engine, data: Float32Array, shape: readonly number[] = [data.length]): Tensor {
    return new Tensor(engine, engine.fromFloat32(data, Uint32Array.from(shape)))
  }

  /** An i32 tensor of the current scope. */
  static int32(engine: Engine, data: Int32Array, shape: readonly number[] = [data.length]): Tensor {
    return new Tensor(engine, engine.fromInt32(data, Uint32Array.from(shape)))
  }

  get shape(): readonly number[] {
    return Array.from(this.engine.shape(this.id))
  }

  /**
   * The result of an op on this tensor's engine. Inside a recording scope it remembers how it was made.
   * @param forward gives the result, or the result and what its gradient needs
   */
  derive(op: string, forward: (e: Engine) => Id | Ids, parents: readonly Tensor[], backward: Backward): Tensor {
    const result = forward(this.engine)
    const [id, ...saved] = typeof result === 'number' ? [result] : Array.from(result)
    const origin = this.recorded({ op, parents, results: [id, ...saved], backward: ([y], [dy], e) => backward(y, dy!, e, saved) })
    if (!origin) for (const unused of saved) this.engine.release(unused)
    return new Tensor(this.engine, id, origin)
  }

  /**
   * The results of an op that gives several tensors, all of them.
   * @param differentiable how many of them, the first ones, have gradients; the others are plain values, such as indices
   */
  deriveSeveral(
    op: string,
    forward: (e: Engine) => Ids,
    parents: readonly Tensor[],
    differentiable: number,
    backward: BackwardOfSeveral,
  ): Tensor[] {
    const results = Array.from(forward(this.engine))
    const origin = this.recorded({ op, parents, results, backward })
    return results.map((id, place) => new Tensor(this.engine, id, place < differentiable ? origin : undefined))
  }

  /** The origin of results, where it is to be remembered. */
  private recorded(op: Omit<Origin, 'serial'>): Origin | undefined {
    const records = recorders.has(this.engine) && op.parents.some((parent) => parent.learns)
    return records ? { ...op, serial: serial++ } : undefined
  }

  /** Whether a gradient can flow to or through it. */
  get learns(): boolean {
    return this.origin !== undefined
  }

  /** The number in a scalar tensor. */
  value(): number {
    return this.float32()[0]
  }

  /** A copy of f32 values. */
  float32(): Float32Array {
    return this.engine.readFloat32(this.id)
  }

  /** A copy of i32 values. */
  int32(): Int32Array {
    return this.engine.readInt32(this.id)
  }
}

/** A named tensor that outlives scopes; parameters are changed by optimisers alone. */
export class Variable extends Tensor {
  readonly name: string
  private readonly trainable: boolean

  constructor(engine: Engine, id: Id, name: string, trainable: boolean) {
    super(engine, id)
    this.name = name
    this.trainable = trainable
  }

  override get learns(): boolean {
    return this.trainable
  }

  /** Puts values in the place of its own. @param values as many as it has */
  write(values: Float32Array): void {
    this.engine.write(this.id, values)
  }
}

/** Whether the operations of an engine are being recorded, for gradients. */
export const isRecording = (engine: Engine): boolean => recorders.has(engine)

/** What a scope may return: anything but a promise, whose tensors would be gone when it settles. */
type Settled<R> = R extends PromiseLike<unknown> ? never : R

/**
 * Runs `body` and frees every tensor made in it, but those that it returns (a tensor, or tensors in an array or object).
 * With `record`, tensors remember how they were made, so that `backward` works inside; with `precision`, losses multiply in it
 * where the CPU gains by that.
 */
export function scope<R>(engine: Engine, body: () => Settled<R>, options: { record?: boolean; precision?: Precision } = {}): Settled<R> {
  const depth = recorders.get(engine)
  if (options.record) recorders.set(engine, (depth ?? 0) + 1)
  if (options.precision) engine.usePrecision(options.precision)
  engine.openScope()
  let kept: Id[] = []
  try {
    const result = body()
    kept = tensorsIn(result)
    return result
  } finally {
    if (options.record) depth === undefined ? recorders.delete(engine) : recorders.set(engine, depth)
    if (options.precision) engine.usePrecision('f32')
    engine.closeScope(Uint32Array.from(kept))
  }
}

function tensorsIn(result: unknown): Id[] {
  if (result instanceof Variable) return []
  if (result instanceof Tensor) return [result.id]
  if (Array.isArray(result)) return result.flatMap(tensorsIn)
  if (result !== null && typeof result === 'object' && Object.getPrototypeOf(result) === Object.prototype) {
    return Object.values(result).flatMap(tensorsIn)
  }
  return []
}
