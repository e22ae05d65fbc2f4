import { FociError } from '../errors.ts'
import type { Variables } from '../tensor/variables.ts'

/**
 * A host-side table of f32 values by name.
 * @throws FociError ARTEFACT where there is none, or one of integers
 */
export function floatTable(variables: Variables, name: string): Float32Array {
  const { data } = variables.table(name)
  if (data instanceof Float32Array) return data
  throw wrongKind(name)
}

/**
 * A host-side table of i32 values by name.
 * @throws FociError ARTEFACT where there is none, or one of floats
 */
export function integerTable(variables: Variables, name: string): Int32Array {
  const { data } = variables.table(name)
  if (data instanceof Int32Array) return data
  throw wrongKind(name)
}

function wrongKind(name: string): FociError {
  return new FociError(
    'ARTEFACT',
    `The table "${name}" holds numbers of another type.`,
    'The artefact belongs to another model: load the right one.',
  )
}

/** Room for numbers that is used again: scores of many users at a time would fill memory before they are collected. */
export class Room {
  private values = new Float32Array(0)

  /** `length` numbers, as they were left. */
  of(length: number): Float32Array {
    if (this.values.length < length) this.values = new Float32Array(length)
    return this.values.subarray(0, length)
  }
}
