import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Engine } from '../../src/engine/engine.ts'
import { loadWasm } from '../../src/engine/wasm.ts'
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

  it('name a precision that there is not', () => {
    const odd = thrown(() => e.usePrecision('f16' as 'f32'))
    expect([odd.code, odd.message]).toEqual(['RANGE', 'usePrecision: "f16" is no precision; there are f32 and bf16'])
    expect(e.usePrecision('f32')).toBe(true)
  })

  it('say the same on machines of 32 and of 64 bits', () => {
    e.openScope()
    const tall = e.fromFloat32(new Float32Array(), Uint32Array.of(0x7fffffff, 0))
    const told = [
      () => e.fromFloat32(new Float32Array(), Uint32Array.of(0x80000000, 0)),
      () => e.fromFloat32(new Float32Array(1), Uint32Array.of(0x10000, 0x10000)),
      () => e.variable(Uint32Array.of(0x7fffffff, 0x100000)),
      () => e.inner(tall, tall),
      () => e.variable(Uint32Array.of(0x7fffffff, 0x7fffffff, 0x7fffffff)),
    ].map((call) => thrown(call).message)
    e.closeScope(NONE)
    expect(told).toEqual([
      'fromFloat32: an extent of 2147483648; at most 2147483647 are possible',
      'fromFloat32: 1 values do not fill the shape [65536, 65536], which has 4294967296',
      'variable: no memory for 2251799812636672 elements of 4 bytes',
      'inner: no memory for 4611686014132420609 elements of 4 bytes',
      'variable: a tensor of [2147483647, 2147483647, 2147483647] elements is more than any machine can address',
    ])
  })

  it('refuse sizes that no machine has, and go on', () => {
    const huge = [Uint32Array.of(0x7fffffff, 0x7fffffff), Uint32Array.of(0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff)]
    for (const shape of huge) expect(thrown(() => e.variable(shape)).code).toBe('MEMORY')
    e.openScope()
    const tall = e.fromFloat32(new Float32Array(), Uint32Array.of(0x7fffffff, 0))
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
    expect(panic.message).toMatch(/^debugPanic was called \(native.+lifetimes\.rs:\d+:\d+\)$/)
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

describe('a panic in native', () => {
  it('prints nothing', () => {
    const folder = fileURLToPath(new URL('../../build/native/', import.meta.url))
    const addon = folder + readdirSync(folder).find((file) => file.endsWith('.node'))
    const script = `try { require(${JSON.stringify(addon)}).debugPanic() } catch (error) { console.log(error.message) }`
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
    expect(stdout).toContain('debugPanic was called (')
    expect(stderr).toBe('')
  })
})

describe('the end of the stack in wasm', () => {
  it('loses the engine, which loads afresh', async () => {
    const e = await loadWasm()
    e.openScope()
    const x = e.fromFloat32(Float32Array.of(7), Uint32Array.of(1))
    // Calls the engine with less and less of the stack left, until it ends within a call
    const descend = (): never => {
      e.release(e.relu(x))
      return descend()
    }
    expect(descend).toThrow()
    expect(thrown(() => e.readFloat32(x)).code).toBe('ENGINE_LOST')
    const fresh = await loadWasm()
    expect(fresh.memory()[0]).toBe(0)
    fresh.openScope()
    expect(fresh.readFloat32(fresh.relu(fresh.fromFloat32(Float32Array.of(7), Uint32Array.of(1))))[0]).toBe(7)
    fresh.closeScope(NONE)
  })
})

describe('wasm without memory', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it('refuses what its memory cannot hold, and goes on', async () => {
    const e = await loadWasm()
    e.openScope()
    const large = new Float32Array(2 ** 29 + 1) // over 2 GiB, which no allocation of 32 bits exceeds
    expect(thrown(() => e.fromFloat32(large, Uint32Array.of(large.length))).code).toBe('MEMORY')
    expect(thrown(() => e.freeze('large', 'item', large, Uint32Array.of(large.length))).code).toBe('MEMORY')
    expect(Array.from(e.readFloat32(e.fromFloat32(Float32Array.of(1), Uint32Array.of(1))))).toEqual([1])
    e.closeScope(NONE)
  })

  it('refuses scratch whose size would wrap at 32 bits', async () => {
    const e = await loadWasm()
    e.openScope()
    // Two blocks of users, each with two panels of 2^26 x 64: 2^34 numbers, which wrap to none.
    const none = e.fromFloat32(new Float32Array(), Uint32Array.of(0, 2 ** 26))
    const [offsets, seen] = [new Int32Array(65), new Int32Array()].map((list) => e.fromInt32(list, Uint32Array.of(list.length)))
    expect(thrown(() => e.topK(none, offsets, none, 1, seen, offsets, 0, 0)).code).toBe('MEMORY')
    e.closeScope(NONE)
  })

  it('goes on where JavaScript has no memory for a read', async () => {
    const e = await loadWasm()
    e.openScope()
    const x = e.fromFloat32(Float32Array.of(5), Uint32Array.of(1))
    vi.stubGlobal('Float32Array', function full() {
      throw new RangeError('Array buffer allocation failed')
    })
    expect(thrown(() => e.readFloat32(x))).toMatchObject({ code: 'MEMORY', message: 'Array buffer allocation failed' })
    vi.unstubAllGlobals()
    expect(e.readFloat32(e.scale(x, 2))[0]).toBe(10)
    e.closeScope(NONE)
  })
})
