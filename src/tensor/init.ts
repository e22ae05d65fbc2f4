import { normal as normals } from '../data/random.ts'

/** Initial values of a variable, from its shape and a seed of its own. */
export type Init = (shape: readonly number[], seed: number) => Float32Array

export const zeros: Init = (shape) => new Float32Array(size(shape))

export const ones: Init = (shape) => new Float32Array(size(shape)).fill(1)

/** Normal with mean 0. */
export const normal =
  (deviation: number): Init =>
  (shape, seed) =>
    Float32Array.from({ length: size(shape) }, (_, i) => deviation * normals(seed, 0, i))

const size = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1)
