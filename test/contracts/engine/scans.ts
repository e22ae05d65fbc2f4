import { EXPONENTIALS, indices, offsetsOf, real, type Sample, samples, sum } from './samples.ts'
import { segments } from './tables.ts'

/** [K, D] */
// biome-ignore format: a table
const SHAPES = [[1, 1], [3, 7], [2, 16], [4, 17], [1, 64], [3, 70], [7, 2], [2, 129], [0, 3], [4, 0]] as const

/** Scans are quadratic in the reference: segments of up to a hundred events. */
const short = segments.filter((lengths) => lengths.every((n) => n <= 100))
const sizes = [...short, ...short].map((lengths, i) => [lengths, ...SHAPES[i % SHAPES.length]] as const)

export const scans: Sample[] = samples('prefixMix', EXPONENTIALS, sizes, ([lengths, heads, width]) => ({
  inputs: [real([sum(lengths), heads], 3), real([sum(lengths), width]), indices(offsetsOf(lengths))],
  run: (e, [logits, x, offsets]) => e.prefixMix(logits, x, offsets),
  gradient: (e, [logits, x, offsets], [out, lse], dout) => [...Array.from(e.prefixMixGradient(logits, x, out, lse, dout, offsets)), 0],
}))
