import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectShape } from './arena.ts'

type Products = Pick<Operations, 'linear' | 'linearRelu' | 'linearOnto' | 'linearInputGradient' | 'linearWeightGradient' | 'inner'>

export function products(arena: Arena): Products {
  /** y[i, j] = Σ_k term(i, j, k) */
  const product = (rows: number, columns: number, terms: number, term: (i: number, j: number, k: number) => number): Id => {
    const y = new Float64Array(rows * columns)
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        for (let k = 0; k < terms; k++) y[i * columns + j] += term(i, j, k)
      }
    }
    return arena.put(y, [rows, columns])
  }

  const linear = (x: Id, w: Id, bias: Id): Id => {
    const [a, b] = [arena.matrix(x), arena.matrix(w)]
    expectShape(a.width === b.rows, `linear: [${a.rows}, ${a.width}] · [${b.rows}, ${b.width}]`)
    const y = product(a.rows, b.width, a.width, (i, j, k) => a.values[i * a.width + k] * b.values[k * b.width + j])
    if (bias === 0) return y
    const row = arena.real(bias)
    expectShape(row.shape.length === 1 && row.shape[0] === b.width, `linear: a bias of shape [${row.shape}] for ${b.width} columns`)
    return arena.put(
      arena.real(y).values.map((v, i) => v + row.values[i % b.width]),
      [a.rows, b.width],
    )
  }

  return {
    linear,
    linearRelu(x, w, bias) {
      const y = linear(x, w, bias)
      return arena.put(
        arena.real(y).values.map((v) => Math.max(v, 0)),
        arena.shape(y),
      )
    },
    linearOnto(onto, x, w, bias) {
      const [y, to] = [arena.real(linear(x, w, bias)), arena.real(onto)]
      expectShape(to.shape.join() === y.shape.join(), `linearOnto: [${y.shape}] onto [${to.shape}]`)
      return arena.put(
        y.values.map((v, i) => to.values[i] + v),
        y.shape,
      )
    },
    linearInputGradient(dy, w) {
      const [d, b] = [arena.matrix(dy), arena.matrix(w)]
      expectShape(d.width === b.width, `linearInputGradient: [${d.rows}, ${d.width}] · [${b.rows}, ${b.width}]ᵀ`)
      return product(d.rows, b.rows, d.width, (i, j, k) => d.values[i * d.width + k] * b.values[j * b.width + k])
    },
    linearWeightGradient(x, dy) {
      const [a, d] = [arena.matrix(x), arena.matrix(dy)]
      expectShape(a.rows === d.rows, `linearWeightGradient: [${a.rows}, ${a.width}]ᵀ · [${d.rows}, ${d.width}]`)
      return product(a.width, d.width, a.rows, (i, j, k) => a.values[k * a.width + i] * d.values[k * d.width + j])
    },
    inner(x, y) {
      const [a, b] = [arena.matrix(x), arena.matrix(y)]
      expectShape(a.width === b.width, `inner: [${a.rows}, ${a.width}] · [${b.rows}, ${b.width}]ᵀ`)
      return product(a.rows, b.rows, a.width, (i, j, k) => a.values[i * a.width + k] * b.values[j * b.width + k])
    },
  }
}
