import { bits } from '../../../src/data/random.ts'
import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape } from './arena.ts'

/** erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1 · 3 ⋯ (2n + 1)): no term cancels another. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x) // 1 − erf 6 = 2e-17
  let term = x
  let sum = 0
  for (let n = 0; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    sum += term
    term *= (2 * x * x) / (2 * n + 3)
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

/** Φ and its derivative φ: the standard normal distribution and its density. */
const Phi = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2
const phi = (x: number): number => Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI)
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** A random mask: whether the element is dropped. The engines take the rate as f32. */
export const dropped = (rate: number, seed: number, draw: number, index: number): boolean =>
  bits(seed, draw, index) < Math.floor(Math.fround(rate) * 2 ** 32)

export function expectRate(rate: number): void {
  expectRange(rate >= 0 && rate < 1, `a rate of ${rate} is not in [0, 1)`)
}

// biome-ignore format: a list of names
type Elementwise = Pick<
  Operations,
  | 'add' | 'subtract' | 'multiply' | 'scale' | 'scaleBy' | 'dropout'
  | 'relu' | 'reluGradient' | 'gelu' | 'geluGradient' | 'silu' | 'siluGradient'
  | 'sigmoid' | 'sigmoidGradient' | 'tanh' | 'tanhGradient' | 'softplus'
>

export function elementwise(arena: Arena): Elementwise {
  const map = (x: Id, f: (x: number, i: number) => number): Id => arena.put(arena.real(x).values.map(f), arena.real(x).shape)
  const zip = (a: Id, b: Id, f: (a: number, b: number) => number): Id => {
    const { values, shape } = arena.real(b)
    expectShape(arena.real(a).shape.join() === shape.join(), `[${arena.real(a).shape}] against [${shape}]`)
    return map(a, (x, i) => f(x, values[i]))
  }

  return {
    add: (a, b) => zip(a, b, (x, y) => x + y),
    subtract: (a, b) => zip(a, b, (x, y) => x - y),
    multiply: (a, b) => zip(a, b, (x, y) => x * y),
    scale: (x, factor) => map(x, (v) => v * factor),
    scaleBy(x, s) {
      const { values, shape } = arena.real(s)
      expectShape(shape.length === 0, `a factor of shape [${shape}]`)
      return map(x, (v) => v * values[0])
    },

    relu: (x) => map(x, (v) => Math.max(v, 0)),
    reluGradient: (x, dy) => zip(x, dy, (v, d) => (v > 0 ? d : 0)),
    gelu: (x) => map(x, (v) => v * Phi(v)),
    geluGradient: (x, dy) => zip(x, dy, (v, d) => d * (Phi(v) + v * phi(v))),
    silu: (x) => map(x, (v) => v * sigmoid(v)),
    siluGradient: (x, dy) => zip(x, dy, (v, d) => d * sigmoid(v) * (1 + v * (1 - sigmoid(v)))),
    sigmoid: (x) => map(x, sigmoid),
    sigmoidGradient: (y, dy) => zip(y, dy, (v, d) => d * v * (1 - v)),
    tanh: (x) => map(x, Math.tanh),
    tanhGradient: (y, dy) => zip(y, dy, (v, d) => d * (1 - v * v)),

    softplus: (x) => map(x, (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)))),

    dropout(x, rate, seed, draw) {
      expectRate(rate)
      return map(x, (v, i) => (dropped(rate, seed, draw, i) ? 0 : v / (1 - rate)))
    },
  }
}
