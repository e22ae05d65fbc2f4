import type { Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectShape } from './arena.ts'
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

export function losses(arena: Arena): Pick<Operations, 'crossEntropy' | 'sampledSoftmax'> {
  const side = (id: number): Side => new Side(arena.matrix(id).values, arena.matrix(id).width)

  /**
   * Cross entropy of row t of `h` over candidates, the first of which is the right one: −ln p_0, with dlogit = p − [first],
   * all divided by the number of rows.
   */
  const row = (h: Side, t: number, count: number, candidates: readonly (readonly [Side, number])[]): number => {
    const p = softmax(Float64Array.from(candidates, ([side, r]) => side.dot(r, h.row(t))))
    candidates.forEach(([side, r], c) => {
      const dlogit = (p[c] - (c === 0 ? 1 : 0)) / count
      h.addGradient(t, dlogit, side.row(r))
      side.addGradient(r, dlogit, h.row(t))
    })
    return -Math.log(p[0]) / count
  }

  return {
    crossEntropy(hId, itemsId, targetsId) {
      const [h, items, targets] = [side(hId), side(itemsId), arena.ints(targetsId)]
      const [count, catalogue] = [arena.matrix(hId).rows, arena.matrix(itemsId).rows]
      expectShape(h.width > 0 && h.width === items.width, `crossEntropy: widths ${h.width} and ${items.width}`)
      expectShape(targets.length === count, `crossEntropy: ${targets.length} targets for ${count} rows`)
      expectIds(targets, catalogue, 'targets')
      let loss = 0
      targets.forEach((target, t) => {
        const others = Array.from({ length: catalogue }, (_, v) => v).filter((v) => v !== target)
        loss += row(
          h,
          t,
          count,
          [target, ...others].map((v) => [items, v] as const),
        )
      })
      return [
        arena.put(Float64Array.of(loss), []),
        arena.put(h.gradient, arena.real(hId).shape),
        arena.put(items.gradient, arena.real(itemsId).shape),
      ]
    },

    sampledSoftmax(hId, positivesId, negativesId, targetsId, drawnId) {
      const [h, positives, negatives] = [side(hId), side(positivesId), side(negativesId)]
      const [targets, drawn, count] = [arena.ints(targetsId), arena.ints(drawnId), arena.matrix(hId).rows]
      expectShape(
        arena.real(hId).shape.join() === arena.real(positivesId).shape.join(),
        'sampledSoftmax: h and positives of different shapes',
      )
      expectShape(h.width > 0 && h.width === negatives.width, `sampledSoftmax: widths ${h.width} and ${negatives.width}`)
      expectShape(targets.length === count, `sampledSoftmax: ${targets.length} targets for ${count} rows`)
      expectShape(drawn.length === arena.matrix(negativesId).rows, 'sampledSoftmax: negatives and their ids of different lengths')
      let loss = 0
      targets.forEach((target, t) => {
        const others = [...drawn.keys()].filter((n) => drawn[n] !== target)
        loss += row(h, t, count, [[positives, t], ...others.map((n) => [negatives, n] as const)])
      })
      return [
        arena.put(Float64Array.of(loss), []),
        arena.put(h.gradient, arena.real(hId).shape),
        arena.put(positives.gradient, arena.real(positivesId).shape),
        arena.put(negatives.gradient, arena.real(negativesId).shape),
      ]
    },
  }
}
