import { expect, it } from 'vitest'
import { seedOf } from '../../../src/data/random.ts'
import type { Id } from '../../../src/engine/engine.ts'
import { loadReference, type Reference } from '../../engine/reference.ts'
import { allSamples, byOp } from './agreement.ts'
import { real, type Sample, upload, upstream, type Values, valuesOf } from './samples.ts'

const STEP = 1e-5
/** The truncation error of central differences is of order h² = 1e-10, their rounding error 1e-16 / h = 1e-11. */
const RELATIVE = 1e-6
const ABSOLUTE = 1e-9
/** Larger samples add time and no shape. */
const MOST = 30_000

type Point = readonly (Float64Array | Values)[]

/** The gradients of the reference against central differences in f64, along a random direction of each input. */
export function checkGradients(): void {
  for (const [op, list] of byOp(allSamples.filter((sample) => sample.gradient && small(sample)))) {
    it(`${op} has the gradient of its central differences, on ${list.length} samples`, () => {
      const e = loadReference()
      expect(list.flatMap((sample) => mistakes(e, sample))).toEqual([])
    })
  }
}

const small = ({ inputs }: Sample): boolean => inputs.every(({ shape }) => shape.reduce((product, n) => product * n, 1) < MOST)

function mistakes(e: Reference, sample: Sample): string[] {
  const values = valuesOf(sample)
  const gradients = analytic(e, sample, values)
  return gradients.flatMap((gradient, i) => {
    if (!gradient) return []
    const direction = real(sample.inputs[i].shape).draw(seedOf(i, `direction of ${sample.label}`))
    const moved = (step: number): Point => values.map((v, j) => (j === i ? Float64Array.from(v, (x, k) => x + step * direction[k]) : v))
    const slope = (loss(e, sample, moved(STEP)) - loss(e, sample, moved(-STEP))) / (2 * STEP)
    const terms = gradient.map((g, k) => g * direction[k])
    const [sum, size] = [terms.reduce((a, b) => a + b, 0), terms.reduce((a, b) => a + Math.abs(b), 0)]
    const close = Math.abs(slope - sum) <= RELATIVE * size + ABSOLUTE
    return close ? [] : [`${sample.label}, input ${i}: the slope is ${slope}, the gradient gives ${sum}`]
  })
}

const place = (e: Reference, sample: Sample, point: Point): Id[] =>
  point.map((v, i) => (v instanceof Float64Array ? e.fromFloat64(v, sample.inputs[i].shape) : upload(e, v, sample.inputs[i].shape)))

/** Σ dy ⊙ y, whose gradients are the ones at upstream gradient dy. */
function loss(e: Reference, sample: Sample, point: Point): number {
  e.openScope()
  const [y] = Array.from(sample.run(e, place(e, sample, point)))
  const dy = e.values(upstream(e, sample, y))
  const total = e.values(y).reduce((sum, value, i) => sum + value * dy[i], 0)
  e.closeScope(new Uint32Array())
  return total
}

function analytic(e: Reference, sample: Sample, point: Point): (Float64Array | undefined)[] {
  e.openScope()
  const inputs = place(e, sample, point)
  const outputs = Array.from(sample.run(e, inputs))
  const gradients = sample.gradient?.(e, inputs, outputs, upstream(e, sample, outputs[0])) ?? []
  const values = gradients.map((id) => (id === 0 ? undefined : e.values(id)))
  e.closeScope(new Uint32Array())
  return values
}
