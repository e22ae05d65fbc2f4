import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape } from './arena.ts'
import { expectIds } from './tables.ts'

type Optimisers = Pick<Operations, 'squaredNorm' | 'finite' | 'adam' | 'adamRows'>

interface Settings {
  readonly rate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly decay: number
  readonly step: number
  readonly clip: number
}

export function optimisers(arena: Arena): Optimisers {
  /** One step of the elements `at` of a variable and its moments, with gradient element i for the i-th of them. */
  const step = (variables: [Id, Id, Id], gradient: Float64Array, at: (i: number) => number, settings: Settings): void => {
    expectShape(new Set(variables).size === 3, 'adam: one variable in two places')
    const [parameter, first, second] = variables.map((id) => arena.writable(id).values)
    const { rate, beta1, beta2, epsilon, decay, step, clip } = settings
    expectRange(step >= 1, `adam: step ${step}`)
    gradient.forEach((raw, position) => {
      const i = at(position)
      const g = clip * raw
      first[i] = beta1 * first[i] + (1 - beta1) * g
      second[i] = beta2 * second[i] + (1 - beta2) * g * g
      const mean = first[i] / (1 - beta1 ** step)
      const square = second[i] / (1 - beta2 ** step)
      parameter[i] -= rate * decay * parameter[i] + (rate * mean) / (Math.sqrt(square) + epsilon)
    })
  }
  const expectAlike = (...ids: Id[]) =>
    expectShape(new Set(ids.map((id) => arena.real(id).shape.join())).size === 1, 'adam: a parameter and moments of different shapes')

  return {
    squaredNorm: (x) => arena.real(x).values.reduce((sum, v) => sum + v * v, 0),
    finite: (x) => Number(arena.real(x).values.every(Number.isFinite)),
    adam(parameter, first, second, gradient, rate, beta1, beta2, epsilon, decay, number, clip) {
      expectAlike(parameter, first, second, gradient)
      const settings = { rate, beta1, beta2, epsilon, decay, step: number, clip }
      step([parameter, first, second], arena.real(gradient).values, (i) => i, settings)
    },
    adamRows(parameter, first, second, rows, ids, rate, beta1, beta2, epsilon, decay, number, clip) {
      expectAlike(parameter, first, second)
      const [table, sparse, indices] = [arena.matrix(parameter), arena.matrix(rows), arena.ints(ids)]
      expectShape(table.width === sparse.width && indices.length === sparse.rows, 'adamRows: rows that do not fit')
      expectIds(indices, table.rows, 'ids')
      expectRange(
        indices.every((id, i) => i === 0 || id > indices[i - 1]),
        'adamRows: ids do not ascend',
      )
      const settings = { rate, beta1, beta2, epsilon, decay, step: number, clip }
      const at = (i: number) => indices[Math.floor(i / table.width)] * table.width + (i % table.width)
      step([parameter, first, second], sparse.values, at, settings)
    },
  }
}
