import { FociError } from '../errors.ts'

/** Values of one variable or table, on the host. */
export interface Values {
  readonly shape: readonly number[]
  readonly data: Float32Array | Int32Array
}

/** What is true of a tensor's numbers, whoever wrote the file that they come from. */
export interface Kind<T extends Float32Array | Int32Array> {
  readonly type: T extends Float32Array ? 'f32' : 'i32'
  /** In words: "a share is from 0 to 1". */
  readonly rule: string
  /** The place of the first number that breaks the rule, or −1. */
  fault(data: T): number
}

export const finite: Kind<Float32Array> = { type: 'f32', rule: 'numbers are finite', fault: firstNonFinite }

/** Counts, and whatever else is added up. */
export const amounts = between(0, 3.4028234663852886e38, 'an amount is finite and not below 0')

export const shares = between(0, 1, 'a share is from 0 to 1')

export const offsets: Kind<Int32Array> = { type: 'i32', rule: 'offsets begin with 0 and do not fall', fault: firstFall }

/** Of `count` things. */
export function indices(count: number): Kind<Int32Array> {
  const fault = (data: Int32Array): number => {
    for (let i = 0; i < data.length; i++) if (data[i] < 0 || data[i] >= count) return i
    return -1
  }
  return { type: 'i32', rule: `an index is from 0 to below ${count}`, fault }
}

function between(least: number, most: number, rule: string): Kind<Float32Array> {
  const fault = (data: Float32Array): number => {
    for (let i = 0; i < data.length; i++) if (!(data[i] >= least && data[i] <= most)) return i
    return -1
  }
  return { type: 'f32', rule, fault }
}

/** A float is NaN or infinite where its exponent is all ones. */
export function firstNonFinite(data: Float32Array): number {
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length)
  for (let i = 0; i < bits.length; i++) if ((bits[i] & 0x7f800000) === 0x7f800000) return i
  return -1
}

function firstFall(data: Int32Array): number {
  if (data[0] !== 0) return 0
  for (let i = 1; i < data.length; i++) if (data[i] < data[i - 1]) return i
  return -1
}

/**
 * A model's tensor as an artefact has it.
 * @throws FociError ARTEFACT where it is missing, of another type or shape, or breaks the rule of its kind
 */
export function expectValues<T extends Float32Array | Int32Array>(
  name: string,
  values: Values | undefined,
  shape: readonly number[],
  kind: Kind<T>,
): T {
  if (!values) throw unfit(`The tensor "${name}" is missing.`)
  const type = values.data instanceof Float32Array ? 'f32' : 'i32'
  if (type !== kind.type) throw unfit(`The tensor "${name}" is ${type} where the model has ${kind.type}.`)
  if (values.shape.join() !== shape.join() || values.data.length !== sizeOf(shape)) {
    throw unfit(`The tensor "${name}" is [${values.shape.join(', ')}] where the model has [${shape.join(', ')}].`)
  }
  const data = values.data as T
  const broken = ruleBroken(data, kind)
  if (broken === undefined) return data
  throw new FociError('ARTEFACT', `The tensor "${name}" ${broken}.`, 'Copy the artefact again from where it was made, or train again.')
}

/** What breaks the rule of a kind, as a clause; undefined where nothing does. */
export function ruleBroken<T extends Float32Array | Int32Array>(data: T, kind: Kind<T>): string | undefined {
  const at = kind.fault(data)
  return at < 0 ? undefined : `has ${data[at]} at ${at}, and ${kind.rule}`
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1)

const unfit = (message: string): FociError =>
  new FociError('ARTEFACT', message, 'The artefact belongs to another model, or to other options: train again, or load the right one.')
