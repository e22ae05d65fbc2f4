import { describe, expect, it } from 'vitest'
import { add, multiply, scale } from '../../src/ops/elementwise.ts'
import { sum } from '../../src/ops/reduce.ts'
import { gather } from '../../src/ops/table.ts'
import { backward } from '../../src/tensor/backward.ts'
import { zeros } from '../../src/tensor/init.ts'
import { scope, Tensor, type Variable } from '../../src/tensor/tensor.ts'
import { Variables } from '../../src/tensor/variables.ts'
import { loadReference, type Reference } from '../engine/reference.ts'

const variableOf = (engine: Reference, values: number[], shape = [values.length]): Variable => {
  const variable = new Variables(engine, { seed: 1 }).variable('w', shape, zeros)
  engine.write(variable.id, Float32Array.from(values))
  return variable
}

describe('scope', () => {
  it('frees what was made in it, and keeps what it returns', () => {
    const engine = loadReference()
    scope(engine, () => {
      let inside: Tensor | undefined
      const kept = scope(engine, () => {
        inside = Tensor.float32(engine, Float32Array.of(1, 2))
        return { twice: scale(inside, 2), list: [scale(inside, 3)] }
      })
      expect([...kept.twice.float32(), ...kept.list[0].float32()]).toEqual([2, 4, 3, 6])
      expect(() => inside?.float32()).toThrow(expect.objectContaining({ code: 'TENSOR_FREED' }))
    })
    expect(() => Tensor.float32(engine, Float32Array.of(1))).toThrow(expect.objectContaining({ code: 'NO_SCOPE' }))
  })

  it('frees what was made in it when it throws', () => {
    const engine = loadReference()
    let inside: Tensor | undefined
    const failing = (): number =>
      scope(engine, () => {
        inside = Tensor.float32(engine, Float32Array.of(1))
        throw new RangeError('mine')
      })
    expect(failing).toThrow(RangeError)
    expect(() => inside?.value()).toThrow(expect.objectContaining({ code: 'TENSOR_FREED' }))
  })

  it('cannot span an await', () => {
    const engine = loadReference()
    // @ts-expect-error a promise is no result of a scope
    const late: unknown = scope(engine, async () => 1)
    expect(late).toBeInstanceOf(Promise)
  })
})

describe('backward', () => {
  it('sums the ways that lead to a variable: d/dw Σ (w ⊙ w + 3 w) = 2 w + 3', () => {
    const engine = loadReference()
    const w = variableOf(engine, [1, -2, 5])
    const slope = scope(
      engine,
      () => {
        const gradient = backward(sum(add(multiply(w, w), scale(w, 3)))).get(w)
        return gradient && 'dense' in gradient ? [...engine.readFloat32(gradient.dense)] : undefined
      },
      { record: true },
    )
    expect(slope).toEqual([5, -1, 13])
  })

  it('keeps the gradient of a table to the rows that were read, duplicates summed', () => {
    const engine = loadReference()
    const table = variableOf(engine, [1, 2, 3, 4, 5, 6], [3, 2])
    const found = scope(
      engine,
      () => {
        const read = add(gather(table, Tensor.int32(engine, Int32Array.of(2, 0))), gather(table, Tensor.int32(engine, Int32Array.of(2, 2))))
        const gradient = backward(sum(read)).get(table)
        return gradient && 'rows' in gradient ? [engine.readFloat32(gradient.rows), engine.readInt32(gradient.ids)] : []
      },
      { record: true },
    )
    expect(found.map((values) => [...values])).toEqual([
      [1, 1, 3, 3],
      [0, 2],
    ])
  })

  it('records nothing outside a recording scope', () => {
    const engine = loadReference()
    const w = variableOf(engine, [1])
    const origin = (record: boolean) => scope(engine, () => scale(w, 2).origin !== undefined, { record })
    expect([origin(false), origin(true), origin(false)]).toEqual([false, true, false])
  })

  it('names the first op whose result is not finite', () => {
    const engine = loadReference()
    const w = variableOf(engine, [1e30, 1])
    const failing = () =>
      scope(engine, () => void backward(sum(scale(multiply(w, scale(w, 1e10)), Number.POSITIVE_INFINITY))), { record: true })
    expect(failing).toThrow(expect.objectContaining({ code: 'NON_FINITE', message: expect.stringContaining('scale [2]') }))
  })
})
