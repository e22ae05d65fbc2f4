import { expect, it } from 'vitest'
import type { Engine, Id } from '../../../src/engine/engine.ts'
import { offsetsOf, real, sum, upload } from './samples.ts'

const BATCH = 517
const WIDTHS = [7, 64, 100, 300]
/** Rows at the edges of blocks and lanes, in company of one to nine. */
const SLICES = [[0, 1], [1, 2], [3, 5], [7, 10], [15, 17], [63, 66], [100, 104], [255, 258], [300, 309], [516, 517]] as const // biome-ignore format: a table
/** Histories that are compared, among others of 0 to 12 events. */
const HISTORIES = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100, 127, 129, 200, 256, 257, 299, 300]
const LENGTHS = Array.from({ length: BATCH }, (_, b) => (b % 24 === 5 ? HISTORIES[(b - 5) / 24] ?? 1 : b % 13)) // biome-ignore format: a table

/** The bits of f32 values, as unsigned integers. */
const bits = (values: Float32Array): Uint32Array => new Uint32Array(values.slice().buffer)

function inScope<R>(e: Engine, body: () => R): R {
  e.openScope()
  try {
    return body()
  } finally {
    e.closeScope(new Uint32Array())
  }
}

const random = (shape: readonly number[], seed: number): Float32Array => real(shape).draw(seed) as Float32Array

/** Functions of rows [n, width] → [n, …], with whatever else they need. */
const rowFunctions: Record<string, (e: Engine, x: Id, width: number) => Id> = {
  linear: (e, x, width) => e.linear(x, upload(e, random([width, 33], 1), [width, 33]), upload(e, random([33], 2), [33])),
  'a square linear': (e, x, width) => e.linear(x, upload(e, random([width, width], 3), [width, width]), 0),
  linearRelu: (e, x, width) => e.linearRelu(x, upload(e, random([width, 48], 8), [width, 48]), upload(e, random([48], 9), [48])),
  'linearOnto itself': (e, x, width) => e.linearOnto(x, x, upload(e, random([width, width], 10), [width, width]), 0),
  linearInputGradient: (e, x, width) => e.linearInputGradient(x, upload(e, random([70, width], 4), [70, width])),
  'inner, by its left rows': (e, x, width) => e.inner(x, upload(e, random([257, width], 5), [257, width])),
  softmax: (e, x) => e.softmax(x),
  layerNorm: (e, x, width) => e.layerNorm(x, upload(e, random([width], 6), [width]), upload(e, random([width], 7), [width]), 1e-8),
  normalize: (e, x) => e.normalize(x),
  'rowDot with itself': (e, x) => e.rowDot(x, x),
  softplus: (e, x) => e.softplus(x),
  multiplyRow: (e, x, width) => e.multiplyRow(x, upload(e, random([width], 11), [width])),
  gelu: (e, x) => e.gelu(x),
}

