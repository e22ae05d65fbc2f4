import { normal as normals } from '../data/random.ts'

/** Initial values of a variable, from its shape and a seed of its own. */
export type Init = (shape: readonly number[], seed: number) => Float32Array

export const zeros: Init = (shape) => new Float32Array(size(shape))

export const filled =
  (value: number): Init =>
  (shape) =>
    new Float32Array(size(shape)).fill(value)

export const ones = filled(1)

/** Normal with mean 0. */
export const normal =
  (deviation: number): Init =>
  (shape, seed) =>
    Float32Array.from({ length: size(shape) }, (_, i) => deviation * normals(seed, 0, i))

/** Normal, of a deviation that keeps the size of what a weight [inner, outer] reads. Glorot and Bengio, AISTATS 2010. */
export const glorot: Init = (shape, seed) => normal(Math.sqrt(2 / (shape[0] + shape[1])))(shape, seed)

const size = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1)
