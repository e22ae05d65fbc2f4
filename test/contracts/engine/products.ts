import { real, type Sample, SUMS, samples } from './samples.ts'

/** [rows, inner, outer]: around lanes and tiles, inner beyond a block of 256, and empty extents. */
// biome-ignore format: a table
const sizes = [
  [0, 7, 5], [3, 0, 4], [3, 4, 0], [1, 1, 1], [1, 64, 1], [1, 7, 100], [2, 16, 16], [3, 17, 15], [4, 64, 64],
  [5, 65, 33], [7, 100, 7], [8, 8, 8], [16, 1, 17], [17, 31, 64], [64, 16, 65], [65, 64, 7], [100, 7, 1], [6, 257, 16],
  [3, 300, 100], [1, 517, 64], [33, 256, 48], [70, 512, 3], [300, 5, 20],
] as const

/** [rows, rows of each one's own, width] */
// biome-ignore format: a table
const owned = [
  [0, 7, 5], [3, 0, 4], [0, 0, 1], [1, 1, 1], [1, 64, 1], [1, 7, 100], [2, 16, 16], [3, 17, 15], [4, 64, 64], [5, 65, 33],
  [7, 1, 7], [8, 8, 8], [16, 1, 17], [17, 31, 64], [64, 6, 65], [65, 4, 7], [100, 7, 1], [6, 257, 16], [3, 3, 300], [300, 5, 20],
] as const

export const products: Sample[] = [
  ...samples('linear', SUMS, sizes, ([rows, inner, outer]) => ({
    inputs: [real([rows, inner]), real([inner, outer]), real([outer])],
    run: (e, [x, w, bias]) => [e.linear(x, w, bias)],
    gradient: (e, [x, w], _, dy) => [e.linearInputGradient(dy, w), e.linearWeightGradient(x, dy), e.sumRows(dy)],
  })),
  ...samples(
    'linear',
    SUMS,
    [
      [3, 17, 15, 'no bias'],
      [0, 7, 5, 'no bias'],
      [65, 300, 7, 'no bias'],
    ] as const,
    ([rows, inner, outer]) => ({
      inputs: [real([rows, inner]), real([inner, outer])],
      run: (e, [x, w]) => [e.linear(x, w, 0)],
      gradient: (e, [x, w], _, dy) => [e.linearInputGradient(dy, w), e.linearWeightGradient(x, dy)],
    }),
  ),
  ...samples('linearRelu', SUMS, sizes, ([rows, inner, outer]) => ({
    inputs: [real([rows, inner]), real([inner, outer]), real([outer])],
    run: (e, [x, w, bias]) => [e.linearRelu(x, w, bias)],
    gradient: (e, [x, w], [y], dy) => {
      const dz = e.reluGradient(y, dy)
      return [e.linearInputGradient(dz, w), e.linearWeightGradient(x, dz), e.sumRows(dz)]
    },
  })),
  ...samples('linearOnto', SUMS, sizes, ([rows, inner, outer]) => ({
    inputs: [real([rows, outer]), real([rows, inner]), real([inner, outer]), real([outer])],
    run: (e, [onto, x, w, bias]) => [e.linearOnto(onto, x, w, bias)],
    gradient: (e, [, x, w], _, dy) => [dy, e.linearInputGradient(dy, w), e.linearWeightGradient(x, dy), e.sumRows(dy)],
  })),
  ...samples('rowInner', SUMS, owned, ([rows, each, width]) => ({
    inputs: [real([rows, width]), real([rows * each, width])],
    run: (e, [h, own]) => [e.rowInner(h, own)],
    gradient: (e, [h, own], _, dy) => Array.from(e.rowInnerGradient(h, own, dy)),
  })),
  ...samples('inner', SUMS, sizes, ([n, width, m]) => ({
    inputs: [real([n, width]), real([m, width])],
    run: (e, [a, b]) => [e.inner(a, b)],
    // y = a · bᵀ:  da = dy · b and db = dyᵀ · a
    gradient: (e, [a, b], _, dy) => [e.linear(dy, b, 0), e.linearWeightGradient(dy, a)],
  })),
]
