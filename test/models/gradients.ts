import { expect } from 'vitest'
import type { Batch } from '../../src/models/contracts.ts'
import type { ModelSpec } from '../../src/models/define.ts'
import { backward } from '../../src/tensor/backward.ts'
import { scope, Tensor } from '../../src/tensor/tensor.ts'
import { Variables } from '../../src/tensor/variables.ts'
import { loadReference } from '../engine/reference.ts'

/** Items of the catalogue. */
export const V = 9

/** A model on the reference engine, with larger values than its initial ones, so that every one of them tells. */
export function small({ definition, options }: ModelSpec) {
  const engine = loadReference()
  const variables = new Variables(engine, { seed: 5 })
  const model = definition.build(options, { engine, items: V, variables })
  const { learner } = model
  if (learner.by !== 'steps') throw new TypeError(`${definition.name} takes steps`)
  for (const variable of variables.all) {
    variable.write(variable.float32().map((value, i) => value + 0.4 * Math.sin(3 * i + variable.name.length)))
  }
  const ints = (...values: number[]) => Tensor.int32(engine, Int32Array.from(values))
  return { engine, variables, model, learner, ints }
}

export type Small = ReturnType<typeof small>

/** Holds the gradients of a loss to central differences, for every parameter. */
export function expectGradients(own: Small, batchOf: (of: Small) => Batch): void {
  const { engine, variables, learner } = own
  const value = (): number => scope(engine, () => learner.loss(batchOf(own)).mean.value())
  const gradients = scope(
    engine,
    () => {
      const found = [...backward(learner.loss(batchOf(own)).mean)].map(([{ name, shape }, gradient]) => {
        const dense = 'dense' in gradient ? gradient.dense : engine.scatter(gradient.rows, gradient.ids, shape[0])
        return [name, engine.readFloat32(dense)] as const
      })
      return Object.fromEntries(found)
    },
    { record: true },
  )
  const parameters = variables.all.filter(({ learns }) => learns)
  expect(Object.keys(gradients).sort()).toEqual(parameters.map(({ name }) => name).sort())
  const h = 1 / 1024
  for (const variable of parameters) {
    const values = variable.float32()
    const off = values.map((_, i) => {
      const at = (shift: number): number => {
        variable.write(values.with(i, values[i] + shift))
        return value()
      }
      const slope = (at(h) - at(-h)) / (2 * h)
      variable.write(values)
      return Math.abs(slope - gradients[variable.name][i])
    })
    expect(Math.max(...off), variable.name).toBeLessThan(1e-3)
  }
}
