import type { Cases } from './cases.ts'
import { ints, matrix, one, real as vector } from './examples/example.ts'
import { type Input, ids, indices, offsetsOf, quarters, real, SUMS, samples, sum } from './samples.ts'

const INFINITE = Number.NEGATIVE_INFINITY

/** Vectors and candidates by user, and their width. */
// biome-ignore format: a table
const users = [
  [[], [], 4], [[0], [0], 4], [[0], [3], 4], [[1], [0], 4], [[1], [1], 1], [[1], [1], 16], [[2], [3], 7], [[1, 0, 2], [4, 2, 5], 3], [[4], [64], 65],
  [[1], [65], 16], [[5], [130], 5], [[3, 1], [0, 200], 64], [[1, 1, 1], [1, 30, 64], 17], [[0, 0, 9], [2, 0, 63], 33], [[8, 4], [65, 1], 32],
  [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1], 100], [[2], [40], 257], [[6, 1], [3, 3], 300], [Array(40).fill(2), Array(40).fill(3), 15], [[1], [300], 48],
] as const satisfies readonly (readonly [readonly number[], readonly number[], number])[]

/** Candidates by user, results, and how many items there are: few make ties. */
// biome-ignore format: a table
const lists = [
  [[], 3, 5], [[0], 3, 5], [[1], 0, 5], [[1], 1, 1], [[1], 3, 9], [[3], 1, 9], [[3], 2, 2], [[0, 4, 0], 2, 5], [[5, 1], 5, 3], [[17], 16, 100], [[64], 10, 20],
  [[65], 65, 70], [[100, 3, 0, 7], 10, 50], [[300], 1, 9], [[300], 100, 400], [[2, 2, 2, 2], 4, 3], [[33, 31], 8, 2], [[1000], 20, 30],
  [Array(50).fill(6), 4, 8], [[0, 0, 513], 50, 1000],
] as const satisfies readonly (readonly [readonly number[], number, number])[]

/** [T, V, D], some of the ids none. */
// biome-ignore format: a table
const gathers = [
  [0, 5, 7], [0, 0, 3], [3, 5, 0], [1, 1, 1], [1, 100, 64], [2, 1, 7], [5, 3, 16], [7, 7, 17], [16, 4, 1], [17, 300, 5], [33, 2, 64],
  [64, 64, 3], [65, 10, 65], [100, 7, 100], [100, 1000, 7], [300, 5, 8], [300, 300, 31], [517, 20, 15], [1000, 3, 2], [64, 1000, 33], [9, 0, 4],
] as const

/** Ids below a bound, some of them −1. */
const idsOrNone = (length: number, bound: number): Input => ({
  shape: [length],
  draw: (seed) => (ids(length, bound + 2).draw(seed) as Int32Array).map((id) => (id < bound ? id : -1)),
})

/** Lists of scores, real ones and quarters, many of which are equal. */
const kinds = [real, quarters].flatMap((kind) => lists.map((list) => ({ kind: kind.name, draw: kind, list })))

