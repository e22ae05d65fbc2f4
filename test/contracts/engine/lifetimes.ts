import { expect, it } from 'vitest'
import type { Engine, Id } from '../../../src/engine/engine.ts'
import { thrown } from './faults.ts'

const real = (e: Engine, ...values: number[]): Id => e.fromFloat32(Float32Array.from(values), Uint32Array.of(values.length))
const NONE = new Uint32Array()

export function checkLifetimes(engine: () => Engine): void {
  it('frees what a scope made when it closes', () => {
    const e = engine()
    e.openScope()
    const x = real(e, 1, 2)
    const y = e.scale(x, 2)
    e.closeScope(NONE)
    expect([x, y].map((id) => thrown(() => e.readFloat32(id)).code)).toEqual(['TENSOR_FREED', 'TENSOR_FREED'])
  })

  it('hands what is kept to the scope around, which frees it', () => {
    const e = engine()
    e.openScope()
    e.openScope()
    const [x, y] = [real(e, 1), real(e, 2)]
    e.closeScope(Uint32Array.of(y))
    expect(Array.from(e.readFloat32(y))).toEqual([2])
    expect(thrown(() => e.readFloat32(x)).code).toBe('TENSOR_FREED')
    e.closeScope(NONE)
    expect(thrown(() => e.readFloat32(y)).code).toBe('TENSOR_FREED')
  })

  it('leaves tensors of the scope around alone, kept or not', () => {
    const e = engine()
    e.openScope()
    const x = real(e, 1)
    e.openScope()
    e.closeScope(Uint32Array.of(x))
    e.openScope()
    e.closeScope(NONE)
    expect(Array.from(e.readFloat32(x))).toEqual([1])
    e.closeScope(NONE)
  })

  it('makes no tensor outside any scope', () => {
    const e = engine()
    expect(thrown(() => real(e, 1)).code).toBe('NO_SCOPE')
    const x = e.variable(Uint32Array.of(2))
    expect(thrown(() => e.relu(x)).code).toBe('NO_SCOPE')
    expect(thrown(() => e.positions(x)).code).toBe('SHAPE')
    expect(thrown(() => e.closeScope(NONE)).code).toBe('NO_SCOPE')
    e.release(x)
  })

  it('refuses to keep anything where no scope is around, and closes the scope', () => {
    const e = engine()
    e.openScope()
    const x = real(e, 1)
    expect(thrown(() => e.closeScope(Uint32Array.of(x))).code).toBe('NO_SCOPE')
    expect(thrown(() => real(e, 1)).code).toBe('NO_SCOPE')
    expect(thrown(() => e.readFloat32(x)).code).toBe('TENSOR_FREED')
  })

  it('refuses to keep what was freed, closes the scope and keeps nothing', () => {
    const e = engine()
    e.openScope()
    e.openScope()
    const [x, y] = [real(e, 1), real(e, 2)]
    e.release(y)
    expect(thrown(() => e.closeScope(Uint32Array.of(x, y))).code).toBe('TENSOR_FREED')
    expect(thrown(() => e.readFloat32(x)).code).toBe('TENSOR_FREED')
    e.closeScope(NONE)
    expect(thrown(() => real(e, 1)).code).toBe('NO_SCOPE')
  })

  it('never reads another tensor through a stale id', () => {
    const e = engine()
    e.openScope()
    const stale: Id[] = []
    for (let i = 0; i < 3000; i++) {
      const id = real(e, i)
      stale.push(id)
      e.release(id)
    }
    const live = [real(e, -1), real(e, -2)]
    expect(stale.every((id) => thrown(() => e.readFloat32(id)).code === 'TENSOR_FREED')).toBe(true)
    expect(live.map((id) => e.readFloat32(id)[0])).toEqual([-1, -2])
    e.closeScope(NONE)
  })

  it('ignores the release of nothing and of what is freed', () => {
    const e = engine()
    e.openScope()
    const x = real(e, 1)
    e.release(x)
    const y = real(e, 2) // may stand where x stood
    e.release(x)
    e.release(0)
    expect(Array.from(e.readFloat32(y))).toEqual([2])
    e.closeScope(NONE)
  })

  it('keeps variables, zero at first, through scopes until they are released', () => {
    const e = engine()
    e.openScope()
    const x = e.variable(Uint32Array.of(2, 2))
    expect(Array.from(e.shape(x))).toEqual([2, 2])
    expect(Array.from(e.readFloat32(x))).toEqual([0, 0, 0, 0])
    e.write(x, Float32Array.of(1, 2, 3, 4))
    e.closeScope(NONE)
    expect(Array.from(e.readFloat32(x))).toEqual([1, 2, 3, 4])
    e.release(x)
    expect(thrown(() => e.readFloat32(x)).code).toBe('TENSOR_FREED')
  })

  it('zeroes a variable where another one stood', () => {
    const e = engine()
    const shape = Uint32Array.of(64)
    const first = e.variable(shape)
    e.write(first, new Float32Array(64).fill(7))
    e.release(first)
    const second = e.variable(shape)
    expect(e.readFloat32(second)).toEqual(new Float32Array(64))
    e.release(second)
  })

  it('shares frozen weights until the last holder releases them', () => {
    const e = engine()
    expect(e.frozen('hash', 'item')).toBe(0)
    const first = e.freeze('hash', 'item', Float32Array.of(1, 2), Uint32Array.of(2))
    const second = e.frozen('hash', 'item')
    expect(e.frozen('hash', 'user')).toBe(0)
    expect(e.frozen('other', 'item')).toBe(0)
    e.release(first)
    expect(Array.from(e.readFloat32(second))).toEqual([1, 2])
    e.openScope()
    expect(Array.from(e.readFloat32(e.scale(second, 3)))).toEqual([3, 6])
    e.closeScope(NONE)
    e.release(second)
    expect(e.frozen('hash', 'item')).toBe(0)
  })

  it('finds the weights that are frozen already, and keeps keys apart that only read alike together', () => {
    const e = engine()
    const first = e.freeze('ab', 'c', Float32Array.of(1), Uint32Array.of(1))
    const again = e.freeze('ab', 'c', Float32Array.of(9), Uint32Array.of(1))
    const other = e.freeze('a', 'bc', Float32Array.of(5), Uint32Array.of(1))
    expect([first, again, other].map((id) => e.readFloat32(id)[0])).toEqual([1, 1, 5])
    for (const id of [first, again, other]) e.release(id)
  })

  it('freezes copies of tensors, of numbers and of indices', () => {
    const e = engine()
    e.openScope()
    const x = e.freezeTensor('tensors', 'x', e.fromFloat32(Float32Array.of(1, 2), Uint32Array.of(2, 1)))
    const i = e.freezeTensor('tensors', 'i', e.fromInt32(Int32Array.of(7, -8), Uint32Array.of(2)))
    e.closeScope(NONE)
    expect([Array.from(e.readFloat32(x)), Array.from(e.shape(x))]).toEqual([
      [1, 2],
      [2, 1],
    ])
    const again = e.frozen('tensors', 'i')
    expect(Array.from(e.readInt32(again))).toEqual([7, -8])
    expect(thrown(() => e.readInt32(x)).code).toBe('SHAPE')
    expect(thrown(() => e.freeze('tensors', 'i', Float32Array.of(1, 2), Uint32Array.of(2))).code).toBe('SHAPE')
    for (const id of [x, i, again]) e.release(id)
    expect([e.frozen('tensors', 'x'), e.frozen('tensors', 'i')]).toEqual([0, 0])
  })

  it('copies what it is given and what it gives', () => {
    const e = engine()
    e.openScope()
    const data = Float32Array.of(1, 2)
    const x = e.fromFloat32(data, Uint32Array.of(2))
    data[0] = 9
    e.readFloat32(x)[1] = 9
    expect(Array.from(e.readFloat32(x))).toEqual([1, 2])
    const indices = e.fromInt32(Int32Array.of(3, -2147483648), Uint32Array.of(1, 2))
    expect(Array.from(e.readInt32(indices))).toEqual([3, -2147483648])
    expect(Array.from(e.shape(indices))).toEqual([1, 2])
    e.closeScope(NONE)
  })

  it('keeps every bit of an f32', () => {
    const e = engine()
    e.openScope()
    const values = Float32Array.of(-0, 1e-45, 1.1754944e-38, 3.4028235e38, Infinity, -Infinity, Number.NaN, 0.1)
    const back = e.readFloat32(e.fromFloat32(values, Uint32Array.of(8)))
    expect(new Uint32Array(back.buffer, back.byteOffset, 8)).toEqual(new Uint32Array(values.buffer))
    e.closeScope(NONE)
  })

  it('counts live bytes, and gives them back', () => {
    const e = engine()
    const [before] = Array.from(e.memory())
    e.openScope()
    e.scale(e.fromFloat32(new Float32Array(1000), Uint32Array.of(1000)), 2)
    expect(e.memory()[0] - before).toBeGreaterThanOrEqual(2 * 4000)
    e.closeScope(NONE)
    expect(e.memory()[0]).toBe(before)
  })

  it('says what it runs on', () => {
    const e = engine()
    expect(['portable', 'avx2', 'avx512', 'simd128']).toContain(e.instructions())
    expect(e.threads()).toBeGreaterThanOrEqual(1)
    expect([e.multiplyAdds(0), e.multiplyAdds(20) / e.multiplyAdds(10)]).toEqual([0, 2])
  })
}

/** For engines that use buffers again. */
export function checkSteadiness(engine: () => Engine): void {
  it('allocates nothing in a steady loop', () => {
    const e = engine()
    const data = Float32Array.from({ length: 6400 }, (_, i) => Math.sin(i))
    const shape = Uint32Array.of(100, 64)
    const step = () => {
      e.openScope()
      const x = e.fromFloat32(data, shape)
      const offsets = e.fromInt32(Int32Array.of(0, 40, 100), Uint32Array.of(3))
      const [out] = Array.from(e.attention(x, x, x, offsets, offsets, 2, 0, 0, 0))
      e.gatherGradient(e.softmax(e.inner(out, x)), e.positions(e.fromInt32(Int32Array.of(0, 100), Uint32Array.of(2))))
      e.crossEntropy(out, x, e.positions(offsets), 0)
      e.closeScope(NONE)
    }
    step()
    step()
    const before = Array.from(e.memory())
    for (let i = 0; i < 20; i++) step()
    expect(Array.from(e.memory())).toEqual(before)
  })
}
