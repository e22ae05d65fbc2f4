import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape } from './arena.ts'
import { correctionsOf, partsOf } from './losses.ts'
import { softmax } from './rows.ts'
import { expectIds } from './tables.ts'

type MaxLosses = Pick<Operations, 'maxCrossEntropy' | 'maxSampledSoftmax' | 'bestInterests'>

/** A candidate of an event: a row of a matrix, the gradient of the matrix, and what its logit is lessened by. */
interface Candidate {
  readonly row: Float64Array
  readonly gradient: Float64Array
  readonly logQ: number
}

export function maxLosses(arena: Arena): MaxLosses {
  const rowsOf = (id: Id): Float64Array[] => {
    const { values, rows, width } = arena.matrix(id)
    return Array.from({ length: rows }, (_, r) => values.subarray(r * width, (r + 1) * width))
  }
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i], 0)
  const zeros = (rows: readonly Float64Array[]): Float64Array[] => rows.map((row) => new Float64Array(row.length))
  const put = (rows: readonly Float64Array[], like: Id): Id =>
    arena.put(Float64Array.from(rows.flatMap((row) => [...row])), arena.real(like).shape)

  /** Which of some vectors has the greatest product with a row, the first among equals. */
  const read = (vectors: readonly Float64Array[], row: Float64Array): number => {
    const products = vectors.map((vector) => dot(vector, row))
    return products.indexOf(Math.max(...products))
  }

  /** Σ w (LSE(max_k h_k · c) − max_k h_k · c_0) / Σ w over the candidates c of each event, the first of which is the right one. */
  const mean = (h: Id, targets: Id, weights: Id, interests: number, candidatesOf: (t: number) => Candidate[]): [loss: Id, dh: Id] => {
    const vectors = rowsOf(h)
    const dh = zeros(vectors)
    const count = arena.ints(targets).length
    expectRange(interests > 0, `${interests} interests`)
    expectShape(arena.matrix(h).width > 0 && vectors.length === count * interests, `${vectors.length} vectors for ${count} events`)
    const parts = partsOf(arena, weights, count)
    let loss = 0
    for (let t = 0; t < count; t++) {
      if (parts[t] === 0) continue
      const own = vectors.slice(t * interests, (t + 1) * interests)
      const candidates = candidatesOf(t)
      const readers = candidates.map(({ row }) => read(own, row))
      const p = softmax(Float64Array.from(candidates, ({ row, logQ }, c) => dot(own[readers[c]], row) - logQ))
      loss -= parts[t] * Math.log(p[0])
      candidates.forEach(({ row, gradient }, c) => {
        const dlogit = parts[t] * (p[c] - (c === 0 ? 1 : 0))
        row.forEach((x, i) => {
          dh[t * interests + readers[c]][i] += dlogit * x
          gradient[i] += dlogit * own[readers[c]][i]
        })
      })
    }
    return [arena.put(Float64Array.of(loss), []), put(dh, h)]
  }

  return {
    maxCrossEntropy(h, itemsId, targetsId, weights, interests) {
      const [items, targets] = [rowsOf(itemsId), arena.ints(targetsId)]
      expectShape(arena.matrix(h).width === arena.matrix(itemsId).width, 'maxCrossEntropy: items of another width')
      const ditems = zeros(items)
      expectIds(targets, items.length, 'targets')
      const candidates = items.map((row, v) => ({ row, gradient: ditems[v], logQ: 0 }))
      const from = mean(h, targetsId, weights, interests, (t) => [candidates[targets[t]], ...candidates.filter((_, v) => v !== targets[t])])
      return [...from, put(ditems, itemsId)]
    },

    maxSampledSoftmax(h, positivesId, negativesId, targetsId, drawnId, logQId, targetLogQId, weights, interests) {
      const [positives, negatives, targets, drawn] = [rowsOf(positivesId), rowsOf(negativesId), arena.ints(targetsId), arena.ints(drawnId)]
      const { width } = arena.matrix(h)
      expectShape(arena.matrix(positivesId).width === width && positives.length === targets.length, 'maxSampledSoftmax: other positives')
      expectShape(arena.matrix(negativesId).width === width && negatives.length === drawn.length, 'maxSampledSoftmax: other negatives')
      const [logQ, own] = [correctionsOf(arena, logQId, drawn.length), correctionsOf(arena, targetLogQId, targets.length)]
      const [dpositives, dnegatives] = [zeros(positives), zeros(negatives)]
      const others = negatives.map((row, n) => ({ row, gradient: dnegatives[n], logQ: logQ[n] }))
      const from = mean(h, targetsId, weights, interests, (t) => [
        { row: positives[t], gradient: dpositives[t], logQ: own[t] },
        ...others.filter((_, n) => drawn[n] !== targets[t]),
      ])
      return [...from, put(dpositives, positivesId), put(dnegatives, negativesId)]
    },

    bestInterests(h, itemsId) {
      const [vectors, items] = [rowsOf(h), rowsOf(itemsId)]
      const interests = vectors.length / Math.max(items.length, 1)
      expectShape(arena.matrix(h).width > 0 && arena.matrix(h).width === arena.matrix(itemsId).width, 'bestInterests: another width')
      expectShape(Number.isInteger(interests) && (interests > 0 || items.length === 0), `bestInterests: ${vectors.length} vectors`)
      expectShape(items.length > 0 || vectors.length === 0, 'bestInterests: vectors of no event')
      const best = items.map((row, t) => t * interests + read(vectors.slice(t * interests, (t + 1) * interests), row))
      return arena.put(Int32Array.from(best), [items.length])
    },
  }
}
