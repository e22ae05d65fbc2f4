import { someOf, termsOf, weightsOf } from './losses.ts'
import { EXPONENTIALS, ids, quarters, real, type Sample, samples } from './samples.ts'

/** [T, K, V, D], around the groups of events and the chunks of the catalogue; in none do two vectors read an item so alike that a small step changes the best */
// biome-ignore format: a table
const full = [
  [0, 2, 5, 7], [0, 1, 0, 3], [1, 1, 1, 1], [1, 4, 2, 7], [1, 3, 100, 64], [2, 2, 1, 16], [3, 5, 17, 17], [5, 2, 64, 7], [7, 4, 65, 64], [16, 4, 16, 1],
  [17, 4, 290, 5], [33, 2, 100, 31], [64, 1, 64, 16], [65, 1, 7, 65], [66, 2, 33, 7], [1, 17, 200, 33], [4, 8, 513, 20], [30, 4, 129, 8], [70, 3, 20, 3], [40, 6, 58, 4],
] as const

/** [T, K, N, V, D]: where V is small, drawn ids meet the targets */
// biome-ignore format: a table
const sampled = [
  [0, 2, 3, 5, 7], [0, 1, 0, 1, 3], [3, 2, 0, 9, 4], [1, 1, 1, 1, 1], [1, 4, 1, 100, 16], [2, 3, 5, 2, 7], [5, 2, 1, 3, 64], [7, 4, 16, 4, 17], [16, 4, 17, 100, 5], [17, 4, 64, 10, 31],
  [33, 2, 7, 50, 16], [64, 1, 64, 7, 65], [65, 1, 65, 1000, 7], [66, 2, 33, 20, 8], [1, 17, 300, 5, 33], [4, 8, 256, 300, 20], [30, 4, 9, 3, 15], [70, 3, 20, 300, 3], [40, 6, 40, 60, 4], [8, 4, 113, 64, 64],
] as const

export const maxLosses: Sample[] = [
  ...samples('maxCrossEntropy', EXPONENTIALS, full, ([events, interests, catalogue, width]) => ({
    inputs: [real([events * interests, width]), real([catalogue, width], 0.5), ids(events, catalogue), weightsOf(events)],
    run: (e, [h, items, targets, weights]) => e.maxCrossEntropy(h, items, targets, events % 2 === 0 ? weights : 0, interests),
    gradient: (e, _, [, dh, ditems], dy) => [e.scaleBy(dh, dy), e.scaleBy(ditems, dy), 0, 0],
  })),
  ...samples('maxSampledSoftmax', EXPONENTIALS, sampled, ([events, interests, negatives, catalogue, width]) => ({
    inputs: [
      real([events * interests, width]),
      real([events, width], 0.5),
      real([negatives, width], 0.5),
      ids(events, catalogue),
      ids(negatives, catalogue),
      ...termsOf(events, negatives),
    ],
    run: (e, [h, positive, negative, targets, drawn, ...terms]) =>
      e.maxSampledSoftmax(h, positive, negative, targets, drawn, ...someOf(events, terms), interests),
    gradient: (e, _, [, ...gradients], dy) => [...gradients.map((gradient) => e.scaleBy(gradient, dy)), 0, 0, 0, 0, 0],
  })),
  ...samples('bestInterests', 0, full, ([events, interests, , width]) => ({
    inputs: [quarters([events * interests, width]), quarters([events, width])],
    run: (e, [h, items]) => [e.bestInterests(h, items)],
  })),
]
