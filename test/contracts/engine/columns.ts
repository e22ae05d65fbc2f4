import type { Engine, Id } from '../../../src/engine/engine.ts'
import type { Cases } from './cases.ts'
import { empty, ints, matrix, one, real as vector } from './examples/example.ts'
import { EXPONENTIALS, fixed, type Input, ROUNDINGS, real, SUMS, samples } from './samples.ts'

/** [T, D] around the widths of lanes and blocks. */
// biome-ignore format: a table
const shapes = [
  [0, 1], [0, 0], [3, 0], [0, 64], [1, 1], [3, 1], [1, 7], [5, 7], [16, 16], [17, 17], [7, 15], [3, 16], [4, 31], [2, 33], [1, 64],
  [65, 64], [64, 65], [9, 100], [2, 257], [3, 1000], [300, 5], [517, 7],
] as const

/** [T, A, B] of what stands beside each other. */
// biome-ignore format: a table
const joints = [
  [0, 1, 2], [0, 0, 0], [3, 0, 2], [3, 2, 0], [3, 0, 0], [1, 1, 1], [1, 7, 1], [2, 1, 7], [5, 3, 4], [16, 16, 16], [17, 15, 17], [7, 64, 1],
  [3, 1, 64], [65, 5, 3], [33, 31, 33], [2, 257, 100], [9, 100, 28], [300, 2, 3], [517, 1, 1], [64, 64, 64], [4, 1000, 24],
] as const

/** Shapes, and the extents behind the first that they are given. */
// biome-ignore format: a table
const folds = [
  [[0, 4], [2]], [[0], [3, 2]], [[0, 3, 5], [5]], [[1], []], [[1], [1, 1, 1]], [[6], [2]], [[6], [3]], [[6], [6]], [[6], [1, 6]], [[6], [2, 3]],
  [[2, 3], []], [[2, 3], [1]], [[2, 3], [2]], [[2, 3, 4], [4]], [[2, 3, 4], [12]], [[2, 3, 4], [3, 2]], [[2, 3, 4], [2, 3, 2]],
  [[5, 1, 7], [7]], [[300, 5], [25]], [[17, 4, 16], [16]], [[2, 2, 2, 2], [4]],
] as const

/** [rows …, D] of any rank. */
// biome-ignore format: a table
const ranks = [...shapes, [7], [2, 3, 4], [2, 0, 5], [2, 1, 3, 4]] as const

/** Numbers of at least a tenth. */
const positive = (shape: readonly number[]): Input => ({
  shape,
  draw: (seed) =>
    real(shape)
      .draw(seed)
      .map((x) => 0.1 + Math.abs(x)),
})

