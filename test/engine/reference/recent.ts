import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape } from './arena.ts'
import { expectIds } from './tables.ts'

type Recent = Pick<Operations, 'recentRows' | 'take' | 'sinceFirst'>

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
    sinceFirst(times, timeOffsets, from, offsets) {
      const [given, starts, bounds] = [arena.ints(times), arena.ints(from), arena.offsets(offsets)]
      expectRange(bounds[bounds.length - 1] === starts.length, 'sinceFirst: offsets')
      if (timeOffsets === 0) expectShape(given.length === bounds.length - 1, 'sinceFirst: a time for each segment')
      const places = timeOffsets === 0 ? bounds.map((_, b) => b) : arena.offsets(timeOffsets)
      expectShape(places.length === bounds.length, 'sinceFirst: segments')
      expectRange(places[places.length - 1] === given.length, 'sinceFirst: timeOffsets')
      const differences = Array.from(given, (time, i) => {
        const b = places.findLastIndex((place) => place <= i)
        return bounds[b + 1] > bounds[b] ? Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, time - starts[bounds[b]])) : time
      })
      return list(differences)
    },
    take(column, rows) {
      const [values, at] = [arena.ints(column), arena.ints(rows)]
      expectIds(at, values.length, 'rows')
      return list(Array.from(at, (row) => values[row]))
    },
  }
}
