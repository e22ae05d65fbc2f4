import { uniform } from '../../../src/data/random.ts'
import type { Engine, Id } from '../../../src/engine/engine.ts'
import type { Cases } from './cases.ts'
import { ints, matrix, real as vector } from './examples/example.ts'
import { EXPONENTIALS, type Input, indices, offsetsOf, real, type Sample, samples as samplesOf, sum } from './samples.ts'
import { segments } from './tables.ts'

interface Size {
  /** Keys by segment. */
  readonly lengths: readonly number[]
  /** Queries by segment. */
  readonly queries: readonly number[]
  readonly width: number
  readonly heads: number
  readonly causal: boolean
  /** 0 for a softmax, else the length that SiLU is divided by. */
  readonly silu: number
  readonly rate: number
  /** Biases by place, by time. */
  readonly biases: readonly [boolean, boolean]
}

// biome-ignore format: a table
const HEADS = [[1, 1], [7, 1], [16, 2], [12, 4], [33, 1], [20, 4]] as const

const short = segments.filter((lengths) => sum(lengths) <= 130)

const sizes: Size[] = short.flatMap((lengths, i) => {
  const [width, heads] = HEADS[i % HEADS.length]
  const some = { lengths, width, heads }
  const elsewhere = lengths.map((n, b) => (n + 3 * b + i) % 5) // more queries than keys among them
  return [
    { ...some, queries: lengths, causal: true, silu: 0, rate: 0.3, biases: [true, true] },
    { ...some, queries: lengths, causal: true, silu: 20, rate: 0, biases: [i % 2 === 0, i % 3 === 0] },
    { ...some, queries: lengths.map((n) => Math.min(n, 2)), causal: true, silu: 0, rate: 0, biases: [i % 2 === 1, i % 3 !== 1] },
    { ...some, queries: elsewhere, causal: false, silu: i % 2 === 0 ? 0 : 7, rate: 0, biases: [i % 2 === 0, true] },
  ]
})

/** Seconds of up to some weeks, many of them equal. */
const seconds = (count: number): Input => ({
  shape: [count],
  draw: (seed) => Int32Array.from({ length: count }, (_, i) => 1_700_000_000 + Math.floor(Math.exp(15 * uniform(seed, 0, i)))),
})

/** A single key leaves no gradient of its score: dout · v and dout · out cancel, and biases sum such remainders. */
const ROUNDED_PRODUCTS = 3e-6

const samples: Sample[] = samplesOf(
  'attend',
  EXPONENTIALS,
  sizes,
  ({ lengths, queries, width, heads, causal, silu, rate, biases: [byPlace, byTime] }) => {
    const numbers = [heads, causal ? 1 : 0, silu, rate, 0x9abcdef0, 3] as const
    return {
      inputs: [
        real([sum(queries), width]),
        real([sum(lengths), width]),
        real([sum(lengths), width]),
        indices(offsetsOf(queries)),
        indices(offsetsOf(lengths)),
        real([15]), // shorter than many segments: the outermost are shared
        real([129]),
        seconds(sum(queries)),
        seconds(sum(lengths)),
      ],
      remainder: ROUNDED_PRODUCTS,
      run: (e, [q, k, v, from, at, places, times, tq, tk]) =>
        e.attend(q, k, v, from, at, byPlace ? places : 0, byTime ? times : 0, byTime ? tq : 0, byTime ? tk : 0, ...numbers),
      gradient: (e, [q, k, v, from, at, places, times, tq, tk], [out, lse], dout) => {
        const biases = [byPlace ? places : 0, byTime ? times : 0, byTime ? tq : 0, byTime ? tk : 0] as const
        const [dq, dk, dv, dplaces, dtimes] = Array.from(e.attendGradient(q, k, v, out, lse, dout, from, at, ...biases, ...numbers))
        return [dq, dk, dv, 0, 0, byPlace ? dplaces : 0, byTime ? dtimes : 0, 0, 0]
      },
    }
  },
)

