import type { Cases } from './cases.ts'
import { ints, one } from './examples/example.ts'
import { ids, indices, offsetsOf, samples, sum } from './samples.ts'
import { segments } from './tables.ts'

/** Lengths of segments, and how many rows of each. */
const sizes = segments.flatMap((lengths, i) => [[lengths, [0, 1, 2, 5, 64, 2 ** 31 - 1][i % 6]] as const])

/** [length of the column, rows] */
// biome-ignore format: a table
const columns = [
  [1, 0], [1, 1], [1, 5], [2, 2], [3, 7], [5, 16], [7, 17], [16, 1], [17, 64], [33, 65],
  [64, 3], [65, 100], [100, 100], [100, 7], [300, 31], [300, 517], [517, 2], [1000, 64], [1000, 1000], [4097, 5],
] as const

export const recent: Cases = {
  samples: [
    ...samples('recentRows', 0, sizes, ([lengths, most]) => ({
      inputs: [indices(offsetsOf(lengths))],
      run: (e, [offsets]) => e.recentRows(offsets, most),
    })),
    ...samples('take', 0, columns, ([length, rows]) => ({
      inputs: [ids(length, 1000), ids(rows, length)],
      run: (e, [column, at]) => [e.take(column, at)],
    })),
    ...samples('sinceFirst', 0, segments, (lengths) => ({
      inputs: [ids(sum(lengths), 1000), indices(offsetsOf(lengths)), ids(sum(lengths), 1000), indices(offsetsOf(lengths))],
      run: (e, [times, places, from, offsets]) => [e.sinceFirst(times, places, from, offsets)],
    })),
    ...samples('sinceFirst', 0, segments, (lengths) => ({
      inputs: [ids(lengths.length, 1000), ids(sum(lengths), 1000), indices(offsetsOf(lengths))],
      run: (e, [times, from, offsets]) => [e.sinceFirst(times, 0, from, offsets)],
    })),
    ...samples('take', 0, [sum([0])], () => ({ inputs: [indices([]), indices([])], run: (e, [column, at]) => [e.take(column, at)] })),
  ],
  examples: [
    {
      op: 'recentRows',
      title: 'are the last of each segment',
      run: (e) => e.recentRows(ints(e, 0, 3, 3, 4, 8), 2),
      gives: [
        [1, 2, 3, 6, 7],
        [0, 2, 2, 3, 5],
      ],
    },
    one(
      'sinceFirst',
      'counts from the first of each segment',
      (e) => e.sinceFirst(ints(e, 6, 7, 8), 0, ints(e, 5, 9, 70), ints(e, 0, 2, 2, 3)),
      [1, 7, -62],
    ),
    one('take', 'reads by row', (e) => e.take(ints(e, 7, -1, 5), ints(e, 2, 0, 2)), [5, 7, 5]),
  ],
  faults: [
    ['RANGE', 'take beyond the column', (e) => e.take(ints(e, 1), ints(e, 1))],
    ['SHAPE', 'fewer times than segments', (e) => e.sinceFirst(ints(e, 1), 0, ints(e, 1, 2), ints(e, 0, 1, 2))],
    ['RANGE', 'times beyond their offsets', (e) => e.sinceFirst(ints(e, 1, 2), ints(e, 0, 1), ints(e, 1), ints(e, 0, 1))],
    ['RANGE', 'recentRows of offsets that fall', (e) => e.recentRows(ints(e, 0, 2, 1), 1)],
  ],
}
