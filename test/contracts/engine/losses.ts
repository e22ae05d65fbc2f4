import type { Id } from '../../../src/engine/engine.ts'
import { EXPONENTIALS, type Input, ids, quarters, real, type Sample, samples } from './samples.ts'

/** [T, V, D], around the blocks of rows and of the catalogue */
// biome-ignore format: a table
const full = [
  [0, 5, 7], [0, 0, 3], [1, 1, 1], [1, 2, 7], [1, 100, 64], [2, 1, 16], [3, 17, 17], [5, 64, 7], [7, 65, 64], [16, 16, 1], [17, 300, 5],
  [33, 100, 31], [64, 64, 16], [65, 7, 65], [100, 33, 7], [1, 1000, 33], [4, 513, 100], [130, 129, 8], [300, 20, 3], [257, 258, 4],
] as const

/** [T, N, V, D]: where V is small, drawn ids meet the targets */
// biome-ignore format: a table
const sampled = [
  [0, 3, 5, 7], [0, 0, 1, 3], [3, 0, 9, 4], [1, 1, 1, 1], [1, 1, 100, 16], [2, 5, 2, 7], [5, 1, 3, 64], [7, 16, 4, 17], [16, 17, 100, 5], [17, 64, 10, 31],
  [33, 7, 50, 16], [64, 64, 7, 65], [65, 65, 1000, 7], [100, 33, 20, 8], [1, 300, 5, 33], [4, 256, 300, 100], [130, 9, 3, 15], [300, 20, 300, 3], [257, 40, 60, 4], [8, 513, 64, 64],
] as const

/** [T, N a row, V, D] */
// biome-ignore format: a table
const own = [
  [0, 3, 5, 7], [0, 0, 1, 3], [3, 0, 9, 4], [1, 1, 1, 1], [1, 1, 100, 16], [2, 5, 2, 7], [5, 1, 3, 64], [7, 16, 4, 17], [16, 17, 100, 5], [17, 6, 10, 31],
  [33, 7, 50, 16], [64, 4, 7, 65], [65, 3, 1000, 7], [100, 5, 20, 8], [1, 300, 5, 33], [4, 56, 300, 100], [130, 9, 3, 15], [300, 2, 300, 3], [50, 40, 60, 4], [8, 13, 64, 64],
] as const

/** Weights from 0 to 2, the first above 0. */
export const weightsOf = (count: number): Input => ({
  shape: [count],
  draw: (seed) => (quarters([count]).draw(seed) as Float32Array).map((x, i) => (i === 0 ? 1 : x + 1)),
})

/** logQ of the drawn, of the targets, and weights. */
export const termsOf = (rows: number, drawn: number): Input[] => [real([drawn], 2), real([rows], 2), weightsOf(rows)]

/** Some of the terms, each as often left out. */
export const someOf = (rows: number, [logQ, targetLogQ, weights]: readonly Id[]): [Id, Id, Id] => [
  rows % 3 === 0 ? 0 : logQ,
  rows % 4 < 2 ? 0 : targetLogQ,
  rows % 2 === 0 ? weights : 0,
]

export const losses: Sample[] = [
  ...samples('crossEntropy', EXPONENTIALS, full, ([rows, catalogue, width]) => ({
    inputs: [real([rows, width]), real([catalogue, width], 0.5), ids(rows, catalogue), weightsOf(rows)],
    run: (e, [h, items, targets, weights]) => e.crossEntropy(h, items, targets, rows % 2 === 0 ? weights : 0),
    gradient: (e, _, [, dh, ditems], dy) => [e.scaleBy(dh, dy), e.scaleBy(ditems, dy), 0, 0],
  })),
  ...samples('sampledSoftmax', EXPONENTIALS, sampled, ([rows, negatives, catalogue, width]) => ({
    inputs: [
      real([rows, width]),
      real([rows, width], 0.5),
      real([negatives, width], 0.5),
      ids(rows, catalogue),
      ids(negatives, catalogue),
      ...termsOf(rows, negatives),
    ],
    run: (e, [h, positive, negative, targets, drawn, ...terms]) =>
      e.sampledSoftmax(h, positive, negative, targets, drawn, ...someOf(rows, terms)),
    gradient: (e, _, [, ...gradients], dy) => [...gradients.map((gradient) => e.scaleBy(gradient, dy)), 0, 0, 0, 0, 0],
  })),
  ...samples('rowSampledSoftmax', EXPONENTIALS, own, ([rows, negatives, catalogue, width]) => ({
    inputs: [
      real([rows, width]),
      real([rows, width], 0.5),
      real([rows * negatives, width], 0.5),
      ids(rows, catalogue),
      ids(rows * negatives, catalogue),
      ...termsOf(rows, rows * negatives),
    ],
    run: (e, [h, positive, negative, targets, drawn, ...terms]) =>
      e.rowSampledSoftmax(h, positive, negative, targets, drawn, ...someOf(rows, terms)),
    gradient: (e, _, [, ...gradients], dy) => [...gradients.map((gradient) => e.scaleBy(gradient, dy)), 0, 0, 0, 0, 0],
  })),
]
