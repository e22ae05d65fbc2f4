import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape } from './arena.ts'
import { sigmoid } from './elementwise.ts'
import { total } from './tables.ts'

type Recurrent = Pick<Operations, 'gru' | 'gruGradient' | 'memoryScan' | 'memoryScanGradient'>

/** What carries a state from event to event. */
export function recurrent(arena: Arena): Recurrent {
  /** The rows of each segment. */
  const segmentsOf = (offsets: Id, rows: number): number[][] => {
    const at = arena.offsets(offsets)
    expectRange(total(at) === rows, `offsets that end at ${total(at)} for ${rows} rows`)
    return [...at].slice(1).map((end, b) => Array.from({ length: end - at[b] }, (_, i) => at[b] + i))
  }
  const prepareGru = (xId: Id, uId: Id, gate: Id) => {
    const [x, u] = [arena.matrix(xId), arena.matrix(uId)]
    const D = u.rows
    expectShape(D > 0 && u.width === 3 * D && x.width === 3 * D, `gru: x of width ${x.width}, u [${u.rows}, ${u.width}]`)
    const a = gate === 0 ? new Float64Array(x.rows).fill(1) : arena.real(gate).values
    expectShape(a.length === x.rows, `gru: ${a.length} gates for ${x.rows} events`)
    return { rows: x.rows, x: x.values, u: u.values, D, a, columns: Array.from({ length: D }, (_, i) => i) }
  }
  const prepareMemory = (readId: Id, writeId: Id, eraseId: Id, addId: Id, startId: Id, offsets: Id) => {
    const [read, write, erase, add] = [readId, writeId, eraseId, addId].map((id) => arena.matrix(id))
    const [K, D] = [read.width, add.width]
    expectShape(write.rows === read.rows && write.width === K, 'memoryScan: other weights of writing')
    expectShape(D > 0 && erase.rows === add.rows && erase.width === D && add.rows === read.rows, 'memoryScan: other values')
    const segments = segmentsOf(offsets, read.rows)
    const size = segments.length * K * D
    const start = startId === 0 ? new Float64Array(size) : arena.real(startId).values
    expectShape(startId === 0 || arena.real(startId).shape.join() === [segments.length, K, D].join(), 'memoryScan: other memories')
    return { read: read.values, write: write.values, erase: erase.values, add: add.values, K, D, segments, start, rows: read.rows }
  }

  return {
    gru(xId, uId, gate, offsets) {
      const { rows, x, u, D, a, columns } = prepareGru(xId, uId, gate)
      const [h, gates] = [new Float64Array(rows * D), new Float64Array(rows * 3 * D)]
      for (const segment of segmentsOf(offsets, rows)) {
        let state = new Float64Array(D)
        for (const t of segment) {
          const of = (from: Float64Array, j: number): number =>
            columns.reduce((sum, k) => sum + from[k] * u[k * 3 * D + j], x[t * 3 * D + j])
          const r = columns.map((i) => sigmoid(of(state, i)))
          const z = columns.map((i) => sigmoid(of(state, D + i)))
          const reset = state.map((value, i) => r[i] * value)
          const c = columns.map((i) => Math.tanh(of(reset, 2 * D + i)))
          state = state.map((value, i) => (1 - a[t] * z[i]) * value + a[t] * z[i] * c[i])
          h.set(state, t * D)
          gates.set([...r, ...z, ...c], t * 3 * D)
        }
      }
      return [arena.put(h, [rows, D]), arena.put(gates, [rows, 3 * D])]
    },

    gruGradient(uId, gate, hId, gatesId, dhId, offsets) {
      const { rows, x: gates, u, D, a, columns } = prepareGru(gatesId, uId, gate)
      const [h, dh] = [arena.real(hId), arena.real(dhId)]
      expectShape(h.shape.join() === [rows, D].join() && dh.shape.join() === h.shape.join(), 'gruGradient: other states')
      const [dx, du, da] = [new Float64Array(rows * 3 * D), new Float64Array(u.length), new Float64Array(rows)]
      for (const segment of segmentsOf(offsets, rows)) {
        let carried = new Float64Array(D)
        for (const t of [...segment].reverse()) {
          const before = t === segment[0] ? new Float64Array(D) : h.values.subarray((t - 1) * D, t * D)
          const [r, z, c] = [0, 1, 2].map((part) => gates.subarray((t * 3 + part) * D, (t * 3 + part + 1) * D))
          const d = carried.map((value, i) => value + dh.values[t * D + i])
          const dz = d.map((value, i) => value * (c[i] - before[i]))
          da[t] = columns.reduce((sum, i) => sum + dz[i] * z[i], 0)
          const toC = d.map((value, i) => value * a[t] * z[i] * (1 - c[i] ** 2))
          const toZ = dz.map((value, i) => value * a[t] * z[i] * (1 - z[i]))
          const toReset = columns.map((k) => columns.reduce((sum, j) => sum + u[k * 3 * D + 2 * D + j] * toC[j], 0))
          const toR = columns.map((i) => toReset[i] * before[i] * r[i] * (1 - r[i]))
          dx.set([...toR, ...toZ, ...toC], t * 3 * D)
          for (const k of columns) {
            for (const j of columns) {
              du[k * 3 * D + j] += before[k] * toR[j]
              du[k * 3 * D + D + j] += before[k] * toZ[j]
              du[k * 3 * D + 2 * D + j] += r[k] * before[k] * toC[j]
            }
          }
          carried = d.map((value, k) => {
            const through = columns.reduce((sum, j) => sum + u[k * 3 * D + j] * toR[j] + u[k * 3 * D + D + j] * toZ[j], 0)
            return value * (1 - a[t] * z[k]) + toReset[k] * r[k] + through
          })
        }
      }
      return [
        arena.put(dx, [rows, 3 * D]),
        arena.put(du, [D, 3 * D]),
        arena.put(gate === 0 ? new Float64Array() : da, [gate === 0 ? 0 : rows]),
      ]
    },

    memoryScan(...ids) {
      const { read, write, erase, add, K, D, segments, start, rows } = prepareMemory(...ids)
      const [out, memories] = [new Float64Array(rows * D), start.slice()]
      segments.forEach((segment, b) => {
        const M = memories.subarray(b * K * D, (b + 1) * K * D)
        for (const t of segment) {
          M.forEach((m, i) => {
            out[t * D + (i % D)] += read[t * K + Math.floor(i / D)] * m
          })
          M.set(
            M.map(
              (m, i) =>
                m * (1 - write[t * K + Math.floor(i / D)] * erase[t * D + (i % D)]) +
                write[t * K + Math.floor(i / D)] * add[t * D + (i % D)],
            ),
          )
        }
      })
      return [arena.put(out, [rows, D]), arena.put(memories, [segments.length, K, D])]
    },

    memoryScanGradient(read_, write_, erase_, add_, start_, doutId, offsets) {
      const { read, write, erase, add, K, D, segments, start, rows } = prepareMemory(read_, write_, erase_, add_, start_, offsets)
      const dout = arena.real(doutId)
      expectShape(dout.shape.join() === [rows, D].join(), `memoryScanGradient: a gradient of shape [${dout.shape}]`)
      const [dread, dwrite, derase, dadd] = [read, write, erase, add].map((values) => new Float64Array(values.length))
      segments.forEach((segment, b) => {
        // The memory before each event
        const before = [start.slice(b * K * D, (b + 1) * K * D)]
        for (const t of segment) {
          const slot = (i: number): number => write[t * K + Math.floor(i / D)]
          before.push(before[before.length - 1].map((m, i) => m * (1 - slot(i) * erase[t * D + (i % D)]) + slot(i) * add[t * D + (i % D)]))
        }
        let d = new Float64Array(K * D)
        for (const [place, t] of [...segment.entries()].reverse()) {
          d = d.map((value, i) => {
            const [k, c, m] = [t * K + Math.floor(i / D), t * D + (i % D), before[place][i]]
            dread[k] += m * dout.values[c]
            dwrite[k] += value * (add[c] - m * erase[c])
            derase[c] -= value * m * write[k]
            dadd[c] += value * write[k]
            return value * (1 - write[k] * erase[c]) + read[k] * dout.values[c]
          })
        }
      })
      return [arena.put(dread, [rows, K]), arena.put(dwrite, [rows, K]), arena.put(derase, [rows, D]), arena.put(dadd, [rows, D])]
    },
  }
}
