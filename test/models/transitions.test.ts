import { describe, expect, it } from 'vitest'
import { bits } from '../../src/data/random.ts'
import { countTransitions, type Transitions } from '../../src/models/transitions.ts'

const int32 = (...values: number[]) => Int32Array.from(values)

/** Rows as dense arrays, [V][V]. */
function dense({ offsets, columns, weights }: Transitions): number[][] {
  const V = offsets.length - 1
  return Array.from({ length: V }, (_, i) => {
    const row = new Array<number>(V).fill(0)
    for (let c = offsets[i]; c < offsets[i + 1]; c++) row[columns[c]] += weights[c]
    return row
  })
}

function expectRows(rows: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  expect(rows.length).toBe(expected.length)
  for (const [i, row] of expected.entries()) for (const [j, weight] of row.entries()) expect(rows[i][j]).toBeCloseTo(weight, 6)
}

describe('countTransitions', () => {
  // Two users, 0 1 2 and 1 2 0; the 3 and the 4 are held out
  const items = int32(0, 1, 2, 3, 1, 2, 0, 4)
  const offsets = int32(0, 4, 8)
  const ends = int32(3, 7)

  it('sums 1/lag over the pairs in the window and divides by the row', () => {
    // 0: 1 at lag 1, 2 at lag 2; 1: 2 twice at lag 1, 0 once at lag 2; 2: 0 once
    const rows = dense(countTransitions(items, offsets, ends, 5, 2))
    const none = [0, 0, 0, 0, 0]
    expectRows(rows, [[0, 1 / 1.5, 0.5 / 1.5, 0, 0], [0.5 / 2.5, 0, 2 / 2.5, 0, 0], [1, 0, 0, 0, 0], none, none])
  })

  it('is the chain of one step where the window is 1', () => {
    const rows = dense(countTransitions(items, offsets, ends, 5, 1))
    expectRows(rows.slice(0, 3), [
      [0, 1, 0, 0, 0],
      [0, 0, 1, 0, 0],
      [1, 0, 0, 0, 0],
    ])
  })

  it('does not read the rows that are held out', () => {
    const changed = int32(0, 1, 2, 0, 1, 2, 0, 0)
    expect(countTransitions(changed, offsets, ends, 5, 5)).toEqual(countTransitions(items, offsets, ends, 5, 5))
  })

  it('counts an item that follows itself', () => {
    expect(dense(countTransitions(int32(0, 0, 0), int32(0, 3), int32(3), 1, 2))).toEqual([[1]])
  })

  it('has no transitions where nobody has two rows', () => {
    const { offsets: starts, columns, weights } = countTransitions(int32(0, 1), int32(0, 1, 1, 2), int32(1, 1, 2), 2, 5)
    expect([...starts]).toEqual([0, 0, 0])
    expect([columns.length, weights.length]).toEqual([0, 0])
  })

  it('counts a pair by the weight of its later row', () => {
    // 0 leads to 1 by ½ and to 2 by 3 at lag 2; 1 to 2 by 3; the second user's 2 and 0 are no targets
    const targets = Float32Array.of(1, 0.5, 3, 1, 1, 0, 0, 1)
    const rows = dense(countTransitions(items, offsets, ends, 5, 2, targets))
    const none = [0, 0, 0, 0, 0]
    expectRows(rows, [[0, 0.5 / 2, 1.5 / 2, 0, 0], [0, 0, 1, 0, 0], none, none, none])
  })

  it('agrees with the formula on dense arrays', () => {
    const [users, length, V, window] = [60, 80, 150, 4]
    const items = Int32Array.from({ length: users * length }, (_, i) => bits(1, 0, i) % V)
    const offsets = Int32Array.from({ length: users + 1 }, (_, u) => u * length)
    const ends = Int32Array.from({ length: users }, (_, u) => (u + 1) * length - (bits(2, 0, u) % 5))
    const sums = Array.from({ length: V }, () => new Array<number>(V).fill(0))
    for (let u = 0; u < users; u++)
      for (let row = offsets[u]; row < ends[u]; row++)
        for (let lag = 1; lag <= window && row + lag < ends[u]; lag++) sums[items[row]][items[row + lag]] += 1 / lag
    const expected = sums.map((row) => row.map((sum) => sum / row.reduce((a, b) => a + b, 0)))

    const fitted = countTransitions(items, offsets, ends, V, window)
    expectRows(dense(fitted), expected)
    for (let i = 0; i < V; i++) {
      const columns = [...fitted.columns.subarray(fitted.offsets[i], fitted.offsets[i + 1])]
      expect(columns).toEqual([...new Set(columns)].sort((a, b) => a - b))
    }
  })
})
