import { mix } from '../../../src/data/random.ts'
import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape } from './arena.ts'
import { dropped, expectRate, sigmoid } from './elementwise.ts'
import { total } from './tables.ts'

type Call = Parameters<Operations['attend']>

/** A key that a query sees: its row, the places of its biases, −1 for none, and what its weight is multiplied by. */
interface Key {
  readonly row: number
  readonly place: number
  readonly time: number
  readonly mask: number
}

/** One query of one head: its row, the columns of the head, and its keys. */
interface Query {
  readonly row: number
  readonly head: number
  readonly keys: readonly Key[]
}

export function attend(arena: Arena): Pick<Operations, 'attend' | 'attendGradient'> {
  /** Checks a call, and lists its queries. */
  const prepare = (
    ...[q, k, v, queries, offsets, places, times, querySeconds, keySeconds, heads, causal, silu, rate, seed, draw]: Call
  ) => {
    const [rows, keys, values] = [arena.matrix(q), arena.matrix(k), arena.matrix(v)]
    const [from, at] = [arena.offsets(queries), arena.offsets(offsets)]
    expectRate(rate)
    expectShape(keys.rows === values.rows && keys.width === values.width && rows.width === keys.width, 'attend: other keys or values')
    expectShape(heads > 0 && rows.width > 0 && rows.width % heads === 0, `attend: ${heads} heads in a width of ${rows.width}`)
    expectShape(from.length === at.length, 'attend: queries and offsets of different lengths')
    expectRange(total(from) === rows.rows && total(at) === keys.rows, 'attend: offsets that do not cover the rows')
    expectRange(silu === 0 || (silu > 0 && rate === 0), `attend: silu ${silu} and rate ${rate}`)
    const wp = places === 0 ? new Float64Array() : arena.real(places).values
    expectShape(places === 0 || (arena.real(places).shape.length === 1 && wp.length % 2 === 1), `attend: places of ${wp.length}`)
    const wt = times === 0 ? new Float64Array() : arena.real(times).values
    const [tq, tk] = times === 0 ? [new Int32Array(), new Int32Array()] : [arena.ints(querySeconds), arena.ints(keySeconds)]
    expectShape(times === 0 || (wt.length === 129 && tq.length === rows.rows && tk.length === keys.rows), 'attend: other times')
    const middle = (wp.length - 1) / 2
    const key = (row: number, head: number, b: number, j: number, place: number): Key => ({
      row: at[b] + j,
      place: places === 0 ? -1 : Math.min(Math.max(middle + j - place, 0), 2 * middle),
      time: times === 0 ? -1 : Math.min(Math.floor(Math.log(Math.max(1, Math.abs(tq[row] - tk[at[b] + j]))) / 0.301), 128),
      mask: dropped(rate, (seed ^ mix(head)) >>> 0, mix(draw + 1), ((row * 65536 + j) ^ Math.imul(row >>> 16, 0x9e3779b9)) >>> 0)
        ? 0
        : 1 / (1 - rate),
    })
    const list: Query[] = []
    for (let b = 0; b + 1 < at.length; b++) {
      const [count, length] = [from[b + 1] - from[b], at[b + 1] - at[b]]
      expectRange(causal === 0 || count <= length, `attend: ${count} queries for ${length} keys`)
      for (let i = 0; i < count; i++) {
        const [row, place] = [from[b] + i, length - count + i]
        for (let head = 0; head < heads; head++) {
          const seen = Array.from({ length: causal ? place + 1 : length }, (_, j) => key(row, head, b, j, place))
          list.push({ row, head, keys: seen })
        }
      }
    }
    return { list, size: rows.width / heads, width: rows.width, q: rows.values, k: keys.values, v: values.values, wp, wt }
  }
  type Prepared = ReturnType<typeof prepare>

  /** Columns of a query's head. */
  const columns = ({ size }: Prepared, head: number): number[] => Array.from({ length: size }, (_, c) => head * size + c)

  /** Scores of a query's keys. */
  const scores = (call: Prepared, { row, head, keys }: Query, silu: number): number[] =>
    keys.map((key) => {
      const dot = columns(call, head).reduce((sum, c) => sum + call.q[row * call.width + c] * call.k[key.row * call.width + c], 0)
      return (silu ? dot : dot / Math.sqrt(call.size)) + (call.wp[key.place] ?? 0) + (call.wt[key.time] ?? 0)
    })

  const lseOf = (s: readonly number[]): number => {
    const max = Math.max(...s)
    return max + Math.log(s.reduce((sum, x) => sum + Math.exp(x - max), 0))
  }

  return {
    attend(...args) {
      const [call, silu, heads] = [prepare(...args), args[11], args[9]]
      const [out, lse] = [new Float64Array(call.q.length), new Float64Array((call.q.length / call.width) * heads)]
      for (const query of call.list) {
        const s = scores(call, query, silu)
        const L = silu ? 0 : lseOf(s)
        lse[query.row * heads + query.head] = L
        query.keys.forEach((key, j) => {
          const weight = silu ? (s[j] * sigmoid(s[j])) / silu : Math.exp(s[j] - L) * key.mask
          for (const c of columns(call, query.head)) out[query.row * call.width + c] += weight * call.v[key.row * call.width + c]
        })
      }
      return [arena.put(out, arena.real(args[0]).shape), arena.put(lse, [out.length / call.width, heads])]
    },

    attendGradient(q, k, v, out, lse, dout, ...rest) {
      const [call, silu] = [prepare(q, k, v, ...rest), rest[8]]
      const { width, wp, wt } = call
      const [O, D] = [arena.real(out), arena.real(dout)]
      const shape = arena.real(q).shape
      expectShape(O.shape.join() === shape.join() && D.shape.join() === shape.join(), 'attendGradient: results of other shapes')
      expectShape(arena.real(lse).shape.join() === [shape[0], rest[6]].join(), 'attendGradient: sums of another shape')
      const [dq, dk, dv, dp, dt] = [call.q, call.k, call.v, wp, wt].map((values) => new Float64Array(values.length))
      for (const query of call.list) {
        const s = scores(call, query, silu)
        const [L, own] = [silu ? 0 : lseOf(s), columns(call, query.head)]
        const along = own.reduce((sum, c) => sum + D.values[query.row * width + c] * O.values[query.row * width + c], 0)
        query.keys.forEach((key, j) => {
          const d = own.reduce((sum, c) => sum + D.values[query.row * width + c] * call.v[key.row * width + c], 0)
          const [p, sg] = [Math.exp(s[j] - L), sigmoid(s[j])]
          const weight = silu ? (s[j] * sg) / silu : p * key.mask
          const ds = silu ? (sg * (1 + s[j] * (1 - sg)) * d) / silu : p * (key.mask * d - along)
          if (key.place >= 0) dp[key.place] += ds
          if (key.time >= 0) dt[key.time] += ds
          for (const c of own) {
            const scaled = silu ? ds : ds / Math.sqrt(call.size)
            dq[query.row * width + c] += scaled * call.k[key.row * width + c]
            dk[key.row * width + c] += scaled * call.q[query.row * width + c]
            dv[key.row * width + c] += weight * D.values[query.row * width + c]
          }
        })
      }
      const like = (values: Float64Array, id: Id): Id => arena.put(values, arena.real(id).shape)
      return [like(dq, q), like(dk, k), like(dv, v), arena.put(dp, [dp.length]), arena.put(dt, [dt.length])]
    },
  }
}
