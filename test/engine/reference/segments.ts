import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape } from './arena.ts'
import { softmax } from './rows.ts'
import { expectIdsOrNone, total } from './tables.ts'

// biome-ignore format: a list of names
type Segments = Pick<
  Operations,
  | 'segmentIds' | 'repeatOffsets' | 'segmentSoftmax' | 'segmentSoftmaxGradient' | 'segmentSum' | 'segmentMean' | 'segmentMeanGradient'
  | 'segmentMix' | 'segmentMixGradient' | 'pairs' | 'pairLinear' | 'pairMix' | 'present'
>

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0)
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

export function segments(arena: Arena): Segments {
  const list = (values: readonly number[]): Id => arena.put(Int32Array.from(values), [values.length])

  /** The rows of each segment, by index. */
  const segmentsOf = (offsets: Id): number[][] => {
    const bounds = arena.offsets(offsets)
    return range(1, bounds.length).map((b) => range(bounds[b - 1], bounds[b]))
  }
  /** The same, of a matrix that they must cover. */
  const segmentsOver = (offsets: Id, rows: number): number[][] => {
    expectRange(total(arena.offsets(offsets)) === rows, `offsets up to ${total(arena.offsets(offsets))} for ${rows} rows`)
    return segmentsOf(offsets)
  }
  /** A matrix [rows, width] of what `f` gives for each element of each segment. */
  const each = (rows: number, width: number, parts: number[][], f: (part: number[], b: number, column: number) => ArrayLike<number>) => {
    const y = new Float64Array(rows * width)
    for (const [b, part] of parts.entries()) {
      for (let c = 0; c < width; c++) {
        const column = f(part, b, c)
        for (const [i, t] of part.entries()) y[t * width + c] = column[i]
      }
    }
    return arena.put(y, [rows, width])
  }
  /** [B, width] of what `f` gives for each segment and column. */
  const reduced = (width: number, parts: number[][], f: (part: number[], column: number) => number): Id =>
    arena.put(Float64Array.from(parts.flatMap((part) => range(0, width).map((c) => f(part, c)))), [parts.length, width])
  /** Elements of a column at some rows. */
  const at = (id: Id, part: number[], column: number): Float64Array => {
    const { values, width } = arena.matrix(id)
    return Float64Array.from(part, (t) => values[t * width + column])
  }
  const sumOf = (id: Id, part: number[], column: number): number => at(id, part, column).reduce((sum, x) => sum + x, 0)
  const mixed = (weights: Id, values: Id) => {
    expectShape(arena.matrix(weights).rows === arena.matrix(values).rows, 'segmentMix: rows')
    return [arena.matrix(weights).width, arena.matrix(values).width]
  }

  /** [event, candidate] of each pair, candidate by candidate. */
  const pairsOf = (offsets: Id, candidateOffsets: Id, rows: number): (readonly [number, number])[][] => {
    const [events, candidates] = [segmentsOver(offsets, rows), segmentsOf(candidateOffsets)]
    expectShape(events.length === candidates.length, `pairs: ${events.length} and ${candidates.length} segments`)
    return candidates.flatMap((part, b) => part.map((c) => events[b].map((t) => [t, c] as const)))
  }
  const rowOf = (id: Id, row: number): Float64Array => {
    const { values, width } = arena.matrix(id)
    return values.subarray(row * width, (row + 1) * width)
  }

  return {
    segmentIds: (offsets) => list(segmentsOf(offsets).flatMap((part, b) => part.map(() => b))),
    repeatOffsets(offsets, times) {
      const repeated = [...arena.offsets(offsets)].map((offset) => offset * times)
      expectRange(times >= 0 && repeated.every((offset) => offset < 2 ** 31), `repeatOffsets: ${times} times`)
      return list(repeated)
    },
    segmentSoftmax(x, offsets) {
      const { rows, width } = arena.matrix(x)
      return each(rows, width, segmentsOver(offsets, rows), (part, _, c) => softmax(at(x, part, c)))
    },
    segmentSoftmaxGradient(y, dy, offsets) {
      const { rows, width } = arena.matrix(y)
      expectShape(arena.real(dy).shape.join() === `${rows},${width}`, 'segmentSoftmaxGradient: shapes')
      return each(rows, width, segmentsOver(offsets, rows), (part, _, c) => {
        const [p, d] = [at(y, part, c), at(dy, part, c)]
        return p.map((weight, i) => weight * (d[i] - dot(p, d)))
      })
    },
    segmentSum(x, offsets) {
      const { rows, width } = arena.matrix(x)
      return reduced(width, segmentsOver(offsets, rows), (part, c) => sumOf(x, part, c))
    },
    segmentMean(x, offsets) {
      const { rows, width } = arena.matrix(x)
      return reduced(width, segmentsOver(offsets, rows), (part, c) => sumOf(x, part, c) / Math.max(1, part.length))
    },
    segmentMeanGradient(dy, offsets) {
      const [{ rows, width }, parts] = [arena.matrix(dy), segmentsOf(offsets)]
      expectShape(rows === parts.length, `segmentMeanGradient: ${rows} rows for ${parts.length} segments`)
      return each(parts.flat().length, width, parts, (part, b, c) => part.map(() => at(dy, [b], c)[0] / part.length))
    },
    segmentMix(weights, values, offsets) {
      const [columns, width] = mixed(weights, values)
      const parts = segmentsOver(offsets, arena.matrix(values).rows)
      const sums = parts.flatMap((part) =>
        range(0, columns).flatMap((k) => range(0, width).map((d) => dot(at(weights, part, k), at(values, part, d)))),
      )
      return arena.put(Float64Array.from(sums), [parts.length, columns, width])
    },
    segmentMixGradient(weights, values, dy, offsets) {
      const [columns, width] = mixed(weights, values)
      const { rows } = arena.matrix(values)
      const parts = segmentsOver(offsets, rows)
      const { values: upstream, shape } = arena.real(dy)
      expectShape(shape.join() === [parts.length, columns, width].join(), `segmentMixGradient: a gradient of shape [${shape}]`)
      const d = (b: number, k: number, i: number): number => upstream[(b * columns + k) * width + i]
      const ofWeights = (b: number, t: number, k: number) => range(0, width).reduce((sum, i) => sum + at(values, [t], i)[0] * d(b, k, i), 0)
      const ofValues = (b: number, t: number, i: number) =>
        range(0, columns).reduce((sum, k) => sum + at(weights, [t], k)[0] * d(b, k, i), 0)
      return [
        each(rows, columns, parts, (part, b, k) => part.map((t) => ofWeights(b, t, k))),
        each(rows, width, parts, (part, b, i) => part.map((t) => ofValues(b, t, i))),
      ]
    },

    pairs(offsets, candidateOffsets) {
      const [events, candidates] = [segmentsOf(offsets), segmentsOf(candidateOffsets)]
      expectShape(events.length === candidates.length, `pairs: ${events.length} and ${candidates.length} segments`)
      expectRange(events.reduce((sum, part, b) => sum + part.length * candidates[b].length, 0) < 2 ** 31, 'pairs: more than an i32 counts')
      const lists = candidates.flatMap((part, b) => part.map((candidate) => events[b].map((event) => [event, candidate] as const)))
      const ends = lists.map((_, c) => lists.slice(0, c + 1).flat().length)
      return [list(lists.flat().map(([event]) => event)), list(lists.flat().map(([, candidate]) => candidate)), list([0, ...ends])]
    },
    pairLinear(a, b, x, y, w, offsets, candidateOffsets) {
      const [{ rows, width: outer }, inner] = [arena.matrix(a), arena.matrix(x).width]
      const lists = pairsOf(offsets, candidateOffsets, rows)
      const expected = [
        [b, lists.length, outer],
        [x, rows, inner],
        [y, lists.length, inner],
        [w, inner, outer],
      ] as const
      for (const [id, ...shape] of expected) expectShape(arena.shape(id).join() === shape.join(), `pairLinear: [${arena.shape(id)}]`)
      const weight = (i: number, o: number): number => rowOf(w, i)[o]
      const sums = lists.flat().flatMap(([t, c]) => {
        const product = rowOf(x, t).map((value, i) => value * rowOf(y, c)[i])
        return range(0, outer).map(
          (o) => rowOf(a, t)[o] + rowOf(b, c)[o] + product.reduce((sum, value, i) => sum + value * weight(i, o), 0),
        )
      })
      return arena.put(Float64Array.from(sums), [lists.flat().length, outer])
    },
    pairMix(weights, values, offsets, candidateOffsets) {
      const [{ values: w, shape }, { rows, width }] = [arena.real(weights), arena.matrix(values)]
      const lists = pairsOf(offsets, candidateOffsets, rows)
      expectShape(shape.length === 1 && shape[0] === lists.flat().length, `pairMix: [${shape}] weights`)
      let at = 0
      const sums = lists.flatMap((list) => {
        const start = at
        at += list.length
        return range(0, width).map((d) => list.reduce((sum, [t], i) => sum + w[start + i] * rowOf(values, t)[d], 0))
      })
      return arena.put(Float64Array.from(sums), [lists.length, width])
    },
    present(items) {
      const [values, shape] = [arena.ints(items), arena.shape(items)]
      expectShape(shape.length === 2, `present: [${shape}]`)
      expectIdsOrNone(values, 2 ** 31, 'items')
      const rows = range(0, shape[0]).map((b) => [...values.subarray(b * shape[1], (b + 1) * shape[1])].filter((item) => item !== -1))
      return [list(rows.flat()), list([0, ...rows.map((_, b) => rows.slice(0, b + 1).flat().length)])]
    },
  }
}
