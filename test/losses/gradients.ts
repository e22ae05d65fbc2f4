import { expect } from 'vitest'
import { normal } from '../../src/data/random.ts'
import { backward } from '../../src/tensor/backward.ts'
import { zeros } from '../../src/tensor/init.ts'
import { scope, Tensor } from '../../src/tensor/tensor.ts'
import { Variables } from '../../src/tensor/variables.ts'
import { loadReference, type Reference } from '../engine/reference.ts'

const STEP = 1e-5

type Loss = (...x: Tensor[]) => Tensor

const drawn = (shape: readonly number[], seed: number): Float32Array =>
  Float32Array.from({ length: shape.reduce((product, extent) => product * extent, 1) }, (_, i) => normal(seed, 0, i))

/** A loss of tensors of these shapes, in f64. */
function lossAt(e: Reference, points: readonly Float64Array[], shapes: readonly (readonly number[])[], loss: Loss): number {
  return scope(e, () => e.values(loss(...points.map((x, i) => new Tensor(e, e.fromFloat64(x, shapes[i])))).id)[0])
}

/** That the gradients of a loss of random tensors are its central differences, with an upstream gradient other than 1. */
export function expectGradients(shapes: readonly (readonly number[])[], loss: Loss, factor: (x: Tensor) => Tensor = (x) => x): void {
  const e = loadReference()
  const values = shapes.map((shape, i) => drawn(shape, i + 1))
  const variables = new Variables(e, { seed: 1 })
  const x = shapes.map((shape, i) => variables.variable(`x${i}`, shape, zeros))
  x.forEach((variable, i) => {
    e.write(variable.id, values[i])
  })
  const scaled: Loss = (...tensors) => factor(loss(...tensors))
  scope(
    e,
    () => {
      const gradients = backward(scaled(...x))
      x.forEach((variable, i) => {
        const gradient = gradients.get(variable)
        if (!gradient) throw new Error(`input ${i} has no gradient`)
        const found = e.values('dense' in gradient ? gradient.dense : e.scatter(gradient.rows, gradient.ids, shapes[i][0]))
        found.forEach((slope, at) => {
          const moved = (step: number) => values.map((v, j) => Float64Array.from(v, (y, k) => (i === j && k === at ? y + step : y)))
          const expected = (lossAt(e, moved(STEP), shapes, scaled) - lossAt(e, moved(-STEP), shapes, scaled)) / (2 * STEP)
          expect(slope, `input ${i}, element ${at}`).toBeCloseTo(expected, 7)
        })
      })
    },
    { record: true },
  )
}

/** Runs a body with a reference engine, and tensors of rows of numbers on it. */
export function onReference<R>(body: (matrix: (...rows: number[][]) => Tensor, ints: (...values: number[]) => Tensor) => R): R {
  const e = loadReference()
  e.openScope()
  try {
    return body(
      (...rows) => new Tensor(e, e.fromFloat64(Float64Array.from(rows.flat()), [rows.length, rows[0].length])),
      (...values) => Tensor.int32(e, Int32Array.from(values)),
    )
  } finally {
    e.closeScope(new Uint32Array())
  }
}

/** A list of numbers on a tensor's engine. */
export const listOn = (x: Tensor, ...values: number[]): Tensor => Tensor.float32(x.engine, Float32Array.from(values))
