import { mix } from '../../../src/data/random.ts'
import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape } from './arena.ts'
import { dropped, expectRate } from './elementwise.ts'
import { total } from './tables.ts'

/** One query of one head: its row, the rows of its keys, and where both stand in [row, D]. */
interface Query {
  readonly head: number
  readonly row: number
  readonly keys: readonly number[]
}

export function attention(arena: Arena): Pick<Operations, 'attention' | 'attentionGradient'> {
  /** Checks the shapes, and lists the queries of all segments and heads. */
  const prepare = (q: Id, k: Id, v: Id, queries: Id, offsets: Id, heads: number): { size: number; width: number; list: Query[] } => {
    const [rows, keys, values] = [arena.matrix(q), arena.matrix(k), arena.matrix(v)]
    const [from, at] = [arena.offsets(queries), arena.offsets(offsets)]
    expectShape(keys.rows === values.rows && keys.width === values.width, 'attention: keys and values of different shapes')
    expectShape(rows.width === keys.width, `attention: queries of width ${rows.width}, keys of width ${keys.width}`)
    expectShape(rows.width / heads <= 1024, `attention: ${heads} heads in a width of ${rows.width}`)
    expectShape(heads > 0 && rows.width > 0 && rows.width % heads === 0, `attention: ${heads} heads in a width of ${rows.width}`)
    expectShape(from.length === at.length, 'attention: queries and offsets of different lengths')
    expectRange(total(from) === rows.rows && total(at) === keys.rows, 'attention: offsets that do not cover the rows')
    const list: Query[] = []
    for (let b = 0; b + 1 < at.length; b++) {
      const [count, length] = [from[b + 1] - from[b], at[b + 1] - at[b]]
      expectRange(count <= length, `attention: ${count} queries for ${length} keys`)
      for (let i = 0; i < count; i++) {
        const seen = Array.from({ length: length - count + i + 1 }, (_, j) => at[b] + j) // causal: keys up to the query's own event
        for (let head = 0; head < heads; head++) list.push({ head, row: from[b] + i, keys: seen })
      }
    }
    return { size: rows.width / heads, width: rows.width, list }
  }

  /** Σ over the head's slice of row i of a and row j of b. */
  const dot = (a: Float64Array, i: number, b: Float64Array, j: number, width: number, head: number, size: number): number => {
    let sum = 0
    for (let c = head * size; c < (head + 1) * size; c++) sum += a[i * width + c] * b[j * width + c]
    return sum
  }

  /** What a weight is multiplied by: 0 or 1 / (1 − rate). Head by head another seed; rows of 65536 indices, later ones scattered. */
  const mask = ({ head, row }: Query, key: number, rate: number, seed: number, draw: number): number =>
    dropped(rate, (seed ^ mix(head)) >>> 0, mix(draw + 1), ((row * 65536 + key) ^ Math.imul(row >>> 16, 0x9e3779b9)) >>> 0)
      ? 0
      : 1 / (1 - rate)

  return {
    attention(q, k, v, queries, offsets, heads, rate, seed, draw) {
      expectRate(rate)
      const { size, width, list } = prepare(q, k, v, queries, offsets, heads)
      const [Q, K, V] = [q, k, v].map((id) => arena.real(id).values)
      const out = new Float64Array(Q.length)
      const lse = new Float64Array((Q.length / Math.max(width, 1)) * heads)
      for (const query of list) {
        const { head, row, keys } = query
        const scores = keys.map((j) => dot(Q, row, K, j, width, head, size) / Math.sqrt(size))
        const max = Math.max(...scores)
        const L = max + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - max), 0))
        lse[row * heads + head] = L
        keys.forEach((j, position) => {
          const weight = Math.exp(scores[position] - L) * mask(query, position, rate, seed, draw)
          for (let c = head * size; c < (head + 1) * size; c++) out[row * width + c] += weight * V[j * width + c]
        })
      }
      return [arena.put(out, arena.real(q).shape), arena.put(lse, [arena.real(q).shape[0], heads])]
    },

    // With P = exp(s − lse), mask m and dP_j = m_j · dout · v_j:  ds_j = P_j (dP_j − dout · out)
    attentionGradient(q, k, v, out, lse, dout, queries, offsets, heads, rate, seed, draw) {
      expectRate(rate)
      const { size, width, list } = prepare(q, k, v, queries, offsets, heads)
      const [Q, K, V, O, L, D] = [q, k, v, out, lse, dout].map((id) => arena.real(id).values)
      expectShape(
        O.length === Q.length && D.length === Q.length && L.length * size === Q.length,
        'attentionGradient: results of other shapes',
      )
      const [dq, dk, dv] = [Q, K, V].map((values) => new Float64Array(values.length))
      for (const query of list) {
        const { head, row, keys } = query
        const along = dot(D, row, O, row, width, head, size)
        keys.forEach((j, position) => {
          const m = mask(query, position, rate, seed, draw)
          const P = Math.exp(dot(Q, row, K, j, width, head, size) / Math.sqrt(size) - L[row * heads + head])
          const ds = (P * (m * dot(D, row, V, j, width, head, size) - along)) / Math.sqrt(size)
          for (let c = head * size; c < (head + 1) * size; c++) {
            dq[row * width + c] += ds * K[j * width + c]
            dk[j * width + c] += ds * Q[row * width + c]
            dv[j * width + c] += P * m * D[row * width + c]
          }
        })
      }
      return [arena.put(dq, arena.real(q).shape), arena.put(dk, arena.real(k).shape), arena.put(dv, arena.real(v).shape)]
    },
  }
}
