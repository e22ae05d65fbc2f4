import { normal, seedOf, uniform } from '../../../src/data/random.ts'
import type { Engine, Id, Ids, Operations } from '../../../src/engine/engine.ts'
import { FociError } from '../../../src/errors.ts'
import type { Reference } from '../../engine/reference.ts'

export type Values = Float32Array | Int32Array

/** An argument of an op: its shape, and its values from a seed. */
export interface Input {
  readonly shape: readonly number[]
  readonly draw: (seed: number) => Values
}

/** One call of an op, on inputs of certain shapes. */
export interface Sample {
  readonly op: keyof Operations
  readonly label: string
  readonly inputs: readonly Input[]
  /** Calls the op and gives the ids of its results. */
  readonly run: (e: Engine, inputs: readonly Id[]) => Ids
  /** Gradients for the inputs, 0 for those that have none, from the gradient of the first result. */
  readonly gradient?: (e: Engine, inputs: readonly Id[], outputs: readonly Id[], dy: Id) => readonly Id[]
  /** How far an f32 result may be from the reference, as a part of its largest magnitude. */
  readonly tolerance: number
  /** How far besides, where terms cancel; `ROUNDED_ONES` by default. */
  readonly remainder?: number
}

/** Elementwise work and short sums: a few roundings of 2⁻²⁴ = 6e-8 each. */
export const ROUNDINGS = 2e-6
/** Sums of up to thousands of terms, whose roundings add up as a random walk: √4096 · 6e-8 = 4e-6. */
export const SUMS = 1e-5
/** Exponentials of sums: an error of 1e-6 in a logit of magnitude 10 is 1e-5 in its weight. */
export const EXPONENTIALS = 5e-5

/** Where terms of about 1 cancel, as in a gradient that is 0, a few of their roundings of 2⁻²⁴ remain. */
export const ROUNDED_ONES = 2 ** -22

type Call = Omit<Sample, 'op' | 'label' | 'tolerance'>

/** One sample for each size. */
export function samples<S>(op: keyof Operations, tolerance: number, sizes: readonly S[], call: (size: S) => Call): Sample[] {
  return sizes.map((size) => ({ op, label: JSON.stringify(size), tolerance, ...call(size) }))
}

const count = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1)

/** Normal numbers of a deviation. */
export const real = (shape: readonly number[], deviation = 1): Input => ({
  shape,
  draw: (seed) => Float32Array.from({ length: count(shape) }, (_, i) => deviation * normal(seed, 0, i)),
})

/** Numbers of either sign, at least 0.1 from 0: for functions with a kink there. */
export const apart = (shape: readonly number[]): Input => {
  const { draw } = real(shape)
  return { shape, draw: (seed) => draw(seed).map((x) => x + (x < 0 ? -0.1 : 0.1)) }
}

/** Quarters in [−1, 1]: their sums and products are exact in f32, and many are equal. */
export const quarters = (shape: readonly number[]): Input => ({
  shape,
  draw: (seed) => Float32Array.from({ length: count(shape) }, (_, i) => Math.floor(9 * uniform(seed, 0, i)) / 4 - 1),
})

/** Ids below a bound, with repeats. */
export const ids = (length: number, bound: number): Input => ({
  shape: [length],
  draw: (seed) => Int32Array.from({ length }, (_, i) => Math.floor(bound * uniform(seed, 0, i))),
})

/** Each id below a bound with a chance of one in two, ascending: a fixed choice, since its length is part of the shape. */
export const someIds = (bound: number, seed: number): number[] =>
  Array.from({ length: bound }, (_, i) => i).filter((i) => uniform(seed, 0, i) < 0.5)

export const indices = (values: readonly number[]): Input => ({ shape: [values.length], draw: () => Int32Array.from(values) })

export const fixed = (shape: readonly number[], values: readonly number[]): Input => ({ shape, draw: () => Float32Array.from(values) })

/** Offsets [B + 1] of segments of given lengths. */
export const offsetsOf = (lengths: readonly number[]): number[] => [0, ...lengths.map((_, b) => sum(lengths.slice(0, b + 1)))]

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** The values of a sample's inputs: the same on every engine and every day. */
export const valuesOf = ({ op, label, inputs }: Sample): Values[] => inputs.map(({ draw }, i) => draw(seedOf(i, `${op} ${label}`)))

export function upload(e: Engine, values: Values, shape: readonly number[]): Id {
  const extents = Uint32Array.from(shape)
  return values instanceof Int32Array ? e.fromInt32(values, extents) : e.fromFloat32(values, extents)
}

export interface Result {
  readonly shape: readonly number[]
  readonly values: Float64Array | Values
}

/** The op's results and the gradients for its inputs. `read` takes the f32 values from the engine. */
export function evaluate<E extends Engine>(e: E, sample: Sample, read: (e: E, id: Id) => Float64Array | Float32Array): Result[] {
  const values = valuesOf(sample)
  e.openScope()
  const inputs = values.map((data, i) => upload(e, data, sample.inputs[i].shape))
  const outputs = Array.from(sample.run(e, inputs))
  const results = [...outputs]
  if (sample.gradient) {
    const dy = upstream(e, sample, outputs[0])
    for (const id of sample.gradient(e, inputs, outputs, dy)) if (id !== 0) results.push(id)
  }
  const copies = results.map((id) => ({ shape: Array.from(e.shape(id)), values: readEither(e, id, read) }))
  for (const id of outputs) e.release(id) // variables among them outlive the scope
  e.closeScope(new Uint32Array())
  return copies
}

/** A random gradient of the first result. */
export function upstream(e: Engine, { op, label }: Sample, y: Id): Id {
  const shape = Array.from(e.shape(y))
  return upload(e, real(shape).draw(seedOf(9, `${op} ${label}`)), shape)
}

export const readFloat32 = (e: Engine, id: Id): Float32Array => e.readFloat32(id)
export const readFloat64 = (e: Reference, id: Id): Float64Array => e.values(id)

/** The values of a tensor, whichever of the two kinds it holds. */
export function readEither<E extends Engine, V>(e: E, id: Id, read: (e: E, id: Id) => V): V | Int32Array {
  try {
    return read(e, id)
  } catch (error) {
    if (error instanceof FociError && error.code === 'SHAPE') return e.readInt32(id)
    throw error
  }
}
