import type { Engine, Id } from '../../../src/engine/engine.ts'
import { indices, ROUNDINGS, real, type Sample, samples, someIds } from './samples.ts'

/** A variable with the values of a tensor. */
export function variable(e: Engine, values: Id): Id {
  const id = e.variable(Uint32Array.from(Array.from(e.shape(values))))
  e.write(id, e.readFloat32(values))
  return id
}

/** [elements, decay, step, clip] */
// biome-ignore format: a table
const dense = [
  [0, 0, 1, 1], [1, 0, 1, 1], [2, 0, 1, 1], [7, 0, 2, 1], [8, 0.01, 1, 1], [15, 0, 3, 1], [16, 0, 10, 0.5], [17, 0.1, 1, 1], [31, 0, 1, 0.1], [33, 0, 100, 1],
  [63, 0, 5, 1], [64, 0.01, 5, 1], [65, 0, 7, 0.3], [100, 0, 1000, 1], [255, 0.1, 2, 1], [257, 0, 1e6, 1], [1000, 0, 3, 1], [1025, 0, 4, 1], [4097, 0.01, 8, 0.7], [70_001, 0, 9, 1],
] as const

/** [V, D, decay, step, clip] */
// biome-ignore format: a table
const sparse = [
  [0, 7, 0, 1, 1], [1, 1, 0, 1, 1], [3, 0, 0, 1, 1], [2, 7, 0, 1, 1], [5, 16, 0.01, 2, 1], [7, 17, 0, 3, 0.5], [16, 64, 0, 4, 1], [17, 65, 0, 5, 1], [31, 8, 0.1, 6, 1], [33, 3, 0, 7, 1],
  [64, 100, 0, 8, 0.2], [65, 1, 0, 9, 1], [100, 31, 0, 1, 1], [100, 7, 0.01, 100, 1], [200, 15, 0, 1000, 1], [257, 5, 0, 3, 1], [300, 33, 0, 2, 0.9], [517, 2, 0, 1, 1], [1000, 3, 0, 5, 1], [64, 64, 0.1, 1, 1],
] as const

const [RATE, BETA1, BETA2, EPSILON] = [0.1, 0.9, 0.98, 1e-8]

/** The square of a tensor: second moments are never negative. */
const squared = (e: Engine, x: Id): Id => variable(e, e.multiply(x, x))

export const optimisers: Sample[] = [
  ...samples('adam', ROUNDINGS, dense, ([n, decay, step, clip]) => ({
    inputs: [real([n]), real([n], 0.1), real([n]), real([n])],
    run: (e, [parameter, first, second, gradient]) => {
      const ids: [Id, Id, Id] = [variable(e, parameter), variable(e, first), squared(e, second)]
      e.adam(...ids, gradient, RATE, BETA1, BETA2, EPSILON, decay, step, clip)
      return ids
    },
  })),
  ...samples('adamRows', ROUNDINGS, sparse, ([count, width, decay, step, clip]) => {
    const touched = someIds(count, step)
    const table = [count, width]
    return {
      inputs: [real(table), real(table, 0.1), real(table), real([touched.length, width]), indices(touched)],
      run: (e, [parameter, first, second, rows, at]) => {
        const ids: [Id, Id, Id] = [variable(e, parameter), variable(e, first), squared(e, second)]
        e.adamRows(...ids, rows, at, RATE, BETA1, BETA2, EPSILON, decay, step, clip)
        return ids
      },
    }
  }),
  // Numbers, as tensors to compare them with
  ...samples('squaredNorm', ROUNDINGS, dense, ([n]) => ({
    inputs: [real([n])],
    run: (e, [x]) => [e.fromFloat32(Float32Array.of(e.squaredNorm(x)), new Uint32Array())],
  })),
  ...samples('finite', 0, dense, ([n]) => ({
    inputs: [real([n])],
    run: (e, [x]) => [e.fromFloat32(Float32Array.of(e.finite(x)), new Uint32Array())],
  })),
  ...samples(
    'finite',
    0,
    [
      [0, 1],
      [6, 7],
      [16, 17],
      [64, 65],
      [99, 1000],
      [4096, 4097],
    ].flatMap(([at, n]) => [Number.NaN, Infinity, -Infinity].map((bad) => [at, n, bad])),
    ([at, n, bad]) => ({
      inputs: [{ shape: [n], draw: () => new Float32Array(n).fill(bad, at, at + 1) }],
      run: (e, [x]) => [e.fromFloat32(Float32Array.of(e.finite(x)), new Uint32Array())],
    }),
  ),
]
