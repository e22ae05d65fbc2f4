import type { Engine, Id } from '../../../src/engine/engine.ts'
import type { Cases } from './cases.ts'
import { ints, matrix, real as vector } from './examples/example.ts'
import { EXPONENTIALS, indices, offsetsOf, real, samples, sum } from './samples.ts'
import { segments } from './tables.ts'

const { LN2 } = Math
const LN3 = Math.log(3)

/** Slots or whether there is a gate, and D. */
// biome-ignore format: a table
const SHAPES = [[1, 1], [3, 7], [2, 16], [4, 17], [1, 64], [3, 70], [7, 2]] as const

const short = segments.filter((lengths) => lengths.every((n) => n <= 100))
const sizes = short.map((lengths, i) => [lengths, ...SHAPES[i % SHAPES.length]] as const)
const recurrent = [...sizes, ...sizes.slice(3, 8)]

const zeros = (e: Engine, ...shape: number[]): Id =>
  e.fromFloat32(new Float32Array(shape.reduce((product, n) => product * n, 1)), Uint32Array.from(shape))

/** What an event changes and the next one meets: gated recurrent units, memories. */
export const recurrences: Cases = {
  samples: [
    ...samples('gru', EXPONENTIALS, recurrent, ([lengths, places, width]) => ({
      inputs: [real([sum(lengths), 3 * width]), real([width, 3 * width], 0.3), real([sum(lengths)], 0.5), indices(offsetsOf(lengths))],
      run: (e, [x, u, gate, offsets]) => e.gru(x, u, places % 2 === 0 ? gate : 0, offsets),
      gradient: (e, [, u, gate, offsets], [h, gates], dh) => {
        const [dx, du, dgate] = Array.from(e.gruGradient(u, places % 2 === 0 ? gate : 0, h, gates, dh, offsets))
        return [dx, du, places % 2 === 0 ? dgate : 0, 0]
      },
    })),
    ...samples('memoryScan', EXPONENTIALS, recurrent, ([lengths, slots, width]) => ({
      inputs: [
        real([sum(lengths), slots], 0.5),
        real([sum(lengths), slots], 0.5),
        real([sum(lengths), width], 0.5),
        real([sum(lengths), width]),
        real([lengths.length, slots, width]),
        indices(offsetsOf(lengths)),
      ],
      run: (e, [read, write, erase, add, start, offsets]) => e.memoryScan(read, write, erase, add, slots % 2 === 0 ? start : 0, offsets),
      gradient: (e, [read, write, erase, add, start, offsets], _, dout) => [
        ...Array.from(e.memoryScanGradient(read, write, erase, add, slots % 2 === 0 ? start : 0, dout, offsets)),
        0,
        0,
      ],
    })),
  ],
  examples: [
    {
      // Without u: z = 1/2 and c = 3/5, 3/5 again, then the gate 0 keeps the state; the next segment begins at zero
      op: 'gru',
      title: 'moves part of the way to its candidate, and keeps its state behind a closed gate',
      run: (e) => {
        const x = matrix(e, [0, 0, LN2], [0, 0, LN2], [0, 0, LN2], [0, LN3, LN2])
        return e.gru(x, matrix(e, [0, 0, 0]), vector(e, 1, 1, 0, 1), ints(e, 0, 3, 4))
      },
      gives: [
        [0.3, 0.45, 0.45, 0.45],
        [0.5, 0.5, 0.6, 0.5, 0.5, 0.6, 0.5, 0.5, 0.6, 0.5, 0.75, 0.6],
      ],
    },
    {
      // Keys I, q = [2, 0]: z = [.88079708, .11920292], and M = z tanh(q) whatever is erased of nothing
      op: 'memoryScan',
      title: 'writes what it adds in parts, after it is read',
      run: (e) => {
        const z = [0.88079708, 0.11920292]
        return e.memoryScan(matrix(e, z), matrix(e, z), matrix(e, [0.3, 0.9]), matrix(e, [Math.tanh(2), 0]), 0, ints(e, 0, 1))
      },
      gives: [
        [0, 0],
        [0.84911268, 0, 0.1149149, 0],
      ],
    },
    {
      // A slot that is erased and written whole is what is added, and the other one is as it was
      op: 'memoryScan',
      title: 'begins with what it is given',
      run: (e) => {
        const start = e.fromFloat32(Float32Array.of(1, 2, 3, 4), Uint32Array.of(1, 2, 2))
        return e.memoryScan(
          matrix(e, [1, 1], [0, 2]),
          matrix(e, [0, 1], [0, 0]),
          matrix(e, [1, 1], [9, 9]),
          matrix(e, [7, 8], [9, 9]),
          start,
          ints(e, 0, 2),
        )
      },
      gives: [
        [4, 6, 14, 16],
        [1, 2, 7, 8],
      ],
    },
  ],
  faults: [
    ['SHAPE', 'a recurrence that is no square thrice', (e) => e.gru(zeros(e, 2, 6), zeros(e, 2, 5), 0, ints(e, 0, 2))],
    ['SHAPE', 'inputs of another width than the recurrence', (e) => e.gru(zeros(e, 2, 3), zeros(e, 2, 6), 0, ints(e, 0, 2))],
    ['SHAPE', 'fewer gates than events', (e) => e.gru(zeros(e, 2, 6), zeros(e, 2, 6), zeros(e, 1), ints(e, 0, 2))],
    [
      'SHAPE',
      'a memory of other slots',
      (e) => e.memoryScan(zeros(e, 2, 3), zeros(e, 2, 3), zeros(e, 2, 4), zeros(e, 2, 4), zeros(e, 1, 2, 4), ints(e, 0, 2)),
    ],
    [
      'SHAPE',
      'fewer writes than reads',
      (e) => e.memoryScan(zeros(e, 2, 3), zeros(e, 1, 3), zeros(e, 2, 4), zeros(e, 2, 4), 0, ints(e, 0, 2)),
    ],
  ],
}