export const columns: Cases = {
  samples: [
    ...samples('rowDot', SUMS, shapes, (shape) => ({
      inputs: [real(shape), real(shape)],
      run: (e, [a, b]) => [e.rowDot(a, b)],
      gradient: (e, [a, b], _, dy) => [e.scaleRows(b, dy), e.scaleRows(a, dy)],
    })),
    ...samples(
      'dice',
      SUMS,
      shapes.filter(([, width]) => width > 0),
      (shape) => ({
        inputs: [real(shape), real([shape[1]]), real([shape[1]]), positive([shape[1]])],
        run: (e, [x, alpha, mean, variance]) => [e.dice(x, alpha, mean, variance, 1e-3)],
        gradient: (e, [x, alpha, mean, variance], _, dy) => Array.from(e.diceGradient(x, alpha, mean, variance, dy, 1e-3)),
        tolerance: EXPONENTIALS,
      }),
    ),
    ...samples('dice', SUMS, ['a variance below 0'], () => ({
      inputs: [real([3, 2]), real([2]), real([2]), fixed([2], [-4, -0])],
      run: (e, [x, alpha, mean, variance]) => [e.dice(x, alpha, mean, variance, 1)],
    })),
    ...samples('scaleRows', ROUNDINGS, shapes, (shape) => ({
      inputs: [real(shape), real([shape[0]])],
      run: (e, [x, s]) => [e.scaleRows(x, s)],
      gradient: (e, [x, s], _, dy) => [e.scaleRows(dy, s), e.rowDot(dy, x)],
      tolerance: SUMS,
    })),
    ...samples('concat', 0, joints, ([rows, left, right]) => ({
      inputs: [real([rows, left]), real([rows, right])],
      run: (e, [a, b]) => [e.concat(a, b)],
      gradient: (e, _, __, dy) => [e.narrow(dy, 0, left), e.narrow(dy, left, right)],
    })),
    ...samples('narrow', 0, joints, ([rows, start, length]) => ({
      inputs: [real([rows, start + length + 2])],
      run: (e, [x]) => [e.narrow(x, start, length)],
      gradient: (e, _, __, dy) => [e.narrowGradient(dy, start, start + length + 2)],
    })),
    ...samples('reshape', 0, folds, ([shape, inner]) => {
      const to = (e: Engine, x: Id, [second = 0, third = 0, fourth = 0]: readonly number[], axes: number) =>
        e.reshape(x, axes, second, third, fourth)
      return {
        inputs: [real(shape)],
        run: (e, [x]) => [to(e, x, inner, inner.length + 1)],
        gradient: (e, _, __, dy) => [to(e, dy, shape.slice(1), shape.length)],
      }
    }),
    ...samples('multiplyRow', ROUNDINGS, ranks, (shape) => ({
      inputs: [real(shape), real([shape[shape.length - 1]])],
      run: (e, [x, row]) => [e.multiplyRow(x, row)],
      gradient: (e, [x, row], _, dy) => [e.multiplyRow(dy, row), e.sumRows(e.multiply(dy, x))],
      tolerance: SUMS,
    })),
    ...samples('mean', ROUNDINGS, [...ranks, []], (shape) => ({
      inputs: [real(shape)],
      run: (e, [x]) => [e.mean(x)],
    })),
    ...samples('subtract', ROUNDINGS, ranks, (shape) => ({
      inputs: [real(shape), real(shape)],
      run: (e, [a, b]) => [e.subtract(a, b)],
      gradient: (e, _, __, dy) => [dy, e.scale(dy, -1)],
    })),
    ...samples('softplus', ROUNDINGS, ranks, (shape) => ({
      inputs: [real(shape, 4)],
      run: (e, [x]) => [e.softplus(x)],
      gradient: (e, [x], _, dy) => [e.multiply(dy, e.sigmoid(x))],
    })),
    ...samples(
      'softplus',
      ROUNDINGS,
      [[-100, -88, -30, -17, -10, -3, -1e-3, -1e-30, 0, 1e-30, 1e-3, 3, 10, 17, 30, 88, 100]],
      (values) => ({
        inputs: [fixed([values.length], values)],
        run: (e, [x]) => [e.softplus(x)],
      }),
    ),
  ],

  examples: [
    one('subtract', 'subtracts', (e) => e.subtract(vector(e, 1, 2), vector(e, 10, -5)), [-9, 7]),
    one('softplus', 'of 0 is ln 2, of ln 3 ln 4', (e) => e.softplus(vector(e, 0, Math.log(3), -100)), [Math.LN2, 2 * Math.LN2, 0]),
    one('multiplyRow', 'multiplies each by one row', (e) => e.multiplyRow(matrix(e, [1, 2], [3, 4]), vector(e, 10, -1)), [10, -2, 30, -4]),
    one('mean', 'is a mean of all', (e) => e.mean(matrix(e, [1, 2], [3, 6])), [3]),
    one('mean', 'of nothing is 0', (e) => e.mean(empty(e, 0, 3)), [0]),
    one('rowDot', 'multiplies row by row', (e) => e.rowDot(matrix(e, [1, 2], [3, 4]), matrix(e, [5, 6], [-1, 1])), [17, 1]),
    one('rowDot', 'of no width is 0', (e) => e.rowDot(empty(e, 2, 0), empty(e, 2, 0)), [0, 0]),
    // At its mean p is a half; a slope of 1 lets all through; z = (3 − 1) / √(3 + 1) = 1 and p = 1 / (1 + 1/e)
    one(
      'dice',
      'weighs by how far a number is above the mean of its column',
      (e) => e.dice(matrix(e, [2, 5, 3]), vector(e, 0.5, 1, 0), vector(e, 2, 9, 1), vector(e, 7, 2, 3), 1),
      [1.5, 5, 3 / (1 + Math.exp(-1))],
    ),
    one('scaleRows', 'has a factor a row', (e) => e.scaleRows(matrix(e, [1, 2], [3, 4]), vector(e, 10, -1)), [10, 20, -3, -4]),
    one('concat', 'puts columns beside each other', (e) => e.concat(matrix(e, [1], [2]), matrix(e, [3, 4], [5, 6])), [1, 3, 4, 2, 5, 6]),
    one('narrow', 'takes some columns', (e) => e.narrow(matrix(e, [1, 2, 3], [4, 5, 6]), 1, 2), [2, 3, 5, 6]),
    {
      op: 'reshape',
      title: 'finds the first extent',
      run: (e) => {
        const y = e.reshape(matrix(e, [1, 2, 3, 4], [5, 6, 7, 8]), 3, 2, 1, 9)
        return [y, ints(e, ...Array.from(e.shape(y)))]
      },
      gives: [
        [1, 2, 3, 4, 5, 6, 7, 8],
        [4, 2, 1],
      ],
    },
  ],

  faults: [
    ['SHAPE', 'a difference of two shapes', (e) => e.subtract(vector(e, 1, 2), vector(e, 1))],
    ['SHAPE', 'a factor of another width', (e) => e.multiplyRow(matrix(e, [1, 2]), vector(e, 1))],
    ['SHAPE', 'products of rows of two widths', (e) => e.rowDot(matrix(e, [1, 2]), matrix(e, [1]))],
    ['SHAPE', 'products of rows that are none', (e) => e.rowDot(vector(e, 1, 2), vector(e, 1, 2))],
    ['SHAPE', 'products of different numbers of rows', (e) => e.rowDot(matrix(e, [1], [2]), matrix(e, [1]))],
    ['SHAPE', 'slopes of another width', (e) => e.dice(matrix(e, [1, 2]), vector(e, 1), vector(e, 1, 2), vector(e, 1, 2), 1)],
    ['SHAPE', 'variances that are a matrix', (e) => e.dice(matrix(e, [1]), vector(e, 1), vector(e, 1), matrix(e, [1]), 1)],
    [
      'SHAPE',
      'a dice gradient of another shape',
      (e) => e.diceGradient(matrix(e, [1]), vector(e, 1), vector(e, 1), vector(e, 1), vector(e, 1), 1),
    ],
    ['SHAPE', 'fewer factors than rows', (e) => e.scaleRows(matrix(e, [1], [2]), vector(e, 1))],
    ['SHAPE', 'factors that are a matrix', (e) => e.scaleRows(matrix(e, [1], [2]), matrix(e, [1], [2]))],
    ['SHAPE', 'columns of different heights beside each other', (e) => e.concat(matrix(e, [1], [2]), matrix(e, [1]))],
    ['RANGE', 'more columns than there are', (e) => e.narrow(matrix(e, [1, 2, 3]), 2, 2)],
    ['RANGE', 'columns from a negative one on', (e) => e.narrow(matrix(e, [1, 2, 3]), -1, 2)],
    ['RANGE', 'a gradient of more columns than there are', (e) => e.narrowGradient(matrix(e, [1, 2]), 2, 3)],
    ['SHAPE', 'extents that do not divide the elements', (e) => e.reshape(vector(e, 1, 2, 3), 2, 2, 0, 0)],
    ['SHAPE', 'extents of nothing', (e) => e.reshape(empty(e, 0, 2), 2, 0, 0, 0)],
    ['RANGE', 'a shape of no axes', (e) => e.reshape(vector(e, 1), 0, 0, 0, 0)],
    ['RANGE', 'a shape of five axes', (e) => e.reshape(vector(e, 1), 5, 1, 1, 1)],
    ['RANGE', 'a negative extent', (e) => e.reshape(vector(e, 1), 2, -1, 0, 0)],
  ],
}
