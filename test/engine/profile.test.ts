import { afterEach, expect, it, vi } from 'vitest'
import type { Engine, Id } from '../../src/engine/engine.ts'
import { flops, traffic } from '../../src/engine/flops.ts'
import { Profile } from '../../src/engine/profile.ts'
import { loadReference } from './reference.ts'

const reference = loadReference()
const real = (...shape: number[]): Id =>
  reference.fromFloat32(new Float32Array(shape.reduce((product, n) => product * n, 1)), Uint32Array.from(shape))
const ints = (...values: number[]): Id => reference.fromInt32(Int32Array.from(values), Uint32Array.of(values.length))

afterEach(() => {
  vi.restoreAllMocks()
})

it('counts two operations a multiply-add, and only the keys that a query sees', () => {
  reference.openScope()
  // Two queries over their two events see 1 + 2 keys; the last of three events sees 3.
  const [queries, offsets] = [ints(0, 2, 3), ints(0, 2, 5)]
  const [q, k] = [real(3, 4), real(5, 4)]
  const calls: Record<string, readonly Id[]> = {
    linear: [real(3, 4), real(4, 5), 0],
    linearRelu: [real(3, 4), real(4, 5), 0],
    linearOnto: [real(3, 5), real(3, 4), real(4, 5), 0],
    linearInputGradient: [real(3, 5), real(4, 5)],
    linearWeightGradient: [real(3, 4), real(3, 5)],
    inner: [real(3, 4), real(5, 4)],
    topK: [real(3, 4), ints(0, 3), real(5, 4), 2],
    attention: [q, k, k, queries, offsets, 2],
    attentionGradient: [q, k, k, q, real(3, 2), q, queries, offsets, 2],
    crossEntropy: [real(3, 4), real(5, 4), ints(0, 1, 2)],
    sampledSoftmax: [real(3, 4), real(3, 4), real(5, 4), ints(0, 1, 2), ints(0, 1, 2, 3, 4)],
    rowSampledSoftmax: [real(3, 4), real(3, 4), real(6, 4)],
    rowInner: [real(3, 4), real(6, 4)],
    rowInnerGradient: [real(3, 4), real(6, 4)],
    maxCrossEntropy: [real(6, 4), real(5, 4), ints(0, 1, 2)],
    maxSampledSoftmax: [real(6, 4), real(3, 4), real(5, 4), ints(0, 1, 2), ints(0, 1, 2, 3, 4)],
  }
  const counted = Object.entries(flops).map(([op, count]) => {
    const args = calls[op]
    return [op, count(args, (i) => Array.from(reference.shape(args[i])), reference)]
  })
  expect(Object.fromEntries(counted)).toEqual({
    linear: 2 * 3 * 4 * 5,
    linearRelu: 2 * 3 * 4 * 5,
    linearOnto: 2 * 3 * 4 * 5,
    linearInputGradient: 2 * 3 * 4 * 5,
    linearWeightGradient: 2 * 3 * 4 * 5,
    inner: 2 * 3 * 4 * 5,
    topK: 2 * 3 * 4 * 5,
    attention: 2 * (2 * 6 * 4),
    attentionGradient: 5 * (2 * 6 * 4),
    crossEntropy: 3 * (2 * 3 * 4 * 5),
    sampledSoftmax: 3 * (2 * 3 * 4 * 6),
    rowSampledSoftmax: 3 * (2 * 9 * 4),
    rowInner: 2 * 6 * 4,
    rowInnerGradient: 2 * (2 * 6 * 4),
    maxCrossEntropy: 3 * (2 * 6 * 4 * 5),
    maxSampledSoftmax: 3 * (2 * 6 * 4 * 6),
  })
  reference.closeScope(new Uint32Array())
})

