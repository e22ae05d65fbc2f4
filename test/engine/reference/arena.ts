import type { Id, Lifetimes, Precision } from '../../../src/engine/engine.ts'
import { FociError } from '../../../src/errors.ts'

/** f64 values for what the engines keep as f32. */
export interface Entry {
  readonly shape: readonly number[]
  readonly values: Float64Array | Int32Array
  readonly kind: 'tensor' | 'variable' | 'frozen'
}

export interface Real extends Entry {
  readonly values: Float64Array
}

interface Frozen {
  readonly entry: Entry
  holders: number
}

/** Of the process: shared by all arenas. */
const frozenWeights = new Map<string, Frozen>()

export const extent = (shape: ArrayLike<number>): number => Array.from(shape).reduce((product, size) => product * size, 1)

export function fail(code: 'SHAPE' | 'RANGE' | 'NON_FINITE' | 'TENSOR_FREED' | 'NO_SCOPE', message: string): never {
  throw new FociError(code, `reference: ${message}`, 'Look at the call that gave these arguments.')
}

export function expectShape(holds: boolean, message: string): void {
  if (!holds) fail('SHAPE', message)
}

export function expectRange(holds: boolean, message: string): void {
  if (!holds) fail('RANGE', message)
}

export function expectFinite(holds: boolean, what: string): void {
  if (!holds) fail('NON_FINITE', `${what} that are not finite`)
}

/** Ids and offsets are i32. */
function counted(shape: ArrayLike<number>): ArrayLike<number> {
  expectRange(
    Array.from(shape).every((extent) => extent < 2 ** 31),
    `extents ${Array.from(shape)}`,
  )
  return shape
}

/** Ids are never used twice, so a stale one is one that the map no longer has. */
export class Arena implements Lifetimes {
  private readonly entries = new Map<Id, Entry>()
  private readonly names = new Map<Id, string>()
  private readonly scopes: Id[][] = []
  private made = 0

  openScope(): void {
    this.scopes.push([])
  }

  closeScope(kept: Uint32Array): void {
    const closing = this.scopes.pop() ?? fail('NO_SCOPE', 'closeScope without a scope')
    const around = this.scopes.at(-1)
    const live = kept.every((id) => this.entries.has(id))
    for (const id of closing) {
      if (kept.includes(id) && around && live) around.push(id)
      else this.release(id)
    }
    if (kept.length > 0 && !around) fail('NO_SCOPE', 'closeScope: no scope around to keep tensors in')
    if (!live) fail('TENSOR_FREED', 'closeScope: a kept tensor was freed')
  }

  release(id: Id): void {
    const key = this.names.get(id)
    const frozen = key === undefined ? undefined : frozenWeights.get(key)
    if (key !== undefined && frozen && --frozen.holders === 0) frozenWeights.delete(key)
    this.names.delete(id)
    this.entries.delete(id)
  }

  fromFloat32(data: Float32Array, shape: Uint32Array): Id {
    return this.put(Float64Array.from(data), Array.from(shape))
  }

  /** The same without rounding to f32. */
  fromFloat64(data: Float64Array, shape: ArrayLike<number>): Id {
    return this.put(data.slice(), Array.from(shape))
  }

  fromInt32(data: Int32Array, shape: Uint32Array): Id {
    return this.put(data.slice(), Array.from(shape))
  }

  variable(shape: Uint32Array): Id {
    return this.keep({ shape: Array.from(shape), values: new Float64Array(extent(counted(shape))), kind: 'variable' })
  }

  write(variable: Id, data: Float32Array): void {
    const { values } = this.writable(variable)
    expectShape(data.length === values.length, `write: ${data.length} values for ${values.length}`)
    values.set(data)
  }

  frozen(artefact: string, name: string): Id {
    const key = JSON.stringify([artefact, name])
    const frozen = frozenWeights.get(key)
    if (!frozen) return 0
    frozen.holders++
    const id = this.keep(frozen.entry)
    this.names.set(id, key)
    return id
  }

  freeze(artefact: string, name: string, data: Float32Array, shape: Uint32Array): Id {
    expectShape(data.length === extent(shape), `freeze: ${data.length} values for [${shape}]`)
    return this.share(artefact, name, { shape: Array.from(shape), values: Float64Array.from(data), kind: 'frozen' })
  }

