import { beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../src/engine/engine.ts'
import { thrown } from '../contracts/engine/faults.ts'
import { bindings, type Debuggable } from './bindings.ts'

const NONE = new Uint32Array()

describe.each(bindings)('faults of %s', (_, load) => {
  let e: Engine & Debuggable
  beforeAll(async () => {
    e = await load()
  })

  it('name the operation, its arguments and both shapes', () => {
    e.openScope()
    const a = e.fromFloat32(new Float32Array(6), Uint32Array.of(2, 3))
    const b = e.fromFloat32(new Float32Array(6), Uint32Array.of(3, 2))
    const ids = e.fromInt32(Int32Array.of(0, 2), Uint32Array.of(2))
    expect(thrown(() => e.addRow(a, b)).message).toBe('addRow: row [3, 2] must be [3], the width of x')
    expect(thrown(() => e.gather(a, ids)).message).toBe('gather: ids[1] is 2, outside the 2 rows of table')
    e.release(b)
    expect(thrown(() => e.linear(a, b, 0)).message).toBe('linear: w was freed')
    e.closeScope(NONE)
    expect(thrown(() => e.fromInt32(Int32Array.of(1), Uint32Array.of(1))).message).toBe('fromInt32: no scope is open to hold the result')
  })

  it('refuse sizes that no machine has, and go on', () => {
    const huge = [Uint32Array.of(0xffffffff, 0xffffffff), Uint32Array.of(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)]
    for (const shape of huge) expect(thrown(() => e.variable(shape)).code).toBe('MEMORY')
    e.openScope()
    const tall = e.fromFloat32(new Float32Array(), Uint32Array.of(0xffffffff, 0))
    expect(thrown(() => e.inner(tall, tall)).code).toBe('MEMORY')
    expect(Array.from(e.readFloat32(e.fromFloat32(Float32Array.of(1), Uint32Array.of(1))))).toEqual([1])
    e.closeScope(NONE)
  })

  it('count the axes', () => {
    expect(thrown(() => e.variable(new Uint32Array(5).fill(1))).message).toBe('variable: a shape of 5 axes; at most 4 are possible')
  })
})

describe.each(bindings)('a panic in %s', (_, load) => {
  it('loses the engine until it is loaded again, and never the process', async () => {
    const e = await load()
    e.openScope()
    const before = e.fromFloat32(Float32Array.of(7), Uint32Array.of(1))
    const panic = thrown(() => e.debugPanic())
    expect(panic.code).toBe('ENGINE_LOST')
    expect(panic.message).toContain('debugPanic was called')
    const later = [() => e.readFloat32(before), () => e.openScope(), () => e.memory(), () => e.setThreads(1)]
    for (const call of later) expect(thrown(call).code).toBe('ENGINE_LOST')

    const [fresh, same] = await Promise.all([load(), load()])
    expect(same).toBe(fresh)
    expect(thrown(() => fresh.readFloat32(before)).code).toBe('TENSOR_FREED')
    expect(fresh.memory()[0]).toBe(0)
    fresh.openScope()
    const ids = Array.from({ length: 3000 }, () => fresh.fromFloat32(Float32Array.of(1), Uint32Array.of(1)))
    expect(ids.map((id) => fresh.readFloat32(id)[0])).toEqual(ids.map(() => 1))
    fresh.closeScope(NONE)
  })

  it('can happen again after that', async () => {
    const e = await load()
    expect(thrown(() => e.debugPanic()).code).toBe('ENGINE_LOST')
    expect((await load()).memory()[0]).toBe(0)
  })
})