it('counts what an op reads and writes at least, in bytes', () => {
  const sizes: Record<Id, readonly number[]> = { 1: [3, 4], 2: [3, 4], 3: [5, 4], 4: [3], 5: [4] }
  const moved = (op: string, args: readonly unknown[], result: unknown) => traffic(op, args, result, (id) => sizes[id]) / 4
  expect(moved('add', [1, 2], 1)).toBe(3 * 12)
  expect(moved('dropout', [1, 0.5, 7, 8], 2)).toBe(2 * 12)
  expect(moved('layerNormGradient', [1, 5, 2, 1e-8], [1, 5, 5])).toBe(3 * 12 + 3 * 4)
  // No tensor where one may be left out
  expect(moved('topKScores', [1, 2, 4, 4, 0], [2, 2])).toBe(3 * 12 + 2 * 3)
  // Three rows of the table, read and written, and their ids
  expect(moved('gather', [3, 4], 1)).toBe(2 * 12 + 3)
  expect(moved('embed', [3, 4, 2, 3, 4], 1)).toBe(3 * 12 + 2 * 3)
  expect(moved('finite', [3], 1)).toBe(20)
  // A parameter and two moments there and back, and the gradient
  expect(moved('adam', [1, 1, 1, 2, 0.1], undefined)).toBe(7 * 12)
  // Three rows of each there and back, their gradients, and the ids
  expect(moved('adamRows', [3, 3, 3, 1, 4, 0.1], undefined)).toBe(7 * 12 + 3)
  expect(moved('linear', [1, 2, 5], 1)).toBe(0)
  expect(moved('shape', [1], undefined)).toBe(0)
})

it('tells ops, batches and the rest of the steps apart', () => {
  let clock = 0
  vi.spyOn(performance, 'now').mockImplementation(() => clock)
  const taking =
    <Args extends readonly unknown[], Result>(ms: number, call: (...args: Args) => Result) =>
    (...args: Args): Result => {
      clock += ms
      return call(...args)
    }
  const engine: Engine = {
    ...reference,
    linear: taking(4, reference.linear),
    relu: taking(3, reference.relu),
    multiplyAdds: taking(10, () => 20e6), // 2 GFLOP/s
    variable: () => 0,
    write: () => {},
    finite: taking(16, () => 1), // 64 MiB in 16 ms are 4 GB/s
    release: taking(0.25, reference.release),
  }
  const profile = new Profile(engine)
  const step = () => {
    profile.engine.openScope()
    const x = profile.engine.fromFloat32(new Float32Array(4e4), Uint32Array.of(200, 200))
    profile.engine.relu(profile.engine.linear(x, x, 0)) // 2 · 200³ operations in 4 ms are 4 GFLOP/s
    clock += 2
    profile.engine.closeScope(new Uint32Array())
  }
  const batches = function* () {
    for (const length of [10, 20]) {
      clock += 1
      yield { history: new Int32Array(length) }
    }
  }

  expect(profile.report()).toBeUndefined()
  step() // off the clock
  for (const _ of profile.epoch(batches())) step()
  const skipped = Array.from(profile.epoch(batches()))
  expect(skipped).toHaveLength(2)

  expect(profile.report()).toEqual({
    title: '2 steps of 15 tokens, 11.00 ms each: reference, portable, threads: 1; peaks: 2 GFLOP/s in f32, 4 GB/s read from memory',
    head: ['op', 'calls', 'ms a step', 'share', 'GFLOP/s', 'GB/s', 'of peak'],
    rows: [
      ['linear', '2', '4.000', '36.4%', '4.0', '', '200%'],
      // 40,000 numbers of 4 bytes read and as many written in 3 ms
      ['relu', '2', '3.000', '27.3%', '', '0.1', '3%'],
      ['all other ops', '6', '0.000', '0.0%', '', '', ''],
      ['all ops', '10', '7.000', '63.6%', '', '', ''],
      // Five calls a step of a quarter of a millisecond each
      ['crossing to the engine, in all ops', '', '1.250', '11.4%', '', '', ''],
      ['preparing batches', '', '2.000', '18.2%', '', '', ''],
      ['other JavaScript', '', '2.000', '18.2%', '', '', ''],
      ['ops at 60% or more of the peak for their kind', '', '4.000', '36.4%', '', '', ''],
    ],
  })
  profile.clear()
  expect(profile.report()).toBeUndefined()
})
