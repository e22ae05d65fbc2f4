import { pairLinearGradient, pairMixGradient } from '../../../src/ops/pairs.ts'
import type { Cases } from './cases.ts'
import { empty, ints, matrix, one, real as vector } from './examples/example.ts'
import { EXPONENTIALS, fixed, type Input, indices, offsetsOf, real, SUMS, samples, sum } from './samples.ts'
import { segments as lengths } from './tables.ts'

const LN3 = Math.log(3)
const INFINITE = Number.NEGATIVE_INFINITY

/** Segments, each with widths around the lanes in turn. */
const widths = [1, 3, 64, 7, 16, 17, 4, 33, 2, 65, 0, 15]
const sizes = lengths.map((rows, i) => ({ rows, width: widths[i % widths.length], columns: [1, 4, 17, 0, 2][i % 5] }))

/** Events and candidates of users, [I, O]: each with widths around the lanes, some of them nothing. */
// biome-ignore format: a table
const layers = [[1, 1], [3, 4], [16, 16], [7, 36], [64, 1], [17, 2], [65, 3], [2, 65], [0, 3], [130, 5], [5, 17]] as const
const candidatesOf = (rows: readonly number[]): number[] => rows.map((n, b) => (n * 3 + b) % 7)
const users = lengths
  .filter((rows) => sum(rows) <= 130)
  .concat(lengths.filter((rows) => sum(rows) <= 20))
  .map((rows, i) => ({ rows, candidates: candidatesOf(rows), size: layers[i % layers.length] }))
const pairsOf = (rows: readonly number[], candidates: readonly number[]): number => sum(rows.map((n, b) => n * candidates[b]))

/** [B, k] of what was found. */
const found = [0, 1, 2, 5, 10].flatMap((k) => [0, 1, 3, 8, 40].map((rows) => [rows, k] as const))

/** Items [B, k], a part of them −1. */
const someItems = (rows: number, k: number): Input => ({
  shape: [rows, k],
  draw: (seed) => Int32Array.from(real([rows, k]).draw(seed), (x) => (x < -0.2 ? -1 : Math.floor(9 * Math.abs(x)))),
})

