import { describe, expect, it } from 'vitest'
import type { Id } from '../../src/engine/engine.ts'
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

  it('runs the jagged operations on any number of users, events and candidates', () => {
    const weights = scope(engine, () => {
      const frozen = (name: string, rows: number, width: number) =>
        engine.freeze(
          'program.jagged',
          name,
          Float32Array.from({ length: rows * width }, (_, i) => Math.sin(7 * i + rows)),
          Uint32Array.of(rows, width),
        )
      return [frozen('table', 20, 8), frozen('heads', 8, 2)]
    })
    const compute = ([ids, offsets, items, itemOffsets]: readonly Id[]): Id[] => {
      const e = engine
      const [table, heads] = weights
      const x = e.gatherOrNone(table, ids) // [T, 8]
      const a = e.segmentSoftmax(e.linear(x, heads, 0), offsets) // [T, 2]
      const mixed = e.reshape(e.segmentMix(a, x, offsets), 2, 16, 0, 0) // [B, 16]
      const filled = Array.from(e.lastRows(offsets))[1] // of the users with events
      const vectors = e.reshape(e.gather(mixed, e.segmentIds(filled)), 2, 8, 0, 0) // [S, 8], two a user
      const rows = e.gather(table, items) // [C, 8]
      const best = Array.from(e.pairBest(vectors, e.repeatOffsets(filled, 2), rows, itemOffsets))
      const lists = Array.from(e.topKCandidates(best[0], items, itemOffsets, 3))
      const kept = Array.from(e.present(lists[0]))
      const [events, candidates, pairOffsets] = Array.from(e.pairs(offsets, itemOffsets))
      const [read, asked] = [e.gather(x, events), e.gather(rows, candidates)] // [P, 8]
      const attended = e.segmentSum(e.scaleRows(read, e.softplus(e.rowDot(read, asked))), pairOffsets) // [C, 8]
      const joined = e.narrow(e.concat(attended, e.subtract(rows, attended)), 4, 8) // [C, 8]
      const means = e.segmentMean(x, offsets) // [B, 8]
      return [vectors, ...best, ...lists, ...kept, joined, means, e.mean(means), pairOffsets]
    }
    const read = (id: Id) => {
      try {
        return engine.readFloat32(id)
      } catch {
        return engine.readInt32(id)
      }
    }
    const upload = (lists: readonly Int32Array[]) => lists.map((list) => engine.fromInt32(list, Uint32Array.of(list.length)))
    const program = scope(engine, () => {
      const inputs = upload([Int32Array.of(3, 4), Int32Array.of(0, 2), Int32Array.of(1), Int32Array.of(0, 1)])
      return programOf(inputs, () => compute(inputs))
    })
    const batches = [
      [[], [0], [], [0]],
      [[], [0, 0], [5, 6], [0, 2]],
      [[-1, 2, 19], [0, 3], [], [0, 0]],
      [
        [0, 1, 2, -1, 4, 5],
        [0, 2, 2, 5, 6],
        [9, 8, 7, 7, 0, 3],
        [0, 1, 4, 4, 6],
      ],
      [
        Array.from({ length: 200 }, (_, i) => i % 20),
        [0, 100, 100, 200],
        Array.from({ length: 90 }, (_, i) => (7 * i) % 20),
        [0, 30, 60, 90],
      ],
    ]
    for (const batch of batches) {
      const lists = batch.map((list) => Int32Array.from(list))
      const direct = scope(engine, () => compute(upload(lists)).map(read))
      expect(program!.runHere(lists)).toEqual(direct)
    }
    program!.empty()
    for (const id of weights) engine.release(id)
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