export const candidates: Cases = {
  samples: [
    ...samples('pairBest', SUMS, users, ([vectors, rows, width]) => ({
      inputs: [real([sum(vectors), width]), indices(offsetsOf(vectors)), real([sum(rows), width]), indices(offsetsOf(rows))],
      run: (e, [x, offsets, items, candidateOffsets]) => e.pairBest(x, offsets, items, candidateOffsets),
      gradient: (e, [x, , items], [, , winners], dy) => {
        const [touched, at] = Array.from(e.gatherOrNoneGradient(e.scaleRows(items, dy), winners))
        return [e.scatter(touched, at, sum(vectors)), 0, e.scaleRows(e.gatherOrNone(x, winners), dy), 0]
      },
    })),
    // Products that are exact in f32, many of them equal
    ...samples(
      'pairBest',
      0,
      users.filter(([, , width]) => width < 20),
      ([vectors, rows, width]) => ({
        inputs: [quarters([sum(vectors), width]), indices(offsetsOf(vectors)), quarters([sum(rows), width]), indices(offsetsOf(rows))],
        run: (e, [x, offsets, items, candidateOffsets]) => e.pairBest(x, offsets, items, candidateOffsets),
      }),
    ),
    ...samples('topKCandidates', 0, kinds, ({ draw, list: [rows, k, catalogue] }) => ({
      inputs: [draw([sum(rows)]), ids(sum(rows), catalogue), indices(offsetsOf(rows))],
      run: (e, [scores, items, offsets]) => e.topKCandidates(scores, items, offsets, k),
    })),
    ...samples('gatherOrNone', SUMS, gathers, ([count, rows, width]) => ({
      inputs: [real([rows, width]), idsOrNone(count, rows)],
      run: (e, [table, at]) => [e.gatherOrNone(table, at)],
      gradient: (e, [, at], _, dy) => {
        const [sums, unique] = Array.from(e.gatherOrNoneGradient(dy, at))
        return [e.scatter(sums, unique, rows), 0]
      },
    })),
  ],

  examples: [
    one('gatherOrNone', 'has zeros for none', (e) => e.gatherOrNone(matrix(e, [1, 2], [3, 4]), ints(e, 1, -1, 0)), [3, 4, 0, 0, 1, 2]),
    {
      // Three users: two vectors, none, one; −1 · −2 is above 1 · −2, and both vectors give 0 for [0, 0]
      op: 'pairBest',
      title: 'takes the best of a user’s vectors, the first of equals',
      run: (e) => {
        const rows = matrix(e, [3, 0], [-2, 1], [0, 0], [7, 7], [5, 6])
        return e.pairBest(matrix(e, [1, 0], [-1, 0], [0, 2]), ints(e, 0, 2, 2, 3), rows, ints(e, 0, 3, 4, 5))
      },
      gives: [
        [3, 2, 0, 0, 12],
        [0, 1, 0, -1, 0],
        [0, 1, 0, -1, 2],
      ],
    },
    {
      op: 'topKCandidates',
      title: 'puts the lower item first among equals, and fills up',
      run: (e) => e.topKCandidates(vector(e, 2, 5, 5, 1, 5), ints(e, 9, 8, 3, 1, 0), ints(e, 0, 4, 4, 5), 3),
      gives: [
        [3, 8, 9, -1, -1, -1, 0, -1, -1],
        [5, 5, 2, INFINITE, INFINITE, INFINITE, 5, INFINITE, INFINITE],
        [2, 1, 0, -1, -1, -1, 4, -1, -1],
      ],
    },
  ],

  faults: [
    ['RANGE', 'an id below none', (e) => e.gatherOrNone(matrix(e, [1]), ints(e, -2))],
    ['RANGE', 'an id beyond a table with none', (e) => e.gatherOrNone(matrix(e, [1]), ints(e, -1, 1))],
    ['RANGE', 'the gradient of an id below none', (e) => e.gatherOrNoneGradient(matrix(e, [1]), ints(e, -2))],
    ['SHAPE', 'candidates wider than vectors', (e) => e.pairBest(matrix(e, [1]), ints(e, 0, 1), matrix(e, [1, 2]), ints(e, 0, 1))],
    ['RANGE', 'candidates beyond their offsets', (e) => e.pairBest(matrix(e, [1]), ints(e, 0, 1), matrix(e, [1], [2]), ints(e, 0, 1))],
    ['SHAPE', 'candidates of fewer users', (e) => e.pairBest(matrix(e, [1]), ints(e, 0, 0, 1), matrix(e, [1]), ints(e, 0, 1))],
    ['RANGE', 'vectors beyond their offsets', (e) => e.pairBest(matrix(e, [1], [2]), ints(e, 0, 1), matrix(e, [1]), ints(e, 0, 1))],
    ['NON_FINITE', 'a candidate’s score that is no number', (e) => e.topKCandidates(vector(e, Number.NaN), ints(e, 0), ints(e, 0, 1), 1)],
    ['NON_FINITE', 'an infinite score of a candidate', (e) => e.topKCandidates(vector(e, INFINITE), ints(e, 0), ints(e, 0, 1), 1)],
    ['SHAPE', 'fewer items than scores', (e) => e.topKCandidates(vector(e, 1, 2), ints(e, 0), ints(e, 0, 2), 1)],
    ['RANGE', 'a negative candidate', (e) => e.topKCandidates(vector(e, 1), ints(e, -1), ints(e, 0, 1), 1)],
    ['RANGE', 'scores beyond the offsets', (e) => e.topKCandidates(vector(e, 1, 2), ints(e, 0, 1), ints(e, 0, 1), 1)],
    ['RANGE', 'a negative number of best candidates', (e) => e.topKCandidates(vector(e, 1), ints(e, 0), ints(e, 0, 1), -1)],
  ],
}
