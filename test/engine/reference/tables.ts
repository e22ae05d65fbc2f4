import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectRange, expectShape } from './arena.ts'

/** The last offset: how many rows the segments cover. */
export const total = (offsets: Int32Array): number => offsets[offsets.length - 1]

export function expectIds(ids: Int32Array, count: number, what: string): void {
  expectRange(
    ids.every((id) => id >= 0 && id < count),
    `${what} outside 0..${count}`,
  )
}

/** The same, or −1. */
export function expectIdsOrNone(ids: Int32Array, count: number, what: string): void {
  expectIds(
    ids.filter((id) => id !== -1),
    count,
    what,
  )
}

type Tables = Pick<
  Operations,
  'gather' | 'gatherOrNone' | 'gatherOrNoneGradient' | 'embed' | 'gatherGradient' | 'mergeRows' | 'scatter' | 'positions' | 'lastRows'
>

export function tables(arena: Arena): Tables {
  const list = (values: readonly number[]): Id => arena.put(Int32Array.from(values), [values.length])

  /** Rows summed by id in order of occurrence → [rows [U, D], ids [U]], ids ascending. */
  const sumById = (width: number, occurrences: readonly (readonly [id: number, row: Float64Array])[]): [Id, Id] => {
    const sums = new Map<number, Float64Array>()
    for (const [id, row] of occurrences) {
      const sum = sums.get(id) ?? new Float64Array(width)
      sums.set(
        id,
        sum.map((v, i) => v + row[i]),
      )
    }
    const ids = [...sums.keys()].sort((a, b) => a - b)
    const values = Float64Array.from(ids.flatMap((id) => [...(sums.get(id) ?? [])]))
    return [arena.put(values, [ids.length, width]), list(ids)]
  }
  /** The rows of a matrix, each with its id. */
  const byId = (rows: Id, ids: Id): [id: number, row: Float64Array][] => {
    const matrix = arena.matrix(rows)
    const indices = arena.ints(ids)
    expectShape(indices.length === matrix.rows, `${indices.length} ids for ${matrix.rows} rows`)
    expectIdsOrNone(indices, 2 ** 31, 'ids')
    return Array.from(indices, (id, r) => [id, matrix.values.subarray(r * matrix.width, (r + 1) * matrix.width)])
  }
  const expectAscending = (ids: Id) =>
    expectRange(
      arena.ints(ids).every((id, i, all) => i === 0 || id > all[i - 1]),
      'ids do not ascend',
    )

  const gather = (table: Id, ids: Id): Id => {
    const { values, rows, width } = arena.matrix(table)
    const indices = arena.ints(ids)
    expectIds(indices, rows, 'ids')
    const y = new Float64Array(indices.length * width)
    indices.forEach((id, t) => {
      y.set(values.subarray(id * width, (id + 1) * width), t * width)
    })
    return arena.put(y, [indices.length, width])
  }

  return {
    gather,
    embed(table, ids, factor, places, positions) {
      const [x, place] = [arena.real(gather(table, ids)), arena.real(gather(places, positions))]
      expectShape(x.shape.join() === place.shape.join(), `embed: rows [${x.shape}] and places [${place.shape}]`)
      return arena.put(
        x.values.map((v, i) => factor * v + place.values[i]),
        x.shape,
      )
    },
    gatherGradient(dy, ids) {
      expectIds(arena.ints(ids), 2 ** 31, 'ids')
      return sumById(arena.matrix(dy).width, byId(dy, ids))
    },
    gatherOrNone(table, ids) {
      const { values, rows, width } = arena.matrix(table)
      const indices = arena.ints(ids)
      expectIdsOrNone(indices, rows, 'ids')
      const y = Float64Array.from({ length: indices.length * width }, (_, i) => {
        const id = indices[Math.floor(i / width)]
        return id === -1 ? 0 : values[id * width + (i % width)]
      })
      return arena.put(y, [indices.length, width])
    },
    gatherOrNoneGradient: (dy, ids) =>
      sumById(
        arena.matrix(dy).width,
        byId(dy, ids).filter(([id]) => id !== -1),
      ),
    mergeRows(aRows, aIds, bRows, bIds) {
      const { width } = arena.matrix(aRows)
      expectShape(width === arena.matrix(bRows).width, `mergeRows: widths ${width} and ${arena.matrix(bRows).width}`)
      for (const ids of [aIds, bIds]) {
        expectAscending(ids)
        expectIds(arena.ints(ids), 2 ** 31, 'ids')
      }
      return sumById(width, [...byId(aRows, aIds), ...byId(bRows, bIds)])
    },
    scatter(rows, ids, count) {
      const { width } = arena.matrix(rows)
      expectRange(count >= 0, `scatter: ${count} rows`)
      expectAscending(ids)
      expectIds(arena.ints(ids), count, 'ids')
      const y = new Float64Array(count * width)
      for (const [id, row] of byId(rows, ids)) y.set(row, id * width)
      return arena.put(y, [count, width])
    },

    positions(offsets) {
      const bounds = arena.offsets(offsets)
      return list([...bounds].flatMap((end, b) => (b === 0 ? [] : Array.from({ length: end - bounds[b - 1] }, (_, i) => i))))
    },
    lastRows(offsets) {
      const bounds = [...arena.offsets(offsets)]
      const ends = bounds.filter((end, b) => b > 0 && end > bounds[b - 1])
      const before = bounds.map((_, b) => bounds.slice(1, b + 1).filter((end, c) => end > bounds[c]).length)
      return [list(ends.map((end) => end - 1)), list(before)]
    },
  }
}
