import { describe, expect, it } from 'vitest'
import { normal } from '../../src/data/random.ts'
import { logSigmoid, softplus } from '../../src/ops/activation.ts'
import { multiply, subtract } from '../../src/ops/elementwise.ts'
import { mean, multiplyRow, sum } from '../../src/ops/reduce.ts'
import { concat, narrow, reshape, rowDot, scaleRows } from '../../src/ops/rows.ts'
import { segmentMean, segmentMix, segmentSoftmax, segmentSum } from '../../src/ops/segments.ts'
import { pairBest } from '../../src/ops/selection.ts'
import { gatherOrNone } from '../../src/ops/table.ts'
import { backward } from '../../src/tensor/backward.ts'
import { type Gradient, scope, Tensor, Variable } from '../../src/tensor/tensor.ts'
import { loadReference, type Reference } from '../engine/reference.ts'

const STEP = 1e-5

interface Case {
  readonly shapes: readonly (readonly number[])[]
  readonly indices?: readonly (readonly number[])[]
  readonly run: (inputs: readonly Tensor[], indices: readonly Tensor[]) => Tensor
}

/** Three users: of two rows, of none, of three. */
const OFFSETS = [0, 2, 2, 5]

const cases: Record<string, Case> = {
  subtract: {
    shapes: [
      [2, 3],
      [2, 3],
    ],
    run: ([a, b]) => subtract(a, b),
  },
  softplus: { shapes: [[7]], run: ([x]) => softplus(x) },
  logSigmoid: { shapes: [[7]], run: ([x]) => logSigmoid(x) },
  multiplyRow: { shapes: [[4, 3], [3]], run: ([x, row]) => multiplyRow(x, row) },
  mean: { shapes: [[4, 3]], run: ([x]) => mean(x) },
  rowDot: {
    shapes: [
      [4, 3],
      [4, 3],
    ],
    run: ([a, b]) => rowDot(a, b),
  },
  'rowDot with itself': { shapes: [[4, 3]], run: ([a]) => rowDot(a, a) },
  scaleRows: { shapes: [[4, 3], [4]], run: ([x, s]) => scaleRows(x, s) },
  concat: {
    shapes: [
      [4, 3],
      [4, 2],
    ],
    run: ([a, b]) => concat(a, b),
  },
  narrow: { shapes: [[4, 5]], run: ([x]) => narrow(x, 1, 3) },
  reshape: { shapes: [[2, 3, 4]], run: ([x]) => reshape(x, [4]) },
  'reshape to more axes': { shapes: [[6, 2]], run: ([x]) => reshape(x, [3, 2]) },
  segmentSoftmax: { shapes: [[5, 2]], indices: [OFFSETS], run: ([x], [offsets]) => segmentSoftmax(x, offsets) },
  segmentSum: { shapes: [[5, 2]], indices: [OFFSETS], run: ([x], [offsets]) => segmentSum(x, offsets) },
  segmentMean: { shapes: [[5, 2]], indices: [OFFSETS], run: ([x], [offsets]) => segmentMean(x, offsets) },
  segmentMix: {
    shapes: [
      [5, 2],
      [5, 3],
    ],
    indices: [OFFSETS],
    run: ([w, v], [offsets]) => segmentMix(w, v, offsets),
  },
  'one interest a head': {
    shapes: [
      [5, 3],
      [5, 2],
    ],
    indices: [OFFSETS],
    run: ([x, h], [offsets]) => reshape(segmentMix(segmentSoftmax(h, offsets), x, offsets), [3]),
  },
  gatherOrNone: { shapes: [[4, 3]], indices: [[2, -1, 0, 2, -1]], run: ([table], [ids]) => gatherOrNone(table, ids) },
  pairBest: {
    shapes: [
      [5, 3],
      [6, 3],
    ],
    indices: [OFFSETS, [0, 3, 4, 6]],
    run: ([vectors, rows], [offsets, candidateOffsets]) => pairBest(vectors, offsets, rows, candidateOffsets).scores,
  },
}

const valuesOf = (shape: readonly number[], seed: number): Float64Array =>
  Float64Array.from({ length: shape.reduce((product, n) => product * n, 1) }, (_, i) => normal(seed, 0, i))

/** Σ of the op's result, each element times a number of its own. */
function lossOf(e: Reference, { run, indices = [] }: Case, inputs: readonly Tensor[]): Tensor {
  const y = run(
    inputs,
    indices.map((list) => Tensor.int32(e, Int32Array.from(list))),
  )
  return sum(multiply(y, new Tensor(e, e.fromFloat64(valuesOf(y.shape, 99), y.shape))))
}

function dense(e: Reference, gradient: Gradient, shape: readonly number[]): Float64Array {
  return e.values('dense' in gradient ? gradient.dense : e.scatter(gradient.rows, gradient.ids, shape[0]))
}

describe('the gradient of', () => {
  it.each(Object.entries(cases))('%s is that of its central differences', (_, one) => {
    const e = loadReference()
    const values = one.shapes.map((shape, i) => valuesOf(shape, i))
    const variables = (at: readonly Float64Array[]) =>
      at.map((data, i) => new Variable(e, e.fromFloat64(data, one.shapes[i]), `input ${i}`, true))
    const slopes = scope(
      e,
      () => {
        const inputs = variables(values)
        const gradients = backward(lossOf(e, one, inputs))
        return inputs.map((input, i) => dense(e, gradients.get(input)!, one.shapes[i]))
      },
      { record: true },
    )
    const value = (at: readonly Float64Array[]) => scope(e, () => e.values(lossOf(e, one, variables(at)).id)[0])
    for (const [i, slope] of slopes.entries()) {
      for (const [element, got] of slope.entries()) {
        const moved = (step: number) => values.map((data, j) => data.map((x, k) => (j === i && k === element ? x + step : x)))
        const wanted = (value(moved(STEP)) - value(moved(-STEP))) / (2 * STEP)
        expect(got, `input ${i}, element ${element}`).toBeCloseTo(wanted, 7)
      }
    }
  })

  it('gatherOrNone holds the touched rows alone', () => {
    const e = loadReference()
    scope(
      e,
      () => {
        const table = new Variable(e, e.fromFloat64(valuesOf([9, 2], 1), [9, 2]), 'table', true)
        const gradient = backward(sum(gatherOrNone(table, Tensor.int32(e, Int32Array.of(7, -1, 3, 7))))).get(table)!
        expect('ids' in gradient && [...e.readInt32(gradient.ids)]).toEqual([3, 7])
        expect('rows' in gradient && [...e.readFloat32(gradient.rows)]).toEqual([1, 1, 2, 2])
      },
      { record: true },
    )
  })
})
