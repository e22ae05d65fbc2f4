import { describe, expect, it } from 'vitest'
import { loadNative } from '../../src/engine/native.ts'
import { programOf } from '../../src/engine/program.ts'
import { scope, Tensor } from '../../src/tensor/tensor.ts'

const engine = loadNative()
const ints = (...values: number[]): Tensor => Tensor.int32(engine, Int32Array.from(values))

/** Positions and last rows of segments. */
const recorded = () =>
  scope(engine, () => {
    const offsets = ints(0, 1)
    return programOf([offsets.id], () => [engine.positions(offsets.id), ...Array.from(engine.lastRows(offsets.id))])
  })

describe('a program', () => {
  it('does on other inputs what was recorded, in the order of the calls', async () => {
    const program = recorded()
    const runs = Array.from({ length: 50 }, (_, n) => program!.run([Int32Array.of(0, n, n, n + 2)]))
    for (const [n, run] of runs.entries()) {
      const first = Array.from({ length: n }, (_, i) => i)
      const rows = n === 0 ? [1] : [n - 1, n + 1]
      expect((await run).map((list) => Array.from(list))).toEqual([[...first, 0, 1], rows, n === 0 ? [0, 0, 0, 1] : [0, 1, 1, 2]])
    }
  })

  it('does the same at one call', () => {
    const lists = recorded()!.runHere([Int32Array.of(0, 2, 2, 3)])
    expect(lists.map((list) => Array.from(list))).toEqual([
      [0, 1, 0],
      [1, 2],
      [0, 1, 1, 2],
    ])
    expect(() => recorded()!.runHere([Int32Array.of(0, 3, 2)])).toThrow(expect.objectContaining({ code: 'RANGE' }))
  })

  it('lets its weights go when it is emptied', () => {
    const item = engine.freeze('program.test', 'table', Float32Array.of(1, 2), Uint32Array.of(2, 1))
    const program = scope(engine, () => {
      const ids = ints(1)
      return programOf([ids.id], () => [engine.gather(item, ids.id)])
    })
    engine.release(item)
    expect(program!.runHere([Int32Array.of(1, 0)])).toEqual([Float32Array.of(2, 1)])
    const held = engine.frozen('program.test', 'table')
    expect(held).not.toBe(0)
    engine.release(held)
    program!.empty()
    expect(engine.frozen('program.test', 'table')).toBe(0)
    expect(() => program!.runHere([Int32Array.of(1)])).toThrow(expect.objectContaining({ code: 'RANGE' }))
  })

  it('has its inputs before the call returns', async () => {
    const offsets = Int32Array.of(0, 3)
    const run = recorded()!.run([offsets])
    offsets.fill(9)
    expect(Array.from((await run)[0])).toEqual([0, 1, 2])
  })

  it('is refused where values are read, and the next one recorded', async () => {
    const looks = scope(engine, () => {
      const offsets = ints(0, 1)
      return programOf([offsets.id], () => {
        const positions = engine.positions(offsets.id)
        engine.readInt32(positions)
        return [positions]
      })
    })
    expect(looks).toBeUndefined()
    const fails = () => scope(engine, () => programOf([ints(0, 1).id], () => [engine.positions(0)]))
    expect(fails).toThrow(expect.objectContaining({ code: 'TENSOR_FREED' }))
    expect(recorded()).toBeDefined()
  })

  it('fails as its operations do', async () => {
    const program = recorded()!
    await expect(program.run([Int32Array.of(0, 3, 2)])).rejects.toMatchObject({
      code: 'RANGE',
      message: expect.stringMatching(/^positions: /),
    })
    await expect(program.run([])).rejects.toMatchObject({ code: 'RANGE', message: 'program: 0 inputs are given where 1 were recorded' })
    expect(Array.from((await program.run([Int32Array.of(0, 2)]))[0])).toEqual([0, 1])
  })
})
