import type { Engine, Id } from '../../../src/engine/engine.ts'
import type { Cases } from './cases.ts'
import { type Example, ints, matrix, variable as pairs } from './examples/example.ts'
import { variable } from './optimisers.ts'
import { indices, ROUNDINGS, real, samples, someIds } from './samples.ts'

/** [elements, decay, clip] */
// biome-ignore format: a table
const dense = [
  [0, 0, 1], [1, 0, 1], [2, 0.1, 1], [7, 0, 0.5], [8, 0.01, 1], [15, 0, 1], [16, 0, 0.5], [17, 0.1, 1], [31, 0, 0.1], [33, 0, 1],
  [63, 0, 1], [64, 0.01, 1], [65, 0, 0.3], [100, 0, 1], [255, 0.1, 1], [257, 0, 1], [1000, 0, 1], [1025, 0, 1], [4097, 0.01, 0.7], [70_001, 0, 1],
] as const

/** [V, D, seed of the rows, decay, clip] */
// biome-ignore format: a table
const sparse = [
  [0, 7, 1, 0, 1], [1, 1, 2, 0, 1], [3, 0, 3, 0, 1], [2, 7, 4, 0, 1], [5, 16, 5, 0.01, 1], [7, 17, 6, 0, 0.5], [16, 64, 7, 0, 1], [17, 65, 8, 0, 1], [31, 8, 9, 0.1, 1], [33, 3, 1, 0, 1],
  [64, 100, 2, 0, 0.2], [65, 1, 3, 0, 1], [100, 31, 4, 0, 1], [100, 7, 5, 0.01, 1], [200, 15, 6, 0, 1], [257, 5, 7, 0, 1], [300, 33, 8, 0, 0.9], [517, 2, 9, 0, 1], [1000, 3, 1, 0, 1], [64, 64, 2, 0.1, 1],
] as const

const [RATE, EPSILON] = [0.1, 1e-8]

/** Sums of squares are never negative. */
const squared = (e: Engine, x: Id): Id => variable(e, e.multiply(x, x))

const example = (op: Example['op'], title: string, run: (e: Engine, ids: Id[]) => void, gives: number[][]): Example => ({
  ...{ op, title, gives },
  run: (e) => {
    const ids = [pairs(e, 1, 2, 3, 4), pairs(e, 0, 1, 0, 9)]
    run(e, ids)
    return ids.slice(0, gives.length)
  },
})

export const descent: Cases = {
  samples: [
    ...samples('sgd', ROUNDINGS, dense, ([n, decay, clip]) => ({
      inputs: [real([n]), real([n])],
      run: (e, [parameter, gradient]) => {
        const id = variable(e, parameter)
        e.sgd(id, gradient, RATE, decay, clip)
        return [id]
      },
    })),
    ...samples('adagrad', ROUNDINGS, dense, ([n, decay, clip]) => ({
      inputs: [real([n]), real([n]), real([n])],
      run: (e, [parameter, squares, gradient]) => {
        const ids: [Id, Id] = [variable(e, parameter), squared(e, squares)]
        e.adagrad(...ids, gradient, RATE, EPSILON, decay, clip)
        return ids
      },
    })),
    ...samples('sgdRows', ROUNDINGS, sparse, ([count, width, seed, decay, clip]) => ({
      inputs: [real([count, width]), real([someIds(count, seed).length, width]), indices(someIds(count, seed))],
      run: (e, [parameter, rows, at]) => {
        const id = variable(e, parameter)
        e.sgdRows(id, rows, at, RATE, decay, clip)
        return [id]
      },
    })),
    ...samples('adagradRows', ROUNDINGS, sparse, ([count, width, seed, decay, clip]) => ({
      inputs: [real([count, width]), real([count, width]), real([someIds(count, seed).length, width]), indices(someIds(count, seed))],
      run: (e, [parameter, squares, rows, at]) => {
        const ids: [Id, Id] = [variable(e, parameter), squared(e, squares)]
        e.adagradRows(...ids, rows, at, RATE, EPSILON, decay, clip)
        return ids
      },
    })),
  ],
  examples: [
    example('sgd', 'moves by the rate, after the decay', (e, [x]) => e.sgd(x, matrix(e, [2, 0], [-4, 8]), 0.5, 0.1, 1), [
      [1 - 0.05 - 1, 2 - 0.1, 3 - 0.15 + 2, 4 - 0.2 - 4],
    ]),
    example('sgdRows', 'moves the rows alone that are given', (e, [x]) => e.sgdRows(x, matrix(e, [2, 4]), ints(e, 1), 0.5, 0, 0.5), [
      [1, 2, 3 - 0.5, 4 - 1],
    ]),
    example(
      'adagrad',
      'moves by the rate over the root of all squares',
      (e, [x, s]) => e.adagrad(x, s, matrix(e, [2, 0], [-4, 4]), 0.5, 0, 0, 1),
      [
        [1 - 0.5, 2, 3 + 0.5, 4 - (0.5 * 4) / 5],
        [4, 1, 16, 25],
      ],
    ),
    example(
      'adagradRows',
      'moves the rows alone that are given',
      (e, [x, s]) => e.adagradRows(x, s, matrix(e, [-4, 4]), ints(e, 1), 0.5, 0, 0, 1),
      [
        [1, 2, 3 + 0.5, 4 - (0.5 * 4) / 5],
        [0, 1, 16, 25],
      ],
    ),
  ],
  faults: [
    ['SHAPE', 'sgd with a gradient of another shape', (e) => e.sgd(pairs(e, 1, 2), matrix(e, [1]), 1, 0, 1)],
    ['SHAPE', 'adagrad of what is no variable', (e) => e.adagrad(matrix(e, [1, 2]), pairs(e, 1, 2), matrix(e, [1, 2]), 1, 0, 0, 1)],
    ['RANGE', 'sgdRows beyond the table', (e) => e.sgdRows(pairs(e, 1, 2), matrix(e, [1, 2]), ints(e, 1), 1, 0, 1)],
    [
      'RANGE',
      'adagradRows of a row twice',
      (e) => e.adagradRows(pairs(e, 1, 2, 3, 4), pairs(e, 0, 0, 0, 0), matrix(e, [1, 2], [1, 2]), ints(e, 1, 1), 1, 0, 0, 1),
    ],
  ],
}
