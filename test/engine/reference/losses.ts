import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape } from './arena.ts'
import { softmax } from './rows.ts'
import { expectIds } from './tables.ts'

/** A matrix and the gradient that gathers for it. */
class Side {
  readonly values: Float64Array
  readonly width: number
  readonly gradient: Float64Array

  constructor(values: Float64Array, width: number) {
    this.values = values
    this.width = width
    this.gradient = new Float64Array(values.length)
  }

  row(r: number): Float64Array {
    return this.values.subarray(r * this.width, (r + 1) * this.width)
  }

  dot(r: number, other: Float64Array): number {
    return this.row(r).reduce((sum, value, i) => sum + value * other[i], 0)
  }

  addGradient(r: number, factor: number, other: Float64Array): void {
    for (let i = 0; i < this.width; i++) this.gradient[r * this.width + i] += factor * other[i]
  }
}

/** The weights of rows as parts of their sum; 0 where there is no weight. */
export function partsOf(arena: Arena, weights: Id, count: number): Float64Array {
  const w = weights === 0 ? new Float64Array(count).fill(1) : arena.real(weights).values
  expectShape(w.length === count, `${w.length} weights for ${count} rows`)
  expectRange(
    w.every((x) => Number.isFinite(x) && x >= 0),
    'weights that are negative or not finite',
  )
  const total = w.reduce((sum, x) => sum + x, 0)
  return w.map((x) => (total === 0 ? 0 : x / total))
}

/** What the logits of `count` candidates are lessened by. */
export function correctionsOf(arena: Arena, logQ: Id, count: number): Float64Array {
  const q = logQ === 0 ? new Float64Array(count) : arena.real(logQ).values
  expectShape(q.length === count, `${q.length} corrections for ${count} candidates`)
  return q
}

/** A row that stands for a candidate, and what its logit is lessened by. */
type Candidate = readonly [Side, row: number, logQ: number]

export function losses(arena: Arena): Pick<Operations, 'crossEntropy' | 'sampledSoftmax' | 'rowSampledSoftmax'> {
  const side = (id: number): Side => new Side(arena.matrix(id).values, arena.matrix(id).width)

  /**
   * Cross entropy of row t of `h` over candidates, the first of which is the right one: −ln p_0, with dlogit = p − [first],
   * all times the row's part of the mean.
   */
  const row = (h: Side, t: number, part: number, candidates: readonly Candidate[]): number => {
    const p = softmax(Float64Array.from(candidates, ([side, r, logQ]) => side.dot(r, h.row(t)) - logQ))
    candidates.forEach(([side, r], c) => {
      const dlogit = (p[c] - (c === 0 ? 1 : 0)) * part
      h.addGradient(t, dlogit, side.row(r))
      side.addGradient(r, dlogit, h.row(t))
    })
    return part === 0 ? 0 : -Math.log(p[0]) * part
  }
  const put = (loss: number, ...pairs: readonly (readonly [Side, Id])[]): Id[] => [
    arena.put(Float64Array.of(loss), []),
    ...pairs.map(([{ gradient }, id]) => arena.put(gradient, arena.real(id).shape)),
  ]

  /** Over negatives that all rows share, or that each has as many of for itself. */
  const sampled = (
    [hId, positivesId, negativesId, targetsId, drawnId, logQ, targetLogQ, weights]: readonly Id[],
    shared: boolean,
  ): Id[] => {
    const [h, positives, negatives] = [side(hId), side(positivesId), side(negativesId)]
    const [targets, drawn, count] = [arena.ints(targetsId), arena.ints(drawnId), arena.matrix(hId).rows]
    expectShape(arena.real(hId).shape.join() === arena.real(positivesId).shape.join(), 'sampled softmax: other positives than rows')
    expectShape(h.width > 0 && h.width === negatives.width, `sampled softmax: widths ${h.width} and ${negatives.width}`)
    expectShape(targets.length === count, `sampled softmax: ${targets.length} targets for ${count} rows`)
    expectShape(drawn.length === arena.matrix(negativesId).rows, 'sampled softmax: negatives and their ids of different lengths')
    const each = drawn.length / Math.max(count, 1)
    expectShape(shared || (Number.isInteger(each) && each * count === drawn.length), `${drawn.length} negatives for ${count} rows`)
    const parts = partsOf(arena, weights, count)
    const [q, own] = [correctionsOf(arena, logQ, drawn.length), correctionsOf(arena, targetLogQ, count)]
    let loss = 0
    targets.forEach((target, t) => {
      const others = [...drawn.keys()].filter((n) => (shared || Math.floor(n / each) === t) && drawn[n] !== target)
      loss += row(h, t, parts[t], [[positives, t, own[t]], ...others.map((n) => [negatives, n, q[n]] as const)])
    })
    return put(loss, [h, hId], [positives, positivesId], [negatives, negativesId])
  }

  return {
    crossEntropy(hId, itemsId, targetsId, weights) {
      const [h, items, targets] = [side(hId), side(itemsId), arena.ints(targetsId)]
      const [count, catalogue] = [arena.matrix(hId).rows, arena.matrix(itemsId).rows]
      expectShape(h.width > 0 && h.width === items.width, `crossEntropy: widths ${h.width} and ${items.width}`)
      expectShape(targets.length === count, `crossEntropy: ${targets.length} targets for ${count} rows`)
      expectIds(targets, catalogue, 'targets')
      const parts = partsOf(arena, weights, count)
      let loss = 0
      targets.forEach((target, t) => {
        const others = Array.from({ length: catalogue }, (_, v) => v).filter((v) => v !== target)
        loss += row(
          h,
          t,
          parts[t],
          [target, ...others].map((v) => [items, v, 0] as const),
        )
      })
      return put(loss, [h, hId], [items, itemsId])
    },
    sampledSoftmax: (...ids) => sampled(ids, true),
    rowSampledSoftmax: (...ids) => sampled(ids, false),
  }
}
