import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape } from './arena.ts'
import { softmax } from './rows.ts'
import { total } from './tables.ts'

type Scans = Pick<Operations, 'prefixMix' | 'prefixMixGradient'>

/** What runs along segments, here each prefix by itself. */
export function scans(arena: Arena): Scans {
  /** The rows of t's segment up to t, for each t. */
  const prefixes = (offsets: Id, rows: number): number[][] => {
    const at = arena.offsets(offsets)
    expectRange(total(at) === rows, `offsets that end at ${total(at)} for ${rows} rows`)
    const lengths = [...at].slice(1).map((end, b) => [at[b], end])
    return lengths.flatMap(([from, end]) => Array.from({ length: end - from }, (_, i) => Array.from({ length: i + 1 }, (_, s) => from + s)))
  }
  /** The weights of each prefix by head, and the sizes. */
  const prepare = (logitsId: Id, xId: Id, offsets: Id) => {
    const [logits, x] = [arena.matrix(logitsId), arena.matrix(xId)]
    expectShape(logits.rows === x.rows, `prefixMix: ${logits.rows} logits for ${x.rows} rows`)
    const list = prefixes(offsets, x.rows)
    const at = (s: number, k: number): number => logits.values[s * logits.width + k]
    const weights = (t: number, k: number): Float64Array => softmax(Float64Array.from(list[t], (s) => at(s, k)))
    return { heads: logits.width, width: x.width, x: x.values, list, at, weights }
  }

  return {
    prefixMix(logitsId, xId, offsets) {
      const { heads, width, x, list, at, weights } = prepare(logitsId, xId, offsets)
      const [out, lse] = [new Float64Array(list.length * heads * width), new Float64Array(list.length * heads)]
      list.forEach((prefix, t) => {
        for (let k = 0; k < heads; k++) {
          const max = Math.max(...prefix.map((s) => at(s, k)))
          lse[t * heads + k] = max + Math.log(prefix.reduce((sum, s) => sum + Math.exp(at(s, k) - max), 0))
          weights(t, k).forEach((p, i) => {
            for (let c = 0; c < width; c++) out[(t * heads + k) * width + c] += p * x[prefix[i] * width + c]
          })
        }
      })
      return [arena.put(out, [list.length, heads, width]), arena.put(lse, [list.length, heads])]
    },

    // Of each prefix by itself: dp_s = x_s · dout, dl = p ⊙ (dp − Σ p dp)
    prefixMixGradient(logitsId, xId, out, lse, doutId, offsets) {
      const { heads, width, x, list, weights } = prepare(logitsId, xId, offsets)
      const [shape, dout] = [[list.length, heads, width].join(), arena.real(doutId)]
      expectShape(arena.real(out).shape.join() === shape && dout.shape.join() === shape, 'prefixMixGradient: results of other shapes')
      expectShape(arena.real(lse).shape.join() === [list.length, heads].join(), 'prefixMixGradient: sums of another shape')
      const [dlogits, dx] = [new Float64Array(list.length * heads), new Float64Array(x.length)]
      list.forEach((prefix, t) => {
        for (let k = 0; k < heads; k++) {
          const d = dout.values.subarray((t * heads + k) * width, (t * heads + k + 1) * width)
          const p = weights(t, k)
          const dp = prefix.map((s) => d.reduce((sum, value, c) => sum + value * x[s * width + c], 0))
          const mean = dp.reduce((sum, value, i) => sum + p[i] * value, 0)
          prefix.forEach((s, i) => {
            dlogits[s * heads + k] += p[i] * (dp[i] - mean)
            for (let c = 0; c < width; c++) dx[s * width + c] += p[i] * d[c]
          })
        }
      })
      return [arena.put(dlogits, [list.length, heads]), arena.put(dx, [list.length, width])]
    },
  }
}
