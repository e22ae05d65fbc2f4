import { EXPONENTIALS, indices, offsetsOf, real, type Sample, samples, sum } from './samples.ts'
import { segments } from './tables.ts'

interface Size {
  /** Keys by segment. */
  readonly lengths: readonly number[]
  /** Queries by segment: the last so many. */
  readonly queries: readonly number[]
  readonly width: number
  readonly heads: number
  readonly rate: number
}

// biome-ignore format: a table
const HEADS = [[1, 1], [7, 1], [16, 2], [12, 4], [64, 1], [100, 4], [17, 1], [64, 4]] as const

const sizes: Size[] = segments.flatMap((lengths, i) => {
  const [width, heads] = HEADS[i % HEADS.length]
  const [otherWidth, otherHeads] = HEADS[(i + 3) % HEADS.length]
  return [
    { lengths, queries: lengths, width, heads, rate: 0 },
    { lengths, queries: lengths, width: otherWidth, heads: otherHeads, rate: 0.3 },
    { lengths, queries: lengths.map((n) => Math.min(n, 1)), width: otherWidth, heads: otherHeads, rate: 0 },
    { lengths, queries: lengths.map((n, b) => Math.floor((n * ((b + i) % 4)) / 3)), width, heads, rate: 0.5 },
  ]
})

/** A single key leaves no gradient of its score: dout · v and dout · out cancel, sums of up to 100 terms of about 1 each. */
const ROUNDED_PRODUCTS = 1e-6

export const attention: Sample[] = samples('attention', EXPONENTIALS, sizes, ({ lengths, queries, width, heads, rate }) => ({
  inputs: [
    real([sum(queries), width]),
    real([sum(lengths), width]),
    real([sum(lengths), width]),
    indices(offsetsOf(queries)),
    indices(offsetsOf(lengths)),
  ],
  remainder: ROUNDED_PRODUCTS,
  run: (e, [q, k, v, from, at]) => e.attention(q, k, v, from, at, heads, rate, 0x9abcdef0, 3),
  gradient: (e, [q, k, v, from, at], [out, lse], dout) => [
    ...Array.from(e.attentionGradient(q, k, v, out, lse, dout, from, at, heads, rate, 0x9abcdef0, 3)),
    0,
    0,
  ],
}))
