import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectShape } from './arena.ts'

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i], 0)
const mean = (a: Float64Array): number => a.reduce((sum, value) => sum + value, 0) / a.length

/** exp(x_i − max) / Σ_j exp(x_j − max); zeros for a row of −∞ alone. */
export function softmax(x: Float64Array): Float64Array {
  const max = x.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  if (max === Number.NEGATIVE_INFINITY) return x.map(() => 0)
  const weights = x.map((v) => Math.exp(v - max))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

const FLOOR = 1e-6
const norm = (x: Float64Array): number => Math.max(Math.sqrt(dot(x, x)), FLOOR)

/** x̂ = (x − mean) / √(variance + ε), and what it was divided by. */
function standardise(x: Float64Array, epsilon: number): { standard: Float64Array; deviation: number } {
  const centre = mean(x)
  const deviation = Math.sqrt(mean(x.map((v) => (v - centre) ** 2)) + epsilon)
  return { standard: x.map((v) => (v - centre) / deviation), deviation }
}

/** p = σ((x − mean) / √(variance + ε)) of a number in column i. */
const switched =
  (mean: Float64Array, variance: Float64Array, epsilon: number) =>
  (x: number, i: number): number =>
    1 / (1 + Math.exp(-(x - mean[i]) / Math.sqrt(Math.max(variance[i], 0) + epsilon)))

type Rows = Pick<
  Operations,
  | 'addRow'
  | 'multiplyRow'
  | 'mean'
  | 'sumRows'
  | 'sum'
  | 'softmax'
  | 'softmaxGradient'
  | 'layerNorm'
  | 'layerNormGradient'
  | 'dice'
  | 'diceGradient'
  | 'normalize'
  | 'normalizeGradient'
>

export function rows(arena: Arena): Rows {
  /** A row function over [..., D]; with `b`, over the rows of two tensors of one shape. */
  const mapRows = (a: Id, f: (row: Float64Array, at: (b: Float64Array) => Float64Array) => Float64Array): Id => {
    const { values, shape, rows, width } = arena.rows(a)
    const y = new Float64Array(values.length)
    for (let r = 0; r < rows; r++) {
      const row = (x: Float64Array) => x.subarray(r * width, (r + 1) * width)
      y.set(f(row(values), row), r * width)
    }
    return arena.put(y, shape)
  }
  const alike = (a: Id, b: Id): Float64Array => {
    expectShape(arena.real(a).shape.join() === arena.real(b).shape.join(), `[${arena.real(a).shape}] against [${arena.real(b).shape}]`)
    return arena.real(b).values
  }
  const row = (id: Id, width: number): Float64Array => {
    const { values, shape } = arena.real(id)
    expectShape(shape.length === 1 && shape[0] === width, `a row of shape [${shape}] for a width of ${width}`)
    return values
  }
  const sumRows = (x: Id): Id => {
    const { values, width } = arena.rows(x)
    const y = new Float64Array(width)
    values.forEach((v, i) => {
      y[i % width] += v
    })
    return arena.put(y, [width])
  }

  return {
    addRow(x, r) {
      const shift = row(r, arena.rows(x).width)
      return mapRows(x, (v) => v.map((value, i) => value + shift[i]))
    },
    multiplyRow(x, r) {
      const factor = row(r, arena.rows(x).width)
      return mapRows(x, (v) => v.map((value, i) => value * factor[i]))
    },
    sumRows,
    sum: (x) => arena.put(Float64Array.of(arena.real(x).values.reduce((sum, v) => sum + v, 0)), []),
    mean: (x) => arena.put(Float64Array.of(arena.real(x).values.reduce((sum, v, _, all) => sum + v / all.length, 0)), []),

    softmax: (x) => mapRows(x, softmax),
    softmaxGradient(y, dy) {
      const upstream = alike(y, dy)
      return mapRows(y, (p, at) => {
        const total = dot(p, at(upstream))
        return p.map((weight, i) => weight * (at(upstream)[i] - total)) // dx = y ⊙ (dy − Σ y dy)
      })
    },

    layerNorm(x, gain, bias, epsilon) {
      const { width } = arena.rows(x)
      const [g, b] = [row(gain, width), row(bias, width)]
      return mapRows(x, (v) => standardise(v, epsilon).standard.map((value, i) => g[i] * value + b[i]))
    },
    layerNormGradient(x, gain, dy, epsilon) {
      const g = row(gain, arena.rows(x).width)
      const upstream = alike(x, dy)
      const dx = mapRows(x, (v, at) => {
        const { standard, deviation } = standardise(v, epsilon)
        const d = at(upstream).map((value, i) => value * g[i])
        const along = mean(d.map((value, i) => value * standard[i]))
        return d.map((value, i) => (value - mean(d) - standard[i] * along) / deviation) // (d − mean d − x̂ · mean(d ⊙ x̂)) / σ
      })
      const dgain = sumRows(mapRows(x, (v, at) => standardise(v, epsilon).standard.map((value, i) => value * at(upstream)[i])))
      return [dx, dgain, sumRows(dy)]
    },

    dice(x, alpha, mean, variance, epsilon) {
      const { width } = arena.rows(x)
      const [a, m, v] = [alpha, mean, variance].map((id) => row(id, width))
      const p = switched(m, v, epsilon)
      return mapRows(x, (values) => values.map((value, i) => value * (p(value, i) + (1 - p(value, i)) * a[i])))
    },
    diceGradient(x, alpha, mean, variance, dy, epsilon) {
      const { width } = arena.rows(x)
      const [a, m, v] = [alpha, mean, variance].map((id) => row(id, width))
      const upstream = alike(x, dy)
      const p = switched(m, v, epsilon)
      const deviation = (i: number): number => Math.sqrt(Math.max(v[i], 0) + epsilon)
      /** Of the loss by z = (x − mean) / deviation. */
      const byZ = (value: number, i: number, d: number): number => d * value * (1 - a[i]) * p(value, i) * (1 - p(value, i))
      const each = (f: (value: number, i: number, d: number) => number): Id =>
        mapRows(x, (values, at) => values.map((value, i) => f(value, i, at(upstream)[i])))
      return [
        each((value, i, d) => d * (p(value, i) + (1 - p(value, i)) * a[i]) + byZ(value, i, d) / deviation(i)),
        sumRows(each((value, i, d) => d * value * (1 - p(value, i)))),
        sumRows(each((value, i, d) => -byZ(value, i, d) / deviation(i))),
        sumRows(each((value, i, d) => (-byZ(value, i, d) * (value - m[i])) / (2 * deviation(i) ** 3))),
      ]
    },

    normalize: (x) => mapRows(x, (v) => v.map((value) => value / norm(v))),
    normalizeGradient(x, dy) {
      const upstream = alike(x, dy)
      return mapRows(x, (v, at) => {
        const length = norm(v)
        const along = length > FLOOR ? dot(v, at(upstream)) / length ** 2 : 0 // below the floor the divisor is constant
        return v.map((value, i) => (at(upstream)[i] - value * along) / length)
      })
    },
  }
}
