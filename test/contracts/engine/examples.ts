import { expect, it } from 'vitest'
import type { Engine, Id, Ids, Operations } from '../../../src/engine/engine.ts'
import { holdsIntegers } from './samples.ts'

/** A call small enough to be worked out by hand, and what it gives. */
export interface Example {
  readonly op: keyof Operations
  readonly title: string
  readonly run: (e: Engine) => Ids
  readonly gives: readonly (readonly number[])[]
}

const real = (e: Engine, ...values: number[]): Id => e.fromFloat32(Float32Array.from(values), Uint32Array.of(values.length))
const ints = (e: Engine, ...values: number[]): Id => e.fromInt32(Int32Array.from(values), Uint32Array.of(values.length))
const scalar = (e: Engine, value: number): Id => e.fromFloat32(Float32Array.of(value), new Uint32Array())
const matrix = (e: Engine, ...rows: number[][]): Id =>
  e.fromFloat32(Float32Array.from(rows.flat()), Uint32Array.of(rows.length, rows[0].length))
const variable = (e: Engine, ...values: number[]): Id => {
  const id = e.variable(Uint32Array.of(values.length / 2, 2))
  e.write(id, Float32Array.from(values))
  return id
}

const { LN2 } = Math
const [LN3, LN5] = [Math.log(3), Math.log(5)]
const INFINITE = Number.NEGATIVE_INFINITY

const one = (op: Example['op'], title: string, run: (e: Engine) => Id, gives: readonly number[]): Example => ({
  op,
  title,
  run: (e) => [run(e)],
  gives: [gives],
})

