import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectShape } from './arena.ts'

type Products = Pick<
  Operations,
  'linear' | 'linearRelu' | 'linearOnto' | 'linearInputGradient' | 'linearWeightGradient' | 'inner' | 'rowInner' | 'rowInnerGradient'
>

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

  /** Rows [T, D] and rows of each one's own [T · N, D] → N. */
  const each = (h: Id, own: Id): number => {
    const [rows, all] = [arena.matrix(h), arena.matrix(own)]
    const count = rows.rows === 0 ? 0 : all.rows / rows.rows
    expectShape(rows.width > 0 && rows.width === all.width, `rowInner: widths ${rows.width} and ${all.width}`)
    expectShape(Number.isInteger(count) && count * rows.rows === all.rows, `rowInner: ${all.rows} rows for ${rows.rows}`)
    return count
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
    rowInner(hId, ownId) {
      const [h, own, count] = [arena.matrix(hId), arena.matrix(ownId), each(hId, ownId)]
      return product(h.rows, count, h.width, (t, n, c) => h.values[t * h.width + c] * own.values[(t * count + n) * h.width + c])
    },
    rowInnerGradient(hId, ownId, dyId) {
      const [h, own, count] = [arena.matrix(hId), arena.matrix(ownId), each(hId, ownId)]
      const dy = arena.real(dyId)
      expectShape(dy.shape.join() === [h.rows, count].join(), `rowInnerGradient: a gradient of shape [${dy.shape}]`)
      return [
        product(h.rows, h.width, count, (t, c, n) => dy.values[t * count + n] * own.values[(t * count + n) * h.width + c]),
        product(own.rows, h.width, 1, (n, c) => dy.values[n] * h.values[Math.floor(n / count) * h.width + c]),
      ]
    },
    inner(x, y) {
      const [a, b] = [arena.matrix(x), arena.matrix(y)]
      expectShape(a.width === b.width, `inner: [${a.rows}, ${a.width}] · [${b.rows}, ${b.width}]ᵀ`)
      return product(a.rows, b.rows, a.width, (i, j, k) => a.values[i * a.width + k] * b.values[j * b.width + k])
    },
  }
}
