import { ids, indices, offsetsOf, ROUNDINGS, real, type Sample, SUMS, samples, someIds } from './samples.ts'

/** [T, V, D] */
// biome-ignore format: a table
const gathers = [
  [0, 5, 7], [0, 0, 3], [3, 5, 0], [1, 1, 1], [1, 100, 64], [2, 1, 7], [5, 3, 16], [7, 7, 17], [16, 4, 1], [17, 300, 5], [33, 2, 64],
  [64, 64, 3], [65, 10, 65], [100, 7, 100], [100, 1000, 7], [300, 5, 8], [300, 300, 31], [517, 20, 15], [1000, 3, 2], [64, 1000, 33],
] as const

/** Lengths of segments: none, empty ones at each end and in a row, single events, long ones. */
// biome-ignore format: a table
export const segments: readonly (readonly number[])[] = [
  [], [0], [0, 0, 0], [1], [1, 1, 1], [0, 1], [1, 0], [0, 0, 2, 0], [2], [7], [3, 0, 5, 1], [16], [17, 1, 0, 64], [65], [64, 65], [100],
  [1, 2, 3, 4, 5, 6, 7], [33, 0, 31], [300], [5, 300, 0, 1], [128, 129],
]

/** [ids of both, seeds of the two choices, D] */
// biome-ignore format: a table
const merges = [
  [0, 1, 2, 5], [1, 1, 2, 1], [1, 3, 3, 4], [2, 1, 2, 7], [3, 5, 9, 0], [5, 1, 2, 16], [7, 3, 4, 17], [8, 5, 5, 64], [16, 1, 2, 3], [17, 3, 4, 65],
  [31, 6, 7, 8], [33, 1, 2, 100], [64, 3, 4, 1], [65, 5, 6, 33], [100, 1, 2, 15], [100, 7, 7, 31], [200, 3, 4, 7], [300, 1, 2, 5], [517, 3, 4, 2], [1000, 5, 6, 3],
] as const

export const tables: Sample[] = [
  ...samples('gather', ROUNDINGS, gathers, ([count, rows, width]) => ({
    inputs: [real([rows, width]), ids(count, rows)],
    run: (e, [table, at]) => [e.gather(table, at)],
    gradient: (e, [, at], _, dy) => {
      const [sums, unique] = e.gatherGradient(dy, at) as number[]
      return [e.scatter(sums, unique, rows), 0]
    },
  })),
  ...samples('embed', ROUNDINGS, gathers, ([count, rows, width]) => ({
    inputs: [real([rows, width]), ids(count, rows), real([rows + 3, width]), ids(count, rows + 3)],
    run: (e, [table, at, places, positions]) => [e.embed(table, at, 1.7, places, positions)],
    gradient: (e, [, at, , positions], _, dy) => {
      const [sums, unique] = e.gatherGradient(e.scale(dy, 1.7), at) as number[]
      const [placeSums, touched] = e.gatherGradient(dy, positions) as number[]
      return [e.scatter(sums, unique, rows), 0, e.scatter(placeSums, touched, rows + 3), 0]
    },
  })),
  ...samples('gatherGradient', SUMS, gathers, ([count, rows, width]) => ({
    inputs: [real([count, width]), ids(count, rows)],
    run: (e, [dy, at]) => e.gatherGradient(dy, at),
  })),
  ...samples('mergeRows', ROUNDINGS, merges, ([bound, a, b, width]) => {
    const [left, right] = [someIds(bound, a), someIds(bound, b)]
    return {
      inputs: [real([left.length, width]), indices(left), real([right.length, width]), indices(right)],
      run: (e, [aRows, aIds, bRows, bIds]) => e.mergeRows(aRows, aIds, bRows, bIds),
    }
  }),
  ...samples('scatter', ROUNDINGS, merges, ([bound, a, , width]) => ({
    inputs: [real([someIds(bound, a).length, width]), indices(someIds(bound, a))],
    run: (e, [rows, at]) => [e.scatter(rows, at, bound)],
  })),
  ...samples('positions', 0, segments, (lengths) => ({
    inputs: [indices(offsetsOf(lengths))],
    run: (e, [offsets]) => [e.positions(offsets)],
  })),
  ...samples('lastRows', 0, segments, (lengths) => ({
    inputs: [indices(offsetsOf(lengths))],
    run: (e, [offsets]) => e.lastRows(offsets),
  })),
]
