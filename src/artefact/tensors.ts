/** Between typed arrays and the container's bytes. Views both ways: nothing is copied. */
import type { Values } from '../tensor/kinds.ts'
import type { Dtype, RawTensor } from './container.ts'
import { damaged, unfit } from './unsound.ts'

export type RawTensors = ReadonlyMap<string, RawTensor>

/** @param name for the error where data and shape differ */
export function toRaw(name: string, { data, shape }: Values): RawTensor {
  const size = shape.reduce((product, extent) => product * extent, 1)
  if (size !== data.length) throw unfit(`tensor "${name}" has ${data.length} values for the shape [${shape.join(', ')}]`)
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return { dtype: data instanceof Float32Array ? 'F32' : 'I32', shape, bytes }
}

export function fromRaw({ dtype, shape, bytes: { buffer, byteOffset, byteLength } }: RawTensor): Values {
  const size = byteLength / 4
  return { shape, data: dtype === 'F32' ? new Float32Array(buffer, byteOffset, size) : new Int32Array(buffer, byteOffset, size) }
}

/** The I32 vector of this name. */
export function readInts(tensors: RawTensors, name: string): Int32Array {
  const { buffer, byteOffset, byteLength } = vector(tensors, name, 'I32')
  return new Int32Array(buffer, byteOffset, byteLength / 4)
}

/** The F32 vector of this name. */
export function readFloats(tensors: RawTensors, name: string): Float32Array {
  const { buffer, byteOffset, byteLength } = vector(tensors, name, 'F32')
  return new Float32Array(buffer, byteOffset, byteLength / 4)
}

/** The U8 vector of this name. */
export function readBytes(tensors: RawTensors, name: string): Uint8Array {
  return vector(tensors, name, 'U8')
}

function vector(tensors: RawTensors, name: string, dtype: Dtype): Uint8Array {
  const tensor = tensors.get(name)
  if (!tensor) throw damaged(`tensor "${name}" is missing`)
  if (tensor.dtype !== dtype || tensor.shape.length !== 1) {
    throw damaged(`tensor "${name}" is ${tensor.dtype} [${tensor.shape.join(', ')}] where a vector of ${dtype} is due`)
  }
  return tensor.bytes
}
