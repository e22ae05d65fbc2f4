import { seedOf } from '../data/random.ts'
import type { Engine, Id } from '../engine/engine.ts'
import { FociError } from '../errors.ts'
import type { Init } from './init.ts'
import { expectValues, finite, type Kind, type Values } from './kinds.ts'
import { type Extent, Table } from './table.ts'
import { scope, Tensor, Variable } from './tensor.ts'

/** Where variables get their values: initial ones by seed, or those of an artefact. */
export type Source = { readonly seed: number } | { readonly artefact: string; readonly tensors: Readonly<Record<string, Values>> }

/**
 * A model's parameters and state by name, declared while it is built. From a seed they can be trained; from an artefact they
 * are frozen weights, which all threads of the process share, and each is checked as it is declared: what it is made of may
 * come from anybody.
 */
export class Variables {
  private readonly engine: Engine
  private readonly source: Source
  private readonly variables = new Map<string, Variable>()
  private readonly tables = new Map<string, Table<Float32Array> | Table<Int32Array>>()
  /** What was made of frozen weights. */
  private readonly frozen: Tensor[] = []
  /** Those of the models that one is made of, each under a head of its names. */
  private readonly parts: Variables[] = []
  private readonly head: string
  private complete = false

  /** @param head what the names in an artefact begin with */
  constructor(engine: Engine, source: Source, head = '') {
    this.engine = engine
    this.source = source
    this.head = head
  }

  /** Those of a model that this one is made of: in an artefact their names begin with `head`, initial values are those of the model alone. */
  within(head: string): Variables {
    const part = new Variables(this.engine, this.source, this.head + head)
    this.parts.push(part)
    return part
  }

  /** The parameter of this name, [shape]. @throws FociError OPTION for a name that is taken; ARTEFACT where what it holds does not fit */
  variable(own: string, shape: readonly number[], init: Init): Variable {
    return this.declared(own, shape, init, true)
  }

  /**
   * What a model keeps of what it saw in training beside its parameters, such as means of columns: no gradient moves it, the
   * model writes it ({@link Variable.write}), and it is saved and loaded as they are. @throws FociError as `variable` does
   */
  state(own: string, shape: readonly number[], init: Init): Variable {
    return this.declared(own, shape, init, false)
  }

  private declared(own: string, shape: readonly number[], init: Init, trainable: boolean): Variable {
    const name = this.head + own
    this.checkName(name)
    const seed = 'seed' in this.source ? seedOf(this.source.seed, own) : undefined
    const variable = seed === undefined ? this.loaded(name, shape) : this.initial(name, shape, init, seed, trainable)
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
    const made = frozenOnce(engine, source.artefact, this.head + name, () => make().id)
    this.frozen.push(made)
    return () => made
  }

  /** Numbers that no training moves and no artefact holds among its tensors, such as features of items. */
  constant(name: string, values: Float32Array | Int32Array, shape: readonly number[]): Tensor {
    const { engine, source } = this
    const made =
      'artefact' in source
        ? frozenOnce(engine, source.artefact, this.head + name, make)
        : new Tensor(
            engine,
            scope(engine, () => freshly(engine, name, make())),
          )
    this.frozen.push(made)
    return made

    function make(): Id {
      const extents = Uint32Array.from(shape)
      return values instanceof Float32Array ? engine.fromFloat32(values, extents) : engine.fromInt32(values, extents)
    }
  }

  /** State of this name that stays on the host. @throws FociError as `variable` does */
  table<T extends Float32Array | Int32Array>(own: string, shape: readonly Extent[], kind: Kind<T>): Table<T> {
    const name = this.head + own
    this.checkName(name)
    const table = new Table(name, shape, kind)
    if ('tensors' in this.source) table.load(this.source.tensors[name])
    this.tables.set(name, table as Table<Float32Array> | Table<Int32Array>)
    return table
  }

  /** Ends the declarations. @throws FociError ARTEFACT where an artefact has more than was declared */
  close(): void {
    this.complete = true
    if (this.head !== '') return // the whole is looked at
    const given = 'tensors' in this.source ? Object.keys(this.source.tensors) : []
    const declared = new Set(this.names)
    const stranger = given.find((name) => !declared.has(name))
    if (stranger === undefined) return
    const hint = 'The artefact belongs to another model, or to other options: train again, or load the right one.'
    throw new FociError('ARTEFACT', `The model has no tensor "${stranger}", and the artefact has.`, hint)
  }

  get all(): readonly Variable[] {
    return [...this.variables.values(), ...this.parts.flatMap((part) => part.all)]
  }

  private get names(): string[] {
    return [...this.variables.keys(), ...this.tables.keys(), ...this.parts.flatMap((part) => part.names)]
  }

  /** Copies of all variables and tables, by name. */
  values(): Record<string, Values> {
    const copies = [...this.variables.values()].map(
      (variable) => [variable.name, { shape: variable.shape, data: variable.float32() }] as const,
    )
    const tables = Array.from(this.tables, ([name, { values }]) => [name, values] as const)
    return Object.assign(Object.fromEntries([...copies, ...tables]), ...this.parts.map((part) => part.values()))
  }

  /** Puts values back into the variables; names that are missing or shapes that differ are errors. */
  restore(values: Readonly<Record<string, Values>>): void {
    for (const variable of this.all)
      this.engine.write(variable.id, expectValues(variable.name, values[variable.name], variable.shape, finite))
  }

  [Symbol.dispose](): void {
    for (const { id } of [...this.variables.values(), ...this.frozen.splice(0)]) this.engine.release(id)
    this.variables.clear()
    for (const part of this.parts) part[Symbol.dispose]()
  }

  private checkName(name: string): void {
    if (this.variables.has(name) || this.tables.has(name)) {
      throw new FociError('OPTION', `Two tensors are named "${name}".`, 'Give each layer and each table a name of its own.')
    }
    if (!this.complete) return
    throw new FociError('OPTION', `The tensor "${name}" is declared after its model was built.`, 'Declare it in the model’s constructor.')
  }

  private initial(name: string, shape: readonly number[], init: Init, seed: number, trainable: boolean): Variable {
    const id = this.engine.variable(Uint32Array.from(shape))
    this.engine.write(id, init(shape, seed))
    return new Variable(this.engine, id, name, trainable)
  }

  private loaded(name: string, shape: readonly number[]): Variable {
    if (!('tensors' in this.source)) throw new TypeError('loaded() wants an artefact')
    const { artefact, tensors } = this.source
    // What the process holds need not be at hand: threads that join are not given it again
    const held = this.engine.frozen(artefact, name)
    const fits = held !== 0 && Array.from(this.engine.shape(held)).join() === shape.join()
    if (!fits) this.engine.release(held)
    const id = fits ? held : this.engine.freeze(artefact, name, expectValues(name, tensors[name], shape, finite), Uint32Array.from(shape))
    return new Variable(this.engine, id, name, false)
  }
}

/** A constant of a model in training, which no other model has. */
const freshly = (engine: Engine, name: string, id: Id): Id => engine.freezeTensor(globalThis.crypto.randomUUID(), name, id)

/** Frozen weights of an artefact that its own make: what all threads of the process share, made by the first of them. */
export function frozenOnce(engine: Engine, artefact: string, name: string, make: () => Id): Tensor {
  return new Tensor(engine, engine.frozen(artefact, name) || scope(engine, () => engine.freezeTensor(artefact, name, make())))
}