  freezeTensor(artefact: string, name: string, id: Id): Id {
    const { shape, values } = this.entry(id)
    return this.share(artefact, name, { shape, values: values.slice(), kind: 'frozen' })
  }

  private share(artefact: string, name: string, entry: Entry): Id {
    const key = JSON.stringify([artefact, name])
    const held = frozenWeights.get(key)?.entry
    const like = ({ shape, values }: Entry): string => `${values.constructor.name} [${shape}]`
    expectShape(!held || like(held) === like(entry), `freeze: ${name} is held as another tensor`)
    if (!held) frozenWeights.set(key, { entry, holders: 0 })
    return this.frozen(artefact, name)
  }

  shape(id: Id): readonly number[] {
    return this.entry(id).shape
  }

  /** A copy of the f64 values. */
  values(id: Id): Float64Array {
    return this.real(id).values.slice()
  }

  readFloat32(id: Id): Float32Array {
    return Float32Array.from(this.real(id).values)
  }

  readInt32(id: Id): Int32Array {
    return this.ints(id).slice()
  }

  memory(): [live: number, spare: number, allocations: number] {
    const live = [...this.entries.values()].reduce((sum, { values }) => sum + values.byteLength, 0)
    return [live, 0, this.made]
  }

  instructions(): string {
    return 'portable'
  }

  threads(): number {
    return 1
  }

  setThreads(): void {}

  usePrecision(precision: Precision): boolean {
    return precision === 'f32'
  }

  workAlone(): void {}

  multiplyAdds(rounds: number): number {
    let sum = 0
    for (let i = 0; i < rounds; i++) sum = 0.5 * sum + 1
    return sum > 0 ? 2 * rounds : 0
  }

  /** A new tensor of the current scope. */
  put(values: Float64Array | Int32Array, shape: readonly number[]): Id {
    counted(shape)
    const scope = this.scopes.at(-1) ?? fail('NO_SCOPE', 'a tensor made outside any scope')
    expectShape(values.length === extent(shape), `${values.length} values for [${shape}]`)
    const id = this.keep({ values, shape, kind: 'tensor' })
    scope.push(id)
    return id
  }

  entry(id: Id): Entry {
    return this.entries.get(id) ?? fail('TENSOR_FREED', `tensor ${id} was freed`)
  }

  real(id: Id): Real {
    const { values, ...rest } = this.entry(id)
    if (!(values instanceof Float64Array)) fail('SHAPE', `tensor ${id} holds i32, not f32`)
    return { values, ...rest }
  }

  /** The values of a list of indices. */
  ints(id: Id): Int32Array {
    const { values } = this.entry(id)
    if (!(values instanceof Int32Array)) fail('SHAPE', `tensor ${id} holds f32, not i32`)
    return values
  }

  /** A variable, whose values may be changed in place. */
  writable(id: Id): Real {
    const entry = this.real(id)
    expectShape(entry.kind === 'variable', `tensor ${id} is not a variable`)
    return entry
  }

  /** A matrix [rows, width]. */
  matrix(id: Id): { values: Float64Array; rows: number; width: number } {
    const { values, shape } = this.real(id)
    expectShape(shape.length === 2, `[${shape}] is not a matrix`)
    return { values, rows: shape[0], width: shape[1] }
  }

  /** [..., D] seen as [rows, D]. */
  rows(id: Id): { values: Float64Array; shape: readonly number[]; rows: number; width: number } {
    const { values, shape } = this.real(id)
    expectShape(shape.length > 0, 'a scalar has no rows')
    return { values, shape, rows: extent(shape.slice(0, -1)), width: shape[shape.length - 1] }
  }

  /** A list of offsets [B + 1]: from 0, never falling. */
  offsets(id: Id): Int32Array {
    const offsets = this.ints(id)
    expectShape(offsets.length > 0, 'offsets need at least one element')
    expectRange(offsets[0] === 0, `offsets begin at ${offsets[0]}`)
    expectRange(
      offsets.every((offset, b) => b === 0 || offset >= offsets[b - 1]),
      'offsets fall',
    )
    return offsets
  }

  private keep(entry: Entry): Id {
    this.entries.set(++this.made, entry)
    return this.made
  }
}
