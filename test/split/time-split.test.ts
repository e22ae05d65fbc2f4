import { describe, expect, it } from 'vitest'
import { type ReadOptions, readInteractions } from '../../src/read/read.ts'
import { cutLog, splitName } from '../../src/split/cut.ts'
import { listed } from './cases.ts'

const read = (rows: readonly (readonly [user: string, item: string, timestamp: number, event?: string])[], options: ReadOptions = {}) =>
  readInteractions(
    rows.map(([user, item, timestamp, event]) => ({ user, item, timestamp, ...(event && { event }) })),
    { unit: 'seconds', ...options },
  )

describe('the name of a split', () => {
  it.each([
    ['leave-one-out', 'leave-one-out'],
    ['time:0.8,0.9', 'time:0.8,0.9'],
    ['time:.80,+9e-1', 'time:0.8,0.9'],
    ['time: 0.5, 0.75', 'time:0.5,0.75'],
  ])('%s is %s', (text, name) => expect(splitName(text)).toBe(name))

  it.each([
    '',
    'time',
    'time:',
    'time:0.8',
    'time:0.9,0.8',
    'time:0.8,0.8',
    'time:0,0.9',
    'time:0.8,1',
    'time:a,b',
    'time:0.7,0.8,0.9',
    'Time:0.8,0.9',
  ])('refuses %j', (text) => {
    const refused = expect.objectContaining({
      code: 'OPTION',
      message: `The split is ${JSON.stringify(text)}.`,
      hint: expect.stringContaining('time:0.8,0.9'),
    })
    expect(() => splitName(text)).toThrow(refused)
  })
})

describe('a time split', () => {
  it('cuts at the times of the rows at its shares, and keeps rows of one time together', async () => {
    // Times 1 2 3 4 6 6 8 9 9 10: the row ⌊.5 · 10⌋ has the time 6, ⌊.8 · 10⌋ the time 9. Items p q r s = 0 1 2 3
    const log = await read([
      ...([
        ['a', 'p', 1],
        ['a', 'q', 2],
        ['a', 'r', 6],
        ['a', 'q', 9],
      ] as const),
      ...([
        ['b', 'p', 3],
        ['b', 'p', 6],
        ['b', 's', 8],
      ] as const),
      ...([
        ['c', 'q', 4],
        ['c', 'r', 9],
      ] as const),
      ['d', 's', 10],
    ])
    const split = cutLog(log, 'time:0.50,.8')
    expect(split.name).toBe('time:0.5,0.8')
    expect([...split.trainEnd]).toEqual([2, 5, 8, 9])
    expect(listed(split.validation)).toEqual([
      { user: 0, end: 2, row: 2, relevant: [2] },
      { user: 1, end: 5, row: 5, relevant: [0, 3] },
    ])
    expect(listed(split.test)).toEqual([
      { user: 0, end: 3, row: 3, relevant: [1] },
      { user: 2, end: 8, row: 8, relevant: [2] },
      { user: 3, end: 9, row: 9, relevant: [3] },
    ])
  })

  it('asks for the distinct items of targets, where event types are named', async () => {
    // Of the rows from time 3 on, v(iews) are not asked for, and user b has no other
    const rows = [
      ['a', 'p', 1, 'v'],
      ['a', 'q', 3, 'b'],
      ['a', 'q', 4, 'v'],
      ['a', 'r', 5, 'b'],
      ['a', 'r', 6, 'b'],
      ['b', 'q', 7, 'v'],
    ] as const
    const split = cutLog(await read(rows, { target: ['b'] }), 'time:0.2,0.5')
    expect(listed(split.validation)).toEqual([{ user: 0, end: 1, row: 1, relevant: [1] }])
    expect(listed(split.test)).toEqual([{ user: 0, end: 3, row: 3, relevant: [2] }])
  })

  it('refuses positions, which are no times', async () => {
    const log = await read(
      [
        ['a', 'p', 0],
        ['a', 'q', 1],
      ],
      { unit: 'ordinal' },
    )
    expect(() => cutLog(log, 'time:0.8,0.9')).toThrow(
      expect.objectContaining({ code: 'DATA', message: expect.stringContaining('only positions') }),
    )
  })

  it.each([
    [[5, 5, 5, 6], 'time:0.5,0.8', 'no row stands before the first cut, 1970-01-01T00:00:05.000Z, to train on'],
    [[1, 5, 5, 9], 'time:0.3,0.6', 'between the cuts, 1970-01-01T00:00:05.000Z and 1970-01-01T00:00:05.000Z'],
  ])('refuses the times %j, of which %s leaves a part empty', async (times, name, message) => {
    const log = await read(times.map((time) => ['a', 'p', time] as const))
    expect(() => cutLog(log, name)).toThrow(expect.objectContaining({ code: 'DATA', message: expect.stringContaining(message) }))
  })

  it('refuses a test without targets', async () => {
    const log = await read(
      [
        ['a', 'p', 1, 'b'],
        ['a', 'q', 2, 'b'],
        ['a', 'r', 3, 'v'],
      ],
      { target: ['b'] },
    )
    expect(() => cutLog(log, 'time:0.4,0.7')).toThrow(
      expect.objectContaining({ code: 'DATA', message: expect.stringContaining('from the second cut on, 1970-01-01T00:00:03') }),
    )
  })
})