const { LN2 } = Math
const LN3 = Math.log(3)

const zeros = (e: Engine, ...shape: number[]): Id =>
  e.fromFloat32(new Float32Array(shape.reduce((product, n) => product * n, 1)), Uint32Array.from(shape))

/** Causal attention with biases over two segments of two and one events, but for what is given. */
const attended = (e: Engine, { queries = [0, 2, 3], silu = 0, rate = 0, places = 3, buckets = 129, seconds = [0, 1, 2] }) =>
  e.attend(
    ...([zeros(e, 3, 4), zeros(e, 3, 4), zeros(e, 3, 4), ints(e, ...queries), ints(e, 0, 2, 3)] as const),
    ...([zeros(e, places), zeros(e, buckets), ints(e, ...seconds), ints(e, 0, 1, 2)] as const),
    ...([2, 1, silu, rate, 1, 1] as const),
  )

export const attend: Cases = {
  samples,
  examples: [
    {
      // Every query sees both keys, whose logits are 0 and ln 3: weights 1/4 and 3/4. The second segment has no key.
      op: 'attend',
      title: 'has more queries than keys where it is not causal',
      run: (e) =>
        e.attend(
          ...([matrix(e, [1], [1], [0], [1]), matrix(e, [0], [LN3]), matrix(e, [4], [8]), ints(e, 0, 3, 4), ints(e, 0, 2, 2)] as const),
          ...([0, 0, 0, 0, 1, 0, 0, 0, 0, 0] as const),
        ),
      gives: [
        [7, 7, 6, 0],
        [2 * LN2, 2 * LN2, LN2, Number.NEGATIVE_INFINITY],
      ],
    },
    {
      // Biases by place: ln 2 one behind and ln 5 at the query; the first key, two behind, takes ln 2 as well. By time, one day
      // (bucket 37) adds ln 3: weights 2 · 3, 2 and 5 of 13
      op: 'attend',
      title: 'adds biases by place and by time',
      run: (e) => {
        const times = vector(e, ...Array.from({ length: 129 }, (_, i) => (i === 37 ? LN3 : 0)))
        const seconds = [ints(e, 86_400), ints(e, 0, 86_399, 86_400)] as const
        const at = [ints(e, 0, 1), ints(e, 0, 3), vector(e, LN2, Math.log(5), 9), times, ...seconds] as const
        return e.attend(matrix(e, [0]), matrix(e, [1], [1], [1]), matrix(e, [13], [0], [26]), ...at, 1, 1, 0, 0, 0, 0)
      },
      gives: [[(6 * 13 + 5 * 26) / 13], [Math.log(13)]],
    },
    {
      // Products 0 and ln 3: SiLU 0 and 3/4 ln 3, over a length of 2
      op: 'attend',
      title: 'takes SiLU over a constant length for its weights',
      run: (e) =>
        e.attend(matrix(e, [1]), matrix(e, [0], [LN3]), matrix(e, [4], [8]), ints(e, 0, 1), ints(e, 0, 2), 0, 0, 0, 0, 1, 1, 2, 0, 0, 0),
      gives: [[3 * LN3], [0]],
    },
  ],
  faults: [
    ['RANGE', 'more queries than keys that they follow', (e) => attended(e, { queries: [0, 1, 3] })],
    ['RANGE', 'SiLU over a negative length', (e) => attended(e, { silu: -1 })],
    ['RANGE', 'dropped weights of SiLU', (e) => attended(e, { silu: 2, rate: 0.5 })],
    ['SHAPE', 'biases by an even number of places', (e) => attended(e, { places: 4 })],
    ['SHAPE', 'biases by too few buckets', (e) => attended(e, { buckets: 128 })],
    ['SHAPE', 'fewer seconds than queries', (e) => attended(e, { seconds: [0, 1] })],
  ],
}