export const segments: Cases = {
  samples: [
    ...samples('segmentIds', 0, lengths, (rows) => ({
      inputs: [indices(offsetsOf(rows))],
      run: (e, [offsets]) => [e.segmentIds(offsets)],
    })),
    ...samples('repeatOffsets', 0, lengths, (rows) => ({
      inputs: [indices(offsetsOf(rows))],
      run: (e, [offsets]) => [e.repeatOffsets(offsets, sum(rows) % 5)],
    })),
    ...samples('segmentSoftmax', EXPONENTIALS, sizes, ({ rows, width }) => ({
      inputs: [real([sum(rows), width], 3), indices(offsetsOf(rows))],
      run: (e, [x, offsets]) => [e.segmentSoftmax(x, offsets)],
      gradient: (e, [, offsets], [y], dy) => [e.segmentSoftmaxGradient(y, dy, offsets), 0],
    })),
    ...samples('segmentSoftmax', EXPONENTIALS, ['columns of −∞, and far logits'], () => ({
      inputs: [fixed([4, 3], [INFINITE, INFINITE, 1e4, INFINITE, 2, -1e4, 3e38, INFINITE, 0, -3e38, INFINITE, 1]), indices([0, 2, 4])],
      run: (e, [x, offsets]) => [e.segmentSoftmax(x, offsets)],
    })),
    ...samples('segmentSum', SUMS, sizes, ({ rows, width }) => ({
      inputs: [real([sum(rows), width]), indices(offsetsOf(rows))],
      run: (e, [x, offsets]) => [e.segmentSum(x, offsets)],
      gradient: (e, [, offsets], _, dy) => [e.gather(dy, e.segmentIds(offsets)), 0],
    })),
    ...samples('segmentMean', SUMS, sizes, ({ rows, width }) => ({
      inputs: [real([sum(rows), width]), indices(offsetsOf(rows))],
      run: (e, [x, offsets]) => [e.segmentMean(x, offsets)],
      gradient: (e, [, offsets], _, dy) => [e.segmentMeanGradient(dy, offsets), 0],
    })),
    ...samples('segmentMix', SUMS, sizes, ({ rows, width, columns }) => ({
      inputs: [real([sum(rows), columns]), real([sum(rows), width]), indices(offsetsOf(rows))],
      run: (e, [weights, values, offsets]) => [e.segmentMix(weights, values, offsets)],
      gradient: (e, [weights, values, offsets], _, dy) => [...Array.from(e.segmentMixGradient(weights, values, dy, offsets)), 0],
    })),
    ...samples('pairs', 0, lengths, (rows) => ({
      inputs: [indices(offsetsOf(rows)), indices(offsetsOf(candidatesOf(rows)))],
      run: (e, [offsets, candidateOffsets]) => e.pairs(offsets, candidateOffsets),
    })),
    ...samples('pairLinear', SUMS, users, ({ rows, candidates, size: [inner, outer] }) => ({
      inputs: [
        ...[real([sum(rows), outer]), real([sum(candidates), outer]), real([sum(rows), inner]), real([sum(candidates), inner])],
        ...[real([inner, outer]), indices(offsetsOf(rows)), indices(offsetsOf(candidates))],
      ],
      run: (e, [a, b, x, y, w, offsets, ends]) => [e.pairLinear(a, b, x, y, w, offsets, ends)],
      gradient: (e, [, , x, y, w, offsets, ends], _, dy) => [...pairLinearGradient(e, [x, y, w], [offsets, ends], dy), 0, 0],
    })),
    ...samples('pairMix', SUMS, users, ({ rows, candidates, size: [width] }) => ({
      inputs: [
        ...[real([pairsOf(rows, candidates)]), real([sum(rows), width])],
        ...[indices(offsetsOf(rows)), indices(offsetsOf(candidates))],
      ],
      run: (e, [weights, values, offsets, ends]) => [e.pairMix(weights, values, offsets, ends)],
      gradient: (e, [weights, values, offsets, ends], _, dy) => [...pairMixGradient(e, [weights, values], [offsets, ends], dy), 0, 0],
    })),
    ...samples('present', 0, found, ([rows, k]) => ({
      inputs: [someItems(rows, k)],
      run: (e, [items]) => e.present(items),
    })),
  ],

  examples: [
    { op: 'segmentIds', title: 'skips empty segments', run: (e) => [e.segmentIds(ints(e, 0, 2, 2, 5))], gives: [[0, 0, 2, 2, 2]] },
    { op: 'repeatOffsets', title: 'has four rows for each', run: (e) => [e.repeatOffsets(ints(e, 0, 1, 1, 3), 4)], gives: [[0, 4, 4, 12]] },
    // The first segment's columns: equal, and 0 beside ln 3; the second is one row
    one(
      'segmentSoftmax',
      'runs down each column',
      (e) => e.segmentSoftmax(matrix(e, [5, 0], [5, LN3], [-9, 9]), ints(e, 0, 2, 2, 3)),
      [0.5, 0.25, 0.5, 0.75, 1, 1],
    ),
    one('segmentSum', 'sums rows', (e) => e.segmentSum(matrix(e, [1, 2], [3, 4], [10, 20]), ints(e, 0, 0, 2, 3)), [0, 0, 4, 6, 10, 20]),
    one('segmentMean', 'of no rows is 0', (e) => e.segmentMean(matrix(e, [1, 2], [3, 4], [9, 8]), ints(e, 0, 2, 2, 3)), [2, 3, 0, 0, 9, 8]),
    // Two columns of weights over rows [1, 2] and [3, 4]: 1 · [1, 2] + 10 · [3, 4], and 0.5 · [1, 2] − [3, 4]
    one(
      'segmentMix',
      'weighs rows, once a column',
      (e) => e.segmentMix(matrix(e, [1, 0.5], [10, -1]), matrix(e, [1, 2], [3, 4]), ints(e, 0, 2, 2)),
      [31, 42, -2.5, -3, 0, 0, 0, 0],
    ),
    {
      op: 'pairs',
      title: 'go candidate by candidate, and never across users',
      run: (e) => e.pairs(ints(e, 0, 2, 2, 3), ints(e, 0, 2, 3, 5)),
      gives: [
        [0, 1, 0, 1, 2, 2],
        [0, 0, 1, 1, 3, 4],
        [0, 2, 4, 4, 5, 6],
      ],
    },
    // Events [1, 2] and [3, 4] of one user with the candidate [10, 1]: 100 + 1000 + 1 · 10 · 5 + 2 · 1 · 7, 200 + 1000 + 3 · 10 · 5 + 4 · 7
    one(
      'pairLinear',
      'adds what the event, the candidate and their product give',
      (e) =>
        e.pairLinear(
          ...[matrix(e, [100], [200]), matrix(e, [1000]), matrix(e, [1, 2], [3, 4]), matrix(e, [10, 1])],
          ...[matrix(e, [5], [7]), ints(e, 0, 2, 2), ints(e, 0, 1, 1)],
        ),
      [1164, 1378],
    ),
    // Candidates 0 and 1 of the first user with two events, candidate 2 of one without any
    one(
      'pairMix',
      'sums the events of a candidate’s user',
      (e) => e.pairMix(vector(e, 1, 10, -1, 0), matrix(e, [1, 2], [3, 4]), ints(e, 0, 2, 2), ints(e, 0, 2, 3)),
      [31, 42, -1, -2, 0, 0],
    ),
    {
      op: 'present',
      title: 'leaves out what is absent',
      run: (e) => e.present(e.topKCandidates(vector(e, 1, 0.5, 3), ints(e, 7, 0, 7), ints(e, 0, 2, 2, 3), 2)[0]),
      gives: [
        [7, 0, 7],
        [0, 2, 2, 3],
      ],
    },
  ],

  faults: [
    ['RANGE', 'segments whose offsets fall', (e) => e.segmentIds(ints(e, 0, 3, 2))],
    ['RANGE', 'more repeated rows than an i32 counts', (e) => e.repeatOffsets(ints(e, 0, 65_536), 32_768)],
    ['RANGE', 'rows repeated a negative number of times', (e) => e.repeatOffsets(ints(e, 0, 1), -1)],
    ['SHAPE', 'segments without offsets', (e) => e.segmentIds(ints(e))],
    ['RANGE', 'a softmax of fewer rows than there are', (e) => e.segmentSoftmax(matrix(e, [1], [2]), ints(e, 0, 1))],
    ['SHAPE', 'a softmax gradient of other segments', (e) => e.segmentSoftmaxGradient(matrix(e, [1]), matrix(e, [1, 2]), ints(e, 0, 1))],
    ['RANGE', 'sums of more rows than there are', (e) => e.segmentSum(matrix(e, [1], [2]), ints(e, 0, 3))],
    ['SHAPE', 'means of what is no matrix', (e) => e.segmentMean(ints(e, 1), ints(e, 0, 1))],
    ['SHAPE', 'a gradient of fewer means than segments', (e) => e.segmentMeanGradient(matrix(e, [1]), ints(e, 0, 1, 2))],
    ['SHAPE', 'fewer weights than values', (e) => e.segmentMix(matrix(e, [1]), matrix(e, [1], [2]), ints(e, 0, 2))],
    ['RANGE', 'values beyond the offsets', (e) => e.segmentMix(matrix(e, [1], [2]), matrix(e, [1], [2]), ints(e, 0, 1))],
    ['SHAPE', 'a mix gradient of two axes', (e) => e.segmentMixGradient(matrix(e, [1]), matrix(e, [1]), matrix(e, [1]), ints(e, 0, 1))],
    ['SHAPE', 'candidates of other users', (e) => e.pairs(ints(e, 0, 1, 2), ints(e, 0, 1))],
    ['RANGE', 'more pairs than an i32 counts', (e) => e.pairs(ints(e, 0, 65_536), ints(e, 0, 32_768))],
    [
      'SHAPE',
      'a layer over pairs whose candidates are narrower than its events',
      (e) =>
        e.pairLinear(
          ...[matrix(e, [1]), matrix(e, [1]), matrix(e, [1, 2]), matrix(e, [1])],
          ...[matrix(e, [1], [2]), ints(e, 0, 1), ints(e, 0, 1)],
        ),
    ],
    ['RANGE', 'a mix of more events than there are', (e) => e.pairMix(vector(e, 1), matrix(e, [1]), ints(e, 0, 2), ints(e, 0, 1))],
    ['SHAPE', 'a mix by fewer weights than pairs', (e) => e.pairMix(vector(e, 1), matrix(e, [1]), ints(e, 0, 1), ints(e, 0, 2))],
    ['SHAPE', 'a mix for other users', (e) => e.pairMix(vector(e, 1), matrix(e, [1]), ints(e, 0, 1), ints(e, 0, 1, 1))],
    ['RANGE', 'present items below −1', (e) => e.present(e.fromInt32(Int32Array.of(-2), Uint32Array.of(1, 1)))],
    ['SHAPE', 'present items that are no lists', (e) => e.present(ints(e, 1))],
    ['SHAPE', 'a softmax over rows that are numbers', (e) => e.segmentSoftmax(empty(e, 0, 2), empty(e, 0, 2))],
  ],
}
