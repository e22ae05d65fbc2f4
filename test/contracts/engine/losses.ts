import { EXPONENTIALS, ids, real, type Sample, samples } from './samples.ts'

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

export const losses: Sample[] = [
  ...samples('crossEntropy', EXPONENTIALS, full, ([rows, catalogue, width]) => ({
    inputs: [real([rows, width]), real([catalogue, width], 0.5), ids(rows, catalogue)],
    run: (e, [h, items, targets]) => e.crossEntropy(h, items, targets),
    gradient: (e, _, [, dh, ditems], dy) => [e.scaleBy(dh, dy), e.scaleBy(ditems, dy), 0],
  })),
  ...samples('sampledSoftmax', EXPONENTIALS, sampled, ([rows, negatives, catalogue, width]) => ({
    inputs: [real([rows, width]), real([rows, width], 0.5), real([negatives, width], 0.5), ids(rows, catalogue), ids(negatives, catalogue)],
    run: (e, [h, positive, negative, targets, drawn]) => e.sampledSoftmax(h, positive, negative, targets, drawn),
    gradient: (e, _, [, dh, dpositives, dnegatives], dy) => [e.scaleBy(dh, dy), e.scaleBy(dpositives, dy), e.scaleBy(dnegatives, dy), 0, 0],
  })),
]
