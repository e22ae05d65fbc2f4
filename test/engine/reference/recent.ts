import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange } from './arena.ts'
import { expectIds } from './tables.ts'

type Recent = Pick<Operations, 'recentRows' | 'take'>

export function recent(arena: Arena): Recent {
  const list = (values: readonly number[]): Id => arena.put(Int32Array.from(values), [values.length])
  return {
    recentRows(offsets, most) {
      expectRange(most >= 0 && most < 2 ** 31, `recentRows: ${most} rows`)
      const bounds = [...arena.offsets(offsets)]
      const kept = bounds
        .slice(1)
        .map((end, b) => Array.from({ length: end - bounds[b] }, (_, i) => bounds[b] + i).slice(most === 0 ? end : -most))
      return [list(kept.flat()), list([0, ...kept.map((_, b) => kept.slice(0, b + 1).flat().length)])]
    },
    take(column, rows) {
      const [values, at] = [arena.ints(column), arena.ints(rows)]
      expectIds(at, values.length, 'rows')
      return list(Array.from(at, (row) => values[row]))
    },
  }
}