export function checkInvariance(engine: () => Engine): void {
  for (const [name, call] of Object.entries(rowFunctions)) {
    it.each(WIDTHS)(`${name}: a row of width %i has the same bits in any company`, (width) => {
      const e = engine()
      const rows = random([BATCH, width], width)
      const apply = (from: number, to: number) =>
        inScope(e, () => bits(e.readFloat32(call(e, upload(e, rows.subarray(from * width, to * width), [to - from, width]), width))))
      const batch = apply(0, BATCH)
      const outer = batch.length / BATCH
      for (const [from, to] of SLICES) {
        expect(apply(from, to), `rows ${from} to ${to}`).toEqual(batch.subarray(from * outer, to * outer))
      }
    })
  }

  it.each(WIDTHS)('inner: an element of width %i depends on its two rows alone', (width) => {
    const e = engine()
    const [a, b] = [random([9, width], 1), random([BATCH, width], 2)]
    const product = (from: number, to: number) =>
      inScope(e, () =>
        bits(e.readFloat32(e.inner(upload(e, a, [9, width]), upload(e, b.subarray(from * width, to * width), [to - from, width])))),
      )
    const batch = product(0, BATCH)
    for (const [from, to] of SLICES) {
      const columns = Array.from({ length: 9 }, (_, i) => [...batch.subarray(i * BATCH + from, i * BATCH + to)]).flat()
      expect([...product(from, to)], `columns ${from} to ${to}`).toEqual(columns)
    }
  })

  it.each([
    [7, 1],
    [64, 1],
    [64, 4],
    [100, 2],
  ])('attention: a history of width %i in %i heads has the same bits in any company', (width, heads) => {
    const e = engine()
    const offsets = offsetsOf(LENGTHS)
    const [q, k, v] = [1, 2, 3].map((seed) => random([sum(LENGTHS), width], seed))
    const attend = (from: number, to: number, bounds: readonly number[]) =>
      inScope(e, () => {
        const [x, y, z] = [q, k, v].map((values) => upload(e, values.subarray(from * width, to * width), [to - from, width]))
        const at = upload(e, Int32Array.from(bounds), [bounds.length])
        return Array.from(e.attention(x, y, z, at, at, heads, 0, 0, 0)).map((id) => bits(e.readFloat32(id)))
      })
    const [out, lse] = attend(0, sum(LENGTHS), offsets)
    for (let b = 0; b < BATCH; b++) {
      if (b % 24 !== 5 && b % 40 !== 1) continue
      const [from, to] = [offsets[b], offsets[b + 1]]
      const [alone, aloneLse] = attend(from, to, [0, to - from])
      expect(alone, `a history of ${to - from}`).toEqual(out.subarray(from * width, to * width))
      expect(aloneLse, `a history of ${to - from}`).toEqual(lse.subarray(from * heads, to * heads))
    }
  })

  it.each(WIDTHS)('topK: a user of width %i has the same items and scores in any company', (width) => {
    const e = engine()
    const [vectors, items] = [random([BATCH, width], 1), random([300, width], 2)]
    const best = (from: number, to: number) =>
      inScope(e, () => {
        const users = Int32Array.from({ length: to - from + 1 }, (_, i) => i)
        const [x, table] = [upload(e, vectors.subarray(from * width, to * width), [to - from, width]), upload(e, items, [300, width])]
        const nothing = [upload(e, new Int32Array(), [0]), upload(e, new Int32Array(users.length), [users.length])] as const
        const [ids, scores] = Array.from(e.topK(x, upload(e, users, [users.length]), table, 10, ...nothing, 0, 0))
        return [e.readInt32(ids), bits(e.readFloat32(scores))] as const
      })
    const [ids, scores] = best(0, BATCH)
    for (const [from, to] of SLICES) {
      const [someIds, someScores] = best(from, to)
      expect(someIds, `users ${from} to ${to}`).toEqual(ids.subarray(from * 10, to * 10))
      expect(someScores, `users ${from} to ${to}`).toEqual(scores.subarray(from * 10, to * 10))
    }
  })

  it.each(WIDTHS)('topK: codes change no bit at width %i', (width) => {
    const e = engine()
    const interests = Array.from({ length: 60 }, (_, b) => b % 5)
    const seen = interests.map((_, b) => [b, (7 * b) % 2000, 1999].slice(0, b % 4))
    const best = (deviation: number, k: number, codes: boolean) =>
      inScope(e, () => {
        const rows = sum(interests)
        const lists = [seen.flat(), offsetsOf(seen.map((items) => items.length)), offsetsOf(interests)]
        const [hidden, hiddenOffsets, offsets] = lists.map((values) => upload(e, Int32Array.from(values), [values.length]))
        const allowed = upload(
          e,
          Int32Array.from({ length: 63 }, (_, i) => (i % 7 === 0 ? 0 : 0x7ffffffe)),
          [63],
        )
        const table = random([2000, width], 2).map((x) => Math.round(x * deviation) / deviation)
        const [vectors, items] = [upload(e, random([rows, width], 1), [rows, width]), upload(e, table, [2000, width])]
        const found = Array.from(e.topK(vectors, offsets, items, k, hidden, hiddenOffsets, allowed, codes ? e.quantize(items) : 0))
        return [e.readInt32(found[0]), bits(e.readFloat32(found[1])), e.readInt32(found[2])]
      })
    for (const deviation of [1, 1000]) for (const k of [1, 10, 300]) expect(best(deviation, k, true)).toEqual(best(deviation, k, false))
  })

  it.each([1, 3, 7, 15, 16, 17, 31, 48, 64, 65, 100, 255, 256, 257, 300, 513])(
    'pairBest: scores of width %i have the bits of topK',
    (width) => {
      const e = engine()
      const counts = [1, 0, 3, 9, 2]
      const [items, k] = [130, 130]
      const [vectors, table] = [random([sum(counts), width], 1), random([items, width], 2)]
      const given = Float32Array.from({ length: counts.length * items * width }, (_, i) => table[i % table.length])
      inScope(e, () => {
        const list = (values: readonly number[]) => upload(e, Int32Array.from(values), [values.length])
        const [x, offsets] = [upload(e, vectors, [sum(counts), width]), list(offsetsOf(counts))]
        const none = [list([]), list(counts.map(() => 0).concat(0))] as const
        const best = Array.from(e.topK(x, offsets, upload(e, table, [items, width]), k, ...none, 0, 0))
        const rows = upload(e, given, [counts.length * items, width])
        const pairs = Array.from(e.pairBest(x, offsets, rows, list(offsetsOf(counts.map(() => items)))))
        const [ids, interests] = [e.readInt32(best[0]), e.readInt32(best[2])]
        const [scores, pairScores, pairInterests] = [bits(e.readFloat32(best[1])), bits(e.readFloat32(pairs[0])), e.readInt32(pairs[1])]
        for (let at = 0; at < ids.length; at++) {
          if (ids[at] < 0) continue
          const candidate = Math.floor(at / k) * items + ids[at]
          expect([pairScores[candidate], pairInterests[candidate]], `item ${ids[at]}`).toEqual([scores[at], interests[at]])
        }
        expect(ids.filter((id) => id >= 0)).toHaveLength(4 * items)
      })
    },
  )

  it.each([
    [1, 1],
    [7, 3],
    [64, 4],
    [100, 17],
  ])('segments of width %i have the same bits in any company, with %i columns', (width, columns) => {
    const e = engine()
    const offsets = offsetsOf(LENGTHS)
    const [x, w] = [random([sum(LENGTHS), width], 1), random([sum(LENGTHS), columns], 2)]
    const compute = (from: number, to: number, bounds: readonly number[]) =>
      inScope(e, () => {
        const values = upload(e, x.subarray(from * width, to * width), [to - from, width])
        const weights = upload(e, w.subarray(from * columns, to * columns), [to - from, columns])
        const at = upload(e, Int32Array.from(bounds), [bounds.length])
        const softmax = e.segmentSoftmax(weights, at)
        return [softmax, e.segmentSum(values, at), e.segmentMean(values, at), e.segmentMix(softmax, values, at)].map((id) =>
          bits(e.readFloat32(id)),
        )
      })
    const all = compute(0, sum(LENGTHS), offsets)
    for (let b = 0; b < BATCH; b++) {
      if (b % 24 !== 5 && b % 40 !== 1) continue
      const [softmax, ...others] = compute(offsets[b], offsets[b + 1], [0, offsets[b + 1] - offsets[b]])
      expect(softmax, `the softmax of ${LENGTHS[b]}`).toEqual(all[0].subarray(offsets[b] * columns, offsets[b + 1] * columns))
      for (const [i, one] of others.entries())
        expect(one, `result ${i + 1} of ${LENGTHS[b]}`).toEqual(all[i + 1].subarray(b * one.length, (b + 1) * one.length))
    }
  })
}
