/** Arrays on shared memory: a training worker reads them without a copy. */
export const sharedInts = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(length * 4))

export const sharedFloats = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(length * 4))

export const sharedDoubles = (length: number): Float64Array => new Float64Array(new SharedArrayBuffer(length * 8))
