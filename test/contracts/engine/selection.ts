import { type Input, ids, indices, offsetsOf, quarters, ROUNDINGS, real, type Sample, samples, sum } from './samples.ts'

interface Size {
  /** Vectors by user; for given scores only their number counts. */
  readonly interests: readonly number[]
  readonly catalogue: number
  readonly width: number
  readonly k: number
  /** Seen items by user. */
  readonly seen: readonly number[]
  readonly allowed: 'all' | 'some' | 'none'
}

const size = (
  interests: number[],
  catalogue: number,
  width: number,
  k: number,
  seen: number[],
  allowed: Size['allowed'] = 'all',
): Size => ({
  interests,
  catalogue,
  width,
  k,
  seen,
  allowed,
})

const sizes: Size[] = [
  size([], 5, 4, 3, []),
  size([0], 5, 4, 3, [0]),
  size([1], 0, 4, 3, [0]),
  size([1], 1, 1, 1, [0]),
  size([1], 1, 1, 1, [1]),
  size([1], 3, 2, 5, [0]),
  size([2], 7, 7, 1, [3]),
  size([1, 0, 2], 16, 3, 4, [0, 2, 5]),
  size([1, 1, 1], 17, 64, 17, [1, 0, 30]),
  size([4], 64, 65, 10, [0], 'some'),
  size([1], 65, 16, 10, [40], 'some'),
  size([3, 1], 31, 5, 40, [2, 2], 'some'),
  size([3, 1], 32, 5, 8, [2, 2], 'none'),
  size([1, 4, 2], 33, 8, 8, [9, 0, 9], 'some'),
  size([1], 100, 100, 10, [0]),
  size([2, 2, 0, 2, 1], 257, 7, 20, [5, 0, 5, 300, 1]),
  size([1], 1000, 16, 100, [100], 'some'),
  size([1, 1], 1000, 3, 10, [0, 500]),
  size([5], 513, 15, 64, [7]),
  size(Array(40).fill(1), 300, 17, 10, Array(40).fill(3)),
  size([1, 2], 20, 4, 0, [1, 0]),
]

/** Bits of a catalogue: all, every third item left out, or none allowed. */
function bits({ catalogue, allowed }: Size): Input[] {
  if (allowed === 'all') return []
  const words = new Int32Array(Math.ceil(catalogue / 32))
  for (let item = 0; allowed === 'some' && item < catalogue; item++) if (item % 3 > 0) words[item >> 5] |= 1 << (item % 32)
  return [indices([...words])]
}
const masks = (s: Size): Input[] => [ids(sum(s.seen), s.catalogue), indices(offsetsOf(s.seen)), ...bits(s)]

/** Real vectors, and quarters, whose inner products are often equal and exact in f32. */
const kinds = [real, quarters].flatMap((kind) => sizes.map((s) => ({ ...s, kind: kind.name, draw: kind })))

export const selection: Sample[] = [
  ...samples('topK', ROUNDINGS, kinds, (s) => ({
    inputs: [s.draw([sum(s.interests), s.width]), indices(offsetsOf(s.interests)), s.draw([s.catalogue, s.width]), ...masks(s)],
    run: (e, [vectors, offsets, items, seen, seenOffsets, allowed = 0]) =>
      e.topK(vectors, offsets, items, s.k, seen, seenOffsets, allowed, 0),
  })),
  // What codes rule out shows in what `topK` finds by them
  ...samples('quantize', ROUNDINGS, kinds, (s) => ({
    inputs: [s.draw([sum(s.interests), s.width]), indices(offsetsOf(s.interests)), s.draw([s.catalogue, s.width]), ...masks(s)],
    run: (e, [vectors, offsets, items, seen, seenOffsets, allowed = 0]) =>
      e.topK(vectors, offsets, items, s.k, seen, seenOffsets, allowed, e.quantize(items)),
  })),
  ...samples('topKScores', ROUNDINGS, kinds, (s) => ({
    inputs: [s.draw([s.interests.length, s.catalogue]), ...masks(s)],
    run: (e, [scores, seen, seenOffsets, allowed = 0]) => e.topKScores(scores, s.k, seen, seenOffsets, allowed),
  })),
]
