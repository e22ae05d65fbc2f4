import { attend, type Example, ints, matrix, one } from './example.ts'

const { LN2 } = Math
const LN3 = Math.log(3)

/** Tables, segments and attention. */
export const structure: Example[] = [
  one('gather', 'takes rows by id', (e) => e.gather(matrix(e, [1, 2], [3, 4], [5, 6]), ints(e, 2, 0, 2)), [5, 6, 1, 2, 5, 6]),
  one(
    'embed',
    'adds rows by position to scaled rows by id',
    (e) => e.embed(matrix(e, [1, 2], [3, 4]), ints(e, 1, 0, 1), 10, matrix(e, [0.5, 0.25], [0, 0], [7, 8]), ints(e, 0, 1, 2)),
    [30.5, 40.25, 10, 20, 37, 48],
  ),
  {
    op: 'gatherGradient',
    title: 'sums rows by ascending id',
    run: (e) => e.gatherGradient(matrix(e, [1, 2], [10, 20], [100, 200]), ints(e, 7, 3, 7)),
    gives: [
      [10, 20, 101, 202],
      [3, 7],
    ],
  },
  {
    op: 'mergeRows',
    title: 'adds rows of an id in both',
    run: (e) => e.mergeRows(matrix(e, [1], [2]), ints(e, 1, 4), matrix(e, [10], [20], [30]), ints(e, 0, 4, 9)),
    gives: [
      [10, 1, 22, 30],
      [0, 1, 4, 9],
    ],
  },
  one('scatter', 'puts rows at ids', (e) => e.scatter(matrix(e, [1, 2], [3, 4]), ints(e, 1, 3), 4), [0, 0, 1, 2, 0, 0, 3, 4]),
  { op: 'positions', title: 'counts within segments', run: (e) => [e.positions(ints(e, 0, 2, 2, 5))], gives: [[0, 1, 0, 1, 2]] },
  {
    op: 'lastRows',
    title: 'skips empty segments',
    run: (e) => e.lastRows(ints(e, 0, 2, 2, 5)),
    gives: [
      [1, 4],
      [0, 1, 1, 2],
    ],
  },

  {
    // Sums of exponentials 1, 1 + 3, 1 + 3 + 4: each prefix is a mean by them; the next segment begins anew
    op: 'prefixMix',
    title: 'pools every prefix of a segment',
    run: (e) => e.prefixMix(matrix(e, [0], [LN3], [2 * LN2], [9]), matrix(e, [4, 8], [8, 0], [0, 8], [7, 7]), ints(e, 0, 3, 4)),
    gives: [
      [4, 8, 7, 2, 3.5, 5, 7, 7],
      [0, 2 * LN2, 3 * LN2, 9],
    ],
  },
  {
    // Q = [1, 2, 3], K = [4, 5, 6], V = [7, 8, 9]: one key has all the weight, and the logit is 32 / √3
    op: 'attention',
    title: 'of one query and one key is the value',
    run: (e) => attend(e, matrix(e, [1, 2, 3]), matrix(e, [4, 5, 6]), matrix(e, [7, 8, 9]), [0, 1], [0, 1], 1),
    gives: [[7, 8, 9], [32 / Math.sqrt(3)]],
  },
  {
    // The second event's logits are 0 and ln 3: weights 1/4 and 3/4, and the log of their sum ln 4
    op: 'attention',
    title: 'of two events, the first of which sees itself alone',
    run: (e) => attend(e, matrix(e, [5], [1]), matrix(e, [0], [LN3]), matrix(e, [4], [8]), [0, 2], [0, 2], 1),
    gives: [
      [4, 7],
      [0, 2 * LN2],
    ],
  },
  {
    // Heads of width 4 divide by 2: logits ±(2 ln 3) · 1 / 2 = ±ln 3 over a first key at 0
    op: 'attention',
    title: 'scales by the width of a head, and keeps heads apart',
    run: (e) => {
      const [zeros, values] = [Array<number>(8).fill(0), Array.from({ length: 8 }, (_, i) => 4 * i)]
      const q = matrix(e, [2 * LN3, 0, 0, 0, -2 * LN3, 0, 0, 0])
      return attend(e, q, matrix(e, zeros, [1, 9, 9, 9, 1, 9, 9, 9]), matrix(e, zeros, values), [0, 1], [0, 2], 2)
    },
    gives: [
      [0, 3, 6, 9, 4, 5, 6, 7],
      [2 * LN2, Math.log(4 / 3)],
    ],
  },
  {
    // Bits of (1 ^ mix(head), mix(3), 65536 · query + key) begin with f5 | 37 30 f5 4c in head 0 and 14 | 67 08 67 c6 in head 1: those
    // below 80 go, and the rest of each query's equal weights, 1 and 1/4, count double
    op: 'attention',
    title: 'drops weights by head, query and key within the segment',
    run: (e) => {
      const [zeros, values] = [Array.from({ length: 5 }, () => [0, 0]), [1, 1, 2, 4, 8].map((v) => [v, v])]
      const at = [ints(e, 0, 1, 2), ints(e, 0, 1, 5)] as const
      return e.attention(matrix(e, [0, 0], [0, 0]), matrix(e, ...zeros), matrix(e, ...values), ...at, 2, 0.5, 1, 2)
    },
    gives: [
      [2, 0, 4 / 2, 8 / 2],
      [0, 0, 2 * LN2, 2 * LN2],
    ],
  },
  {
    op: 'attention',
    title: 'never looks across segments',
    run: (e) =>
      attend(e, matrix(e, [9], [9], [9]), matrix(e, [9], [9], [9]), matrix(e, [1], [2], [3]), [0, 1, 1, 2, 3], [0, 1, 1, 2, 3], 1),
    gives: [
      [1, 2, 3],
      [81, 81, 81],
    ],
  },
]