export const examples: Example[] = [
  one('add', 'adds', (e) => e.add(real(e, 1, 2), real(e, 10, -5)), [11, -3]),
  one('multiply', 'multiplies', (e) => e.multiply(real(e, 1, 2), real(e, 10, -5)), [10, -10]),
  one('scale', 'scales by a number', (e) => e.scale(real(e, 1, -2), 3), [3, -6]),
  one('scaleBy', 'scales by a tensor', (e) => e.scaleBy(real(e, 1, -2), scalar(e, 3)), [3, -6]),
  one('relu', 'cuts below zero', (e) => e.relu(real(e, -1, 0, 2)), [0, 0, 2]),
  one('gelu', 'is x · Φ(x), Φ(1) = 0.8413447', (e) => e.gelu(real(e, -1, 0, 1)), [0.8413447 - 1, 0, 0.8413447]),
  one('silu', 'is x · σ(x), σ(ln 3) = 3/4', (e) => e.silu(real(e, -LN3, 0, LN3)), [-LN3 / 4, 0, (3 * LN3) / 4]),
  one('sigmoid', 'of ±ln 3 is 3/4 and 1/4', (e) => e.sigmoid(real(e, -LN3, 0, LN3)), [0.25, 0.5, 0.75]),
  one('tanh', 'of ln 2 is (2 − 1/2) / (2 + 1/2)', (e) => e.tanh(real(e, -LN2, 0, LN2)), [-0.6, 0, 0.6]),
  // The bits of (1, 2, 0..5), worked out with unbounded integers, begin with ec, 3b, da, 67, 4d, da: those below 80 go
  one('dropout', 'drops by the counter-based bits', (e) => e.dropout(real(e, 1, 2, 3, 4, 5, 6), 0.5, 1, 2), [2, 0, 6, 0, 0, 12]),

  one('addRow', 'adds one row to each', (e) => e.addRow(matrix(e, [1, 2], [3, 4]), real(e, 10, 20)), [11, 22, 13, 24]),
  one('sumRows', 'sums columns', (e) => e.sumRows(matrix(e, [1, 2], [3, 4], [5, 6])), [9, 12]),
  one('sum', 'sums all', (e) => e.sum(matrix(e, [1, 2], [3, 4])), [10]),
  one('sum', 'holds small terms beside large ones', (e) => e.sum(real(e, 1e8, 1, -1e8)), [1]),
  one(
    'softmax',
    'of [.22, .28] and [.49, .64]',
    (e) => e.softmax(matrix(e, [0.22, 0.28], [0.49, 0.64])),
    [0.485004, 0.514996, 0.46257, 0.53743],
  ),
  one('softmax', 'of one logit is 1', (e) => e.softmax(matrix(e, [32], [-7])), [1, 1]),
  one('softmax', 'of −∞ alone is zero', (e) => e.softmax(matrix(e, [INFINITE, INFINITE], [INFINITE, 3])), [0, 0, 0, 1]),
  // One-hot rows of five as queries and keys: logits 1 and 0, so e / (e + 4) and 1 / (e + 4)
  one(
    'softmax',
    'of the first one-hot of five',
    (e) => e.softmax(matrix(e, [1, 0, 0, 0, 0])),
    [0.40461, 0.148848, 0.148848, 0.148848, 0.148848],
  ),
  one(
    'layerNorm',
    'of [1, 3] is [−1, 1] before gain and bias',
    (e) => e.layerNorm(matrix(e, [1, 3]), real(e, 2, 3), real(e, 1, 1), 0),
    [-1, 4],
  ),
  one('layerNorm', 'adds epsilon to the variance', (e) => e.layerNorm(matrix(e, [1, 3]), real(e, 1, 1), real(e, 0, 0), 3), [-0.5, 0.5]),
  one('normalize', 'makes unit rows, and leaves zeros', (e) => e.normalize(matrix(e, [3, 4], [0, 0])), [0.6, 0.8, 0, 0]),

  one(
    'linear',
    'of [[.1, .2, .3], [.4, .5, .6]] and [[.1, .2], [.3, .4], [.5, .6]]',
    (e) => e.linear(matrix(e, [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]), matrix(e, [0.1, 0.2], [0.3, 0.4], [0.5, 0.6]), 0),
    [0.22, 0.28, 0.49, 0.64],
  ),
  one('linear', 'adds its bias to each row', (e) => e.linear(matrix(e, [1], [2]), matrix(e, [10, 100]), real(e, 1, 2)), [11, 102, 21, 202]),
  one('linear', 'of no inner extent is the bias', (e) => e.linear(empty(e, 2, 0), empty(e, 0, 2), real(e, 1, 2)), [1, 2, 1, 2]),
  one(
    'inner',
    'takes products of rows',
    (e) => e.inner(matrix(e, [1, 2], [3, 4]), matrix(e, [5, 6], [7, 8], [1, 0])),
    [17, 23, 1, 39, 53, 3],
  ),

  one('gather', 'takes rows by id', (e) => e.gather(matrix(e, [1, 2], [3, 4], [5, 6]), ints(e, 2, 0, 2)), [5, 6, 1, 2, 5, 6]),
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
    // Bits of (1, mix(3 + head), 65536 · query + key) begin with f5 | 37 30 f5 4c in head 0 and 6b | 4c 88 85 48 in head 1: those
    // below 80 go, and the rest of each query's equal weights, 1 and 1/4, count double
    op: 'attention',
    title: 'drops weights by head, query and key within the segment',
    run: (e) => {
      const [zeros, values] = [Array.from({ length: 5 }, () => [0, 0]), [1, 1, 2, 4, 8].map((v) => [v, v])]
      const at = [ints(e, 0, 1, 2), ints(e, 0, 1, 5)] as const
      return e.attention(matrix(e, [0, 0], [0, 0]), matrix(e, ...zeros), matrix(e, ...values), ...at, 2, 0.5, 1, 2)
    },
    gives: [
      [2, 0, 4 / 2, (2 + 4) / 2],
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

  {
    // Logits 0, ln 2, ln 5: p = [1, 2, 5] / 8, and the loss of the second is ln 4
    op: 'crossEntropy',
    title: 'of three items',
    run: (e) => e.crossEntropy(matrix(e, [1]), matrix(e, [0], [LN2], [LN5]), ints(e, 1)),
    gives: [[2 * LN2], [(2 * LN2 + 5 * LN5) / 8 - LN2], [1 / 8, -6 / 8, 5 / 8]],
  },
  {
    // A second row at h = 0 has p = 1/3 each; both count half
    op: 'crossEntropy',
    title: 'is a mean over rows',
    run: (e) => e.crossEntropy(matrix(e, [1], [0]), matrix(e, [0], [LN2], [LN5]), ints(e, 1, 0)),
    gives: [[(2 * LN2 + LN3) / 2], [((2 * LN2 + 5 * LN5) / 8 - LN2) / 2, (LN2 + LN5) / 6], [1 / 16, -6 / 16, 5 / 16]],
  },
  {
    // The same three logits; the last negative is the target itself and is left out
    op: 'sampledSoftmax',
    title: 'leaves out a negative that is the target',
    run: (e) => e.sampledSoftmax(matrix(e, [1]), matrix(e, [LN2]), matrix(e, [0], [LN5], [9]), ints(e, 1), ints(e, 0, 2, 1)),
    gives: [[2 * LN2], [(2 * LN2 + 5 * LN5) / 8 - LN2], [-6 / 8], [1 / 8, 5 / 8, 0]],
  },

  {
    op: 'topK',
    title: 'puts the lower id first among equals',
    run: (e) => e.topK(matrix(e, [1]), ints(e, 0, 1), matrix(e, [2], [5], [5], [1], [5]), 4, ints(e), ints(e, 0, 0), 0),
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
      return e.topK(vectors, ints(e, 0, 1, 1, 3), items, 3, ints(e, 2, 0, 2), ints(e, 0, 1, 2, 3), 0)
    },
    gives: [
      [0, 1, -1, -1, -1, -1, 1, 0, -1],
      [1, 1, INFINITE, INFINITE, INFINITE, INFINITE, 3, 2, INFINITE],
      [0, 0, -1, -1, -1, -1, 1, 0, -1],
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

function empty(e: Engine, rows: number, width: number): Id {
  return e.fromFloat32(new Float32Array(), Uint32Array.of(rows, width))
}

function attend(e: Engine, q: Id, k: Id, v: Id, queries: number[], offsets: number[], heads: number): Ids {
  return e.attention(q, k, v, ints(e, ...queries), ints(e, ...offsets), heads, 0, 0, 0)
}

export function checkExamples(engine: () => Engine): void {
  for (const { op, title, run, gives } of examples) {
    it(`${op} ${title}`, () => {
      const e = engine()
      e.openScope()
      const ids = Array.from(run(e))
      const results = ids.map((id, place) => Array.from(holdsIntegers(op, place) ? e.readInt32(id) : e.readFloat32(id)))
      for (const id of ids) e.release(id)
      e.closeScope(new Uint32Array())
      expect(results.map((values) => values.length)).toEqual(gives.map((values) => values.length))
      gives.forEach((values, place) => {
        values.forEach((value, i) => {
          if (Number.isFinite(value)) expect(results[place][i], `result ${place}, element ${i}`).toBeCloseTo(value, 5)
          else expect(results[place][i], `result ${place}, element ${i}`).toBe(value)
        })
      })
    })
  }
}
