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

  describe('through an op of several results', () => {
    /** [2 x, x ⊙ x, ids], of which the first two have gradients: dx = 2 dy + 2 x ⊙ dz, whichever of the two there are. */
    const several = (x: Tensor, seen: (number | undefined)[][] = []): Tensor[] =>
      x.deriveSeveral(
        'several',
        (e) => [e.scale(x.id, 2), e.multiply(x.id, x.id), e.fromInt32(Int32Array.of(0), Uint32Array.of(1))],
        [x],
        2,
        (_, [dy, dz, ...more], e) => {
          seen.push([dy, dz, ...more])
          const parts = [dy && e.scale(dy, 2), dz && e.scale(e.multiply(x.id, dz), 2)].filter((id) => id !== undefined)
          return [parts.length === 2 ? e.add(parts[0], parts[1]) : parts[0]]
        },
      )
    const slopeOf = (loss: (x: Tensor) => Tensor) => {
      const engine = loadReference()
      const w = variableOf(engine, [1, -2])
      return scope(
        engine,
        () => {
          const gradient = backward(loss(scale(w, 1))).get(w)
          return gradient && 'dense' in gradient ? [...engine.readFloat32(gradient.dense)] : undefined
        },
        { record: true },
      )
    }

    it('collects the gradients of all results before its own runs, once', () => {
      const seen: (number | undefined)[][] = []
      const loss = (x: Tensor) => {
        const [y, z] = several(x, seen)
        return sum(add(add(y, multiply(z, y)), scale(y, 3))) // 8 x + 2 x³
      }
      expect(slopeOf(loss)).toEqual([8 + 6, 8 + 24])
      expect(seen).toHaveLength(1)
    })

    it('has none for a result that the loss does not depend on', () => {
      const seen: (number | undefined)[][] = []
      expect(slopeOf((x) => sum(several(x, seen)[1]))).toEqual([2, -4])
      expect(seen).toEqual([[undefined, expect.any(Number), undefined]])
      expect(slopeOf((x) => sum(several(x)[0]))).toEqual([2, 2])
    })

    it('takes indices for plain values', () => {
      const loss = (x: Tensor) => {
        const [y, , ids] = several(x)
        expect([y.learns, ids.learns, ids.int32()[0]]).toEqual([true, false, 0])
        return sum(y)
      }
      expect(slopeOf(loss)).toEqual([2, 2])
    })

    it('frees all that it gave once used', () => {
      const engine = loadReference()
      const w = variableOf(engine, [1, -2])
      scope(
        engine,
        () => {
          const results = several(w)
          backward(sum(results[1]))
          for (const { id } of results) expect(() => engine.shape(id)).toThrow(expect.objectContaining({ code: 'TENSOR_FREED' }))
        },
        { record: true },
      )
    })
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
