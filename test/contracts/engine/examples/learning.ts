import type { Id } from '../../../../src/engine/engine.ts'
import { type Example, ints, matrix, one, real, scalar, variable } from './example.ts'

const { LN2 } = Math
const LN3 = Math.log(3)
const LN5 = Math.log(5)
const INFINITE = Number.NEGATIVE_INFINITY

/** Losses, selection and optimisers. */
export const learning: Example[] = [
  {
    // Logits 0, ln 2, ln 5: p = [1, 2, 5] / 8, and the loss of the second is ln 4
    op: 'crossEntropy',
    title: 'of three items',
    run: (e) => e.crossEntropy(matrix(e, [1]), matrix(e, [0], [LN2], [LN5]), ints(e, 1), 0),
    gives: [[2 * LN2], [(2 * LN2 + 5 * LN5) / 8 - LN2], [1 / 8, -6 / 8, 5 / 8]],
  },
  {
    // A second row at h = 0 has p = 1/3 each; both count half
    op: 'crossEntropy',
    title: 'is a mean over rows',
    run: (e) => e.crossEntropy(matrix(e, [1], [0]), matrix(e, [0], [LN2], [LN5]), ints(e, 1, 0), 0),
    gives: [[(2 * LN2 + LN3) / 2], [((2 * LN2 + 5 * LN5) / 8 - LN2) / 2, (LN2 + LN5) / 6], [1 / 16, -6 / 16, 5 / 16]],
  },
  {
    // The same three logits; the last negative is the target itself and is left out
    op: 'sampledSoftmax',
    title: 'leaves out a negative that is the target',
    run: (e) => e.sampledSoftmax(matrix(e, [1]), matrix(e, [LN2]), matrix(e, [0], [LN5], [9]), ints(e, 1), ints(e, 0, 2, 1), 0, 0, 0),
    gives: [[2 * LN2], [(2 * LN2 + 5 * LN5) / 8 - LN2], [-6 / 8], [1 / 8, 5 / 8, 0]],
  },
  {
    // The first row counts three times as much
    op: 'crossEntropy',
    title: 'takes rows by their weights',
    run: (e) => e.crossEntropy(matrix(e, [1], [0]), matrix(e, [0], [LN3]), ints(e, 1, 0), real(e, 3, 1)),
    gives: [[(3 * Math.log(4 / 3) + LN2) / 4], [(-3 / 16) * LN3, LN3 / 8], [3 / 16, -3 / 16]],
  },
  {
    // Logits ln 2 and ln 10 less ln q = ln 2 each: 0 and ln 5
    op: 'sampledSoftmax',
    title: 'corrects logits of both kinds',
    run: (e) =>
      e.sampledSoftmax(matrix(e, [1]), matrix(e, [LN2]), matrix(e, [LN2 + LN5]), ints(e, 0), ints(e, 1), real(e, LN2), real(e, LN2), 0),
    gives: [[Math.log(6)], [(5 / 6) * LN5], [-5 / 6], [5 / 6]],
  },
  {
    // One negative a row: ln 3 against 0, and ln 2 against its own target, which is left out
    op: 'rowSampledSoftmax',
    title: 'keeps the negatives of rows apart',
    run: (e) =>
      e.rowSampledSoftmax(matrix(e, [1], [1]), matrix(e, [0], [5]), matrix(e, [LN3], [LN2]), ints(e, 0, 7), ints(e, 1, 7), 0, 0, 0),
    gives: [[LN2], [(3 / 8) * LN3, 0], [-3 / 8, 0], [3 / 8, 0]],
  },

  {
    op: 'topK',
    title: 'puts the lower id first among equals',
    run: (e) => e.topK(matrix(e, [1]), ints(e, 0, 1), matrix(e, [2], [5], [5], [1], [5]), 4, ints(e), ints(e, 0, 0), 0, 0),
    gives: [
      [1, 2, 4, 0],
      [5, 5, 5, 2],
      [0, 0, 0, 0],
    ],
  },
  {
    // Three users: one vector, none, and two of which each wins an item
    op: 'topK',
    title: 'takes the best interest, leaves out the seen and fills up',
    run: (e) => {
      const [vectors, items] = [matrix(e, [1, 1], [2, 0], [0, 3]), matrix(e, [1, 0], [0, 1], [4, 4])]
      return e.topK(vectors, ints(e, 0, 1, 1, 3), items, 3, ints(e, 2, 0, 2), ints(e, 0, 1, 2, 3), 0, 0)
    },
    gives: [
      [0, 1, -1, -1, -1, -1, 1, 0, -1],
      [1, 1, INFINITE, INFINITE, INFINITE, INFINITE, 3, 2, INFINITE],
      [0, 0, -1, -1, -1, -1, 1, 0, -1],
    ],
  },
  {
    // 1 is worth 1.27 codes, so the codes of the first are [1, 127]: its score is still 1 + 2 · 100
    op: 'quantize',
    title: 'rules out items and scores the others',
    run: (e) => {
      const items = matrix(e, [1, 100], [100, 1], [-100, 3], [99, 2])
      return e.topK(matrix(e, [1, 2]), ints(e, 0, 1), items, 3, ints(e), ints(e, 0, 0), 0, e.quantize(items))
    },
    gives: [
      [0, 3, 1],
      [201, 103, 102],
      [0, 0, 0],
    ],
  },
  {
    // Bits 0 and 3 of the first word, bit 1 of the second: items 0, 3 and 33
    op: 'topKScores',
    title: 'ranks allowed items alone',
    run: (e) => {
      const scores = matrix(
        e,
        Array.from({ length: 34 }, (_, i) => i),
      )
      return e.topKScores(scores, 3, ints(e, 3), ints(e, 0, 1), ints(e, 0b1001, 0b10))
    },
    gives: [
      [33, 0, -1],
      [33, 0, INFINITE],
    ],
  },
  {
    op: 'topKScores',
    title: 'never gives an item at −∞ or at no number',
    run: (e) => e.topKScores(matrix(e, [INFINITE, 1, Number.NaN, 2]), 3, ints(e), ints(e, 0, 0), 0),
    gives: [
      [3, 1, -1],
      [2, 1, INFINITE],
    ],
  },

  one('squaredNorm', 'of [3, 4] is 25', (e) => scalar(e, e.squaredNorm(real(e, 3, 4))), [25]),
  one('squaredNorm', 'is summed in f64', (e) => scalar(e, e.squaredNorm(real(e, 2 ** 14, 1, 1, 1)) - 2 ** 28), [3]),
  one(
    'finite',
    'finds a NaN and an infinity',
    (e) => real(e, e.finite(real(e, 1, 2)), e.finite(real(e, 1, Number.NaN)), e.finite(real(e, INFINITE))),
    [1, 0, 0],
  ),
  {
    // Step 1 with g = 3: m̂ = 3, √v̂ = 3, so θ moves by the rate. Step 2 with g = −1: m = .9 · .3 − .1 = .17, v = .98 · .18 + .02 = .1964,
    // m̂ = .17 / .19 = .8947368, v̂ = .1964 / .0396 = 4.9595960, and θ moves by .1 · .8947368 / 2.2270150 = .0401765
    op: 'adam',
    title: 'moves by the rate first, then by the momentum',
    run: (e) => {
      const ids: [Id, Id, Id] = [variable(e, 1, 1), variable(e, 0, 0), variable(e, 0, 0)]
      e.adam(...ids, matrix(e, [3, 0]), 0.1, 0.9, 0.98, 1e-8, 0, 1, 1)
      e.adam(...ids, matrix(e, [-1, 0]), 0.1, 0.9, 0.98, 1e-8, 0, 2, 1)
      return ids
    },
    gives: [
      [0.8598235, 1],
      [0.17, 0],
      [0.1964, 0],
    ],
  },
  {
    // Clipped to g = 1: m = .1, v = .02, and θ = 2 − .1 · .5 · 2 − .1; without a gradient the decay alone
    op: 'adam',
    title: 'clips the gradient and decays the parameter apart from it',
    run: (e) => {
      const ids: [Id, Id, Id] = [variable(e, 2, 2), variable(e, 0, 0), variable(e, 0, 0)]
      e.adam(...ids, matrix(e, [4, 0]), 0.1, 0.9, 0.98, 1e-8, 0.5, 1, 0.25)
      return ids.slice(0, 2)
    },
    gives: [
      [1.8, 1.9],
      [0.1, 0],
    ],
  },
  {
    op: 'adamRows',
    title: 'moves the touched row alone',
    run: (e) => {
      const ids: [Id, Id, Id] = [variable(e, 1, 1, 1, 1, 1, 1), variable(e, 0, 0, 1, 1, 0, 0), variable(e, 0, 0, 1, 1, 0, 0)]
      e.adamRows(...ids, matrix(e, [3, -3]), ints(e, 2), 0.1, 0.9, 0.98, 1e-8, 0, 1, 1)
      return ids
    },
    gives: [
      [1, 1, 1, 1, 0.9, 1.1],
      [0, 0, 1, 1, 0.3, -0.3],
      [0, 0, 1, 1, 0.18, 0.18],
    ],
  },
]
