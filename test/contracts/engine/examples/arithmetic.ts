import { type Example, empty, matrix, one, real, scalar } from './example.ts'

const { LN2 } = Math
const LN3 = Math.log(3)
const INFINITE = Number.NEGATIVE_INFINITY

/** Elementwise work, rows and products. */
export const arithmetic: Example[] = [
  one('add', 'adds', (e) => e.add(real(e, 1, 2), real(e, 10, -5)), [11, -3]),
  one('multiply', 'multiplies', (e) => e.multiply(real(e, 1, 2), real(e, 10, -5)), [10, -10]),
  one('scale', 'scales by a number', (e) => e.scale(real(e, 1, -2), 3), [3, -6]),
  one('scaleBy', 'scales by a tensor', (e) => e.scaleBy(real(e, 1, -2), scalar(e, 3)), [3, -6]),
  one('relu', 'cuts below zero', (e) => e.relu(real(e, -1, 0, 2)), [0, 0, 2]),
  one('gelu', 'is x · Φ(x), Φ(1) = 0.8413447', (e) => e.gelu(real(e, -1, 0, 1)), [0.8413447 - 1, 0, 0.8413447]),
  one('silu', 'is x · σ(x), σ(ln 3) = 3/4', (e) => e.silu(real(e, -LN3, 0, LN3)), [-LN3 / 4, 0, (3 * LN3) / 4]),
  one('sigmoid', 'of ±ln 3 is 3/4 and 1/4', (e) => e.sigmoid(real(e, -LN3, 0, LN3)), [0.25, 0.5, 0.75]),
  one('tanh', 'of ln 2 is (2 − 1/2) / (2 + 1/2)', (e) => e.tanh(real(e, -LN2, 0, LN2)), [-0.6, 0, 0.6]),
  one('softplus', 'of ln 3 is ln 4', (e) => e.softplus(real(e, LN3, 0, -LN3, 200, -200)), [2 * LN2, LN2, Math.log(4 / 3), 200, 0]),
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
    'linearRelu',
    'cuts below zero after the bias',
    (e) => e.linearRelu(matrix(e, [1], [-2]), matrix(e, [1, 2]), real(e, 1, -3)),
    [2, 0, 0, 0],
  ),
  one(
    'linearOnto',
    'adds to what is there',
    (e) => e.linearOnto(matrix(e, [100, 200], [300, 400]), matrix(e, [1], [2]), matrix(e, [10, 20]), real(e, 1, 2)),
    [111, 222, 321, 442],
  ),
  one(
    'rowInner',
    'takes products with rows of its own',
    (e) => e.rowInner(matrix(e, [1, 2], [3, 4]), matrix(e, [5, 6], [7, 8], [1, 0], [0, 1])),
    [17, 23, 3, 4],
  ),
  one(
    'inner',
    'takes products of rows',
    (e) => e.inner(matrix(e, [1, 2], [3, 4]), matrix(e, [5, 6], [7, 8], [1, 0])),
    [17, 23, 1, 39, 53, 3],
  ),
]
