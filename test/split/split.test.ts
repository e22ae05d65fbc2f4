import { describe, expect, it } from 'vitest'
import { readInteractions } from '../../src/read/read.ts'
import { leaveOneOut, trainingRange } from '../../src/split/split.ts'
import { listed } from './cases.ts'

const rows = (user: string, items: string, events?: string) =>
  Array.from(items, (item, i) => ({ user, item, timestamp: i, ...(events && { event: events[i] }) }))

// Rows: a 0..3 (p q r s), b 4..5 (p q), c 6..8 (q r p), d 9 (s)
const plain = () => readInteractions([...rows('a', 'pqrs'), ...rows('b', 'pq'), ...rows('c', 'qrp'), ...rows('d', 's')])

describe('leave-one-out', () => {
  it('tests on the last row, validates on the one before, and only trains on users with fewer than three', async () => {
    const split = leaveOneOut(await plain())
    expect(listed(split.test)).toEqual([
      { user: 0, end: 3, row: 3, relevant: [3] },
      { user: 2, end: 8, row: 8, relevant: [0] },
    ])
    expect(listed(split.validation)).toEqual([
      { user: 0, end: 2, row: 2, relevant: [2] },
      { user: 2, end: 7, row: 7, relevant: [2] },
    ])
    expect(Array.from(split.trainEnd)).toEqual([2, 6, 7, 10])
    expect(trainingRange(split, 2)).toEqual([6, 7])
  })

  it('asks for the last two targets where event types are named', async () => {
    // b(uy) and v(iew). a: v b v b v; rows 1 and 3 are asked. b: v v b; one target only. c: b v b; nothing before the first.
    const log = await readInteractions([...rows('a', 'pqrst', 'vbvbv'), ...rows('b', 'pqr', 'vvb'), ...rows('c', 'pqr', 'bvb')], {
      target: ['b'],
    })
    const split = leaveOneOut(log)
    expect([listed(split.validation), listed(split.test)]).toEqual([
      [{ user: 0, end: 1, row: 1, relevant: [1] }],
      [{ user: 0, end: 3, row: 3, relevant: [3] }],
    ])
    expect(Array.from(split.trainEnd)).toEqual([1, 8, 11])
  })
})
