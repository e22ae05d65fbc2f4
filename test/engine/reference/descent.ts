import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape } from './arena.ts'
import { expectIds } from './tables.ts'

type Descent = Pick<Operations, 'sgd' | 'sgdRows' | 'adagrad' | 'adagradRows'>

export function descent(arena: Arena): Descent {
  const expectAlike = (...ids: Id[]) =>
    expectShape(new Set(ids.map((id) => arena.real(id).shape.join())).size === 1, 'a parameter and others of different shapes')

  /** The elements of a table that rows by id are for. */
  const placesOf = (parameter: Id, rows: Id, ids: Id): ((i: number) => number) => {
    const [table, sparse, indices] = [arena.matrix(parameter), arena.matrix(rows), arena.ints(ids)]
    expectShape(table.width === sparse.width && indices.length === sparse.rows, 'rows that do not fit')
    expectIds(indices, table.rows, 'ids')
    expectRange(
      indices.every((id, i) => i === 0 || id > indices[i - 1]),
      'ids do not ascend',
    )
    return (i) => indices[Math.floor(i / table.width)] * table.width + (i % table.width)
  }
  const sgd = (parameter: Id, gradient: Id, at: (i: number) => number, rate: number, decay: number, clip: number): void => {
    const theta = arena.writable(parameter).values
    arena.real(gradient).values.forEach((g, i) => {
      theta[at(i)] -= rate * decay * theta[at(i)] + rate * clip * g
    })
  }
  const adagrad = (
    [parameter, squares]: [Id, Id],
    gradient: Id,
    at: (i: number) => number,
    [rate, epsilon, decay, clip]: readonly number[],
  ): void => {
    expectShape(parameter !== squares, 'adagrad: one variable in two places')
    const [theta, sums] = [arena.writable(parameter).values, arena.writable(squares).values]
    arena.real(gradient).values.forEach((raw, i) => {
      const [g, place] = [clip * raw, at(i)]
      sums[place] += g * g
      theta[place] -= rate * decay * theta[place] + (rate * g) / (Math.sqrt(sums[place]) + epsilon)
    })
  }
  return {
    sgd(parameter, gradient, rate, decay, clip) {
      expectAlike(parameter, gradient)
      sgd(parameter, gradient, (i) => i, rate, decay, clip)
    },
    sgdRows: (parameter, rows, ids, rate, decay, clip) => sgd(parameter, rows, placesOf(parameter, rows, ids), rate, decay, clip),
    adagrad(parameter, squares, gradient, ...settings) {
      expectAlike(parameter, squares, gradient)
      adagrad([parameter, squares], gradient, (i) => i, settings)
    },
    adagradRows(parameter, squares, rows, ids, ...settings) {
      expectAlike(parameter, squares)
      adagrad([parameter, squares], rows, placesOf(parameter, rows, ids), settings)
    },
  }
}
