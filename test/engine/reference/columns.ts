import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape, extent } from './arena.ts'

/** A matrix by its rows. */
type Rows = readonly (readonly number[])[]

type Columns = Pick<Operations, 'rowDot' | 'scaleRows' | 'concat' | 'narrow' | 'narrowGradient' | 'reshape'>

export function columns(arena: Arena): Columns {
  const rowsOf = (id: Id): Rows => {
    const { values, rows, width } = arena.matrix(id)
    return Array.from({ length: rows }, (_, t) => [...values.subarray(t * width, (t + 1) * width)])
  }
  const matrix = (rows: Rows, width: number): Id => arena.put(Float64Array.from(rows.flat()), [rows.length, width])
  const expectWithin = (start: number, length: number, width: number) =>
    expectRange(start >= 0 && length >= 0 && start + length <= width, `columns ${start} + ${length} of ${width}`)

  return {
    rowDot(a, b) {
      expectShape(arena.matrix(a).width === arena.matrix(b).width, 'rowDot: widths')
      expectShape(arena.matrix(a).rows === arena.matrix(b).rows, 'rowDot: rows')
      const [left, right] = [rowsOf(a), rowsOf(b)]
      return arena.put(
        Float64Array.from(left, (row, t) => row.reduce((sum, x, i) => sum + x * right[t][i], 0)),
        [left.length],
      )
    },
    scaleRows(x, s) {
      const { rows, width } = arena.matrix(x)
      const { values, shape } = arena.real(s)
      expectShape(shape.length === 1 && shape[0] === rows, `scaleRows: [${shape}] for ${rows} rows`)
      const scaled = rowsOf(x).map((row, t) => row.map((value) => value * values[t]))
      return matrix(scaled, width)
    },
    concat(a, b) {
      expectShape(arena.matrix(a).rows === arena.matrix(b).rows, 'concat: rows')
      const right = rowsOf(b)
      const joined = rowsOf(a).map((row, t) => [...row, ...right[t]])
      return matrix(joined, arena.matrix(a).width + arena.matrix(b).width)
    },
    narrow(x, start, length) {
      expectWithin(start, length, arena.matrix(x).width)
      const cut = rowsOf(x).map((row) => row.slice(start, start + length))
      return matrix(cut, length)
    },
    narrowGradient(dy, start, width) {
      expectWithin(start, arena.matrix(dy).width, width)
      const put = rowsOf(dy).map((row) => Array.from({ length: width }, (_, i) => row[i - start] ?? 0))
      return matrix(put, width)
    },
    reshape(x, axes, second, third, fourth) {
      expectRange(axes >= 1 && axes <= 4, `reshape: ${axes} axes`)
      const inner = [second, third, fourth].slice(0, axes - 1)
      expectRange(
        inner.every((n) => n >= 0),
        `reshape: [n, ${inner}]`,
      )
      const { values } = arena.real(x)
      const first = values.length / extent(inner)
      expectShape(Number.isInteger(first), `reshape: ${values.length} elements as [n, ${inner}]`)
      return arena.put(values.slice(), [first, ...inner])
    },
  }
}
