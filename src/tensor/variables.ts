import { seedOf } from '../data/random.ts'
import type { Engine, Id } from '../engine/engine.ts'
import { FociError } from '../errors.ts'
import type { Init } from './init.ts'
import { scope, Tensor, Variable } from './tensor.ts'

/** Values of one variable or table, on the host. */
export interface Values {
  readonly shape: readonly number[]
  readonly data: Float32Array | Int32Array
}

/** Where variables get their values: initial ones by seed, or those of an artefact. */
export type Source = { readonly seed: number } | { readonly artefact: string; readonly tensors: Readonly<Record<string, Values>> }

/**
 * A model's parameters and state by name. From a seed they can be trained; from an artefact they are frozen weights, which
 * all threads of the process share.
 */
export class Variables {
  private readonly engine: Engine
  private readonly source: Source
  private readonly variables = new Map<string, Variable>()
  private readonly tables = new Map<string, Values>()
  /** What was made of frozen weights. */
  private readonly frozen: Tensor[] = []

  constructor(engine: Engine, source: Source) {
    this.engine = engine
    this.source = source
  }

  /** The parameter of this name, [shape], made at the first call. */
  variable(name: string, shape: readonly number[], init: Init): Variable {
    if (this.variables.has(name)) throw new FociError('OPTION', `Two variables are named "${name}".`, 'Give each layer a name of its own.')
    const variable = 'seed' in this.source ? this.initial(name, shape, init, this.source.seed) : this.loaded(name, shape)
    this.variables.set(name, variable)
    return variable
  }

  /**
   * What is made of parameters alone, by a name of its own: of frozen weights once, by the first thread of the process; of
   * those that can be trained anew whenever it is asked for.
   */
  derived(name: string, make: () => Tensor): () => Tensor {
    const { engine, source } = this
    if ('seed' in source) return make
    const made = frozenOnce(engine, source.artefact, name, () => make().id)
    this.frozen.push(made)
    return () => made
  }

  /** State that stays on the host (counts, transition tables), saved and loaded by name. */
  putTable(name: string, values: Values): void {
    this.tables.set(name, values)
  }

  /** @throws FociError ARTEFACT where nothing of this name was put or loaded */
  table(name: string): Values {
    const values = this.tables.get(name) ?? ('tensors' in this.source ? this.source.tensors[name] : undefined)
    if (!values) throw new FociError('ARTEFACT', `There is no table "${name}".`, 'Fit the model first, or load an artefact of this model.')
    return values
  }

  get all(): readonly Variable[] {
    return [...this.variables.values()]
  }

  /** Copies of all variables and tables, by name. */
  values(): Record<string, Values> {
    const copies = this.all.map((variable) => [variable.name, { shape: variable.shape, data: variable.float32() }] as const)
    return Object.fromEntries([...copies, ...this.tables])
  }

  /** Puts values back into the variables; names that are missing or shapes that differ are errors. */
  restore(values: Readonly<Record<string, Values>>): void {
    for (const variable of this.all) this.engine.write(variable.id, expectValues(values, variable.name, variable.shape))
  }

  [Symbol.dispose](): void {
    for (const { id } of [...this.all, ...this.frozen.splice(0)]) this.engine.release(id)
    this.variables.clear()
  }

  private initial(name: string, shape: readonly number[], init: Init, seed: number): Variable {
    const id = this.engine.variable(Uint32Array.from(shape))
    this.engine.write(id, init(shape, seedOf(seed, name)))
    return new Variable(this.engine, id, name, true)
  }

  private loaded(name: string, shape: readonly number[]): Variable {
    if (!('tensors' in this.source)) throw new TypeError('loaded() wants an artefact')
    const { artefact, tensors } = this.source
    // What the process holds need not be at hand: threads that join are not given it again
    const held = this.engine.frozen(artefact, name)
    const fits = held !== 0 && Array.from(this.engine.shape(held)).join() === shape.join()
    if (!fits) this.engine.release(held)
    const id = fits ? held : this.engine.freeze(artefact, name, expectValues(tensors, name, shape), Uint32Array.from(shape))
    return new Variable(this.engine, id, name, false)
  }
}

/** Frozen weights of an artefact that its own make: what all threads of the process share, made by the first of them. */
export function frozenOnce(engine: Engine, artefact: string, name: string, make: () => Id): Tensor {
  return new Tensor(engine, engine.frozen(artefact, name) || scope(engine, () => engine.freezeTensor(artefact, name, make())))
}

function expectValues(values: Readonly<Record<string, Values>>, name: string, shape: readonly number[]): Float32Array {
  const found = values[name]
  const hint = 'The artefact belongs to another model, or to other options: train again, or load the right one.'
  if (!(found?.data instanceof Float32Array)) throw new FociError('ARTEFACT', `The tensor "${name}" is missing.`, hint)
  if (found.shape.join() !== shape.join()) {
    throw new FociError('ARTEFACT', `The tensor "${name}" is [${found.shape.join(', ')}] where the model has [${shape.join(', ')}].`, hint)
  }
  return found.data
}
