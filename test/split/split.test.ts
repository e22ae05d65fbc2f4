import { describe, expect, it } from 'vitest'
import { readInteractions } from '../../src/read/read.ts'
import { history, seenItems } from '../../src/split/history.ts'
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
      { user: 0, end: 3, relevant: [3] },
      { user: 2, end: 8, relevant: [0] },
    ])
    expect(listed(split.validation)).toEqual([
      { user: 0, end: 2, relevant: [2] },
      { user: 2, end: 7, relevant: [2] },
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
      [{ user: 0, end: 1, relevant: [1] }],
      [{ user: 0, end: 3, relevant: [3] }],
    ])
    expect(Array.from(split.trainEnd)).toEqual([1, 8, 11])
  })
})

describe('a history', () => {
  it('is a view of the user’s rows before a row', async () => {
    const log = await plain()
    const past = history(log, 2, 8)
    expect(Array.from(past.items, (item) => log.catalogue.ids[item])).toEqual(['q', 'r'])
    expect(Array.from(past.times)).toEqual([0, 1])
    expect(past.items.buffer).toBe(log.items.buffer)
    expect(history(log, 0).items.length).toBe(4)
    expect(history(log, 1, 4).items.length).toBe(0)
  })

  it('holds input rows alone', async () => {
    const log = await readInteractions(rows('a', 'pqrs', 'vbvb'), { input: ['v'] })
    expect(Array.from(history(log, 0).items)).toEqual([0, 2])
    expect(Array.from(history(log, 0, 2).times)).toEqual([0])
  })
})

describe('what was seen', () => {
  const events = [{ user: 'z', item: 's', timestamp: 0, event: 'v' }, ...rows('a', 'qpqsr', 'vvbvn')] // indices: s 0, q 1, p 2, r 3
  it.each([
    [{}, [0, 1, 2, 3]],
    [{ seen: ['b'] }, [1]],
    [{ seen: 'none' as const }, []],
    [{ seen: 'none' as const, negative: ['n'] }, [3]],
    [{ seen: ['v'], negative: ['n'] }, [0, 1, 2, 3]],
  ])('with the roles %j', async (roles, items) => {
    const log = await readInteractions(events, roles)
    expect(Array.from(seenItems(log, 1))).toEqual(items)
  })

  it('ends at the row asked for, each item once', async () => {
    const log = await readInteractions(events)
    expect(Array.from(seenItems(log, 1, log.offsets[1] + 3))).toEqual([1, 2])
  })
})
