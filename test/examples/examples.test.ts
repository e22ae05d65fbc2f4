import { describe, expect, it } from 'vitest'
import { type ExampleSet, masked } from '../../src/examples/examples.ts'
import { labelled } from '../../src/examples/labelled.ts'
import { maskedSlots } from '../../src/examples/masked.ts'
import { next } from '../../src/examples/next.ts'
import { prefixes } from '../../src/examples/prefixes.ts'
import { streams } from '../../src/examples/streams.ts'
import { type ReadOptions, readInteractions } from '../../src/read/read.ts'
import { everyRow, leaveOneOut } from '../../src/split/split.ts'
import { type Windows, windows } from '../../src/split/windows.ts'

const draw = { seed: 3, step: 0, epoch: 0 }

/** Users a, b, c … with an item a letter; rows are numbered through. */
async function windowsOf(users: readonly string[], extra: (user: number, place: number) => object = () => ({}), options: ReadOptions = {}) {
  const rows = users.flatMap((items, u) => Array.from(items, (item, i) => ({ user: 'abc'[u], item, timestamp: i, ...extra(u, i) })))
  return windows(everyRow(leaveOneOut(await readInteractions(rows, options))), 1000)
}

const lists = (values: ArrayLike<number>, offsets: Int32Array) =>
  Array.from({ length: offsets.length - 1 }, (_, b) => Array.from(values).slice(offsets[b], offsets[b + 1]))
const histories = ({ history, offsets }: ExampleSet) => lists(history, offsets)
const asked = ({ rows, rowOffsets }: ExampleSet) => lists(rows, rowOffsets)
const all = ({ users }: Windows) => Int32Array.from(users.keys())

// Rows: a 0 1 2 3 (p q r s), b 4 5 6 (q r p)
const two = () => windowsOf(['pqrs', 'qrp'])

describe('next', () => {
  it('asks each event of the chosen windows for the row after it', async () => {
    const rows = await two()
    const set = next()(rows, Int32Array.of(1, 0), draw)
    expect(histories(set)).toEqual([
      [4, 5],
      [0, 1, 2],
    ])
    expect(asked(set)).toEqual([
      [5, 6],
      [1, 2, 3],
    ])
    expect([set.asked, set.targets, set.labels]).toEqual([undefined, undefined, undefined])
  })
})

describe('prefixes', () => {
  it('are all of a short window, each asked at its end', async () => {
    const set = prefixes(3)(await two(), Int32Array.of(0, 1), draw)
    expect(histories(set)).toEqual([[0], [0, 1], [0, 1, 2], [4], [4, 5]])
    expect(asked(set)).toEqual([[1], [2], [3], [5], [6]])
    expect([...(set.asked ?? [])]).toEqual([0, 2, 5, 6, 8])
  })

  it('are some of a long one, with the last, and others in another epoch', async () => {
    const rows = await windowsOf(['abcdefghijklmnop'])
    const of = (epoch: number) => histories(prefixes(4)(rows, Int32Array.of(0), { ...draw, epoch })).map(({ length }) => length)
    const found = Array.from({ length: 20 }, (_, epoch) => of(epoch))
    for (const lengths of found) {
      expect(lengths).toHaveLength(4)
      expect(lengths).toEqual([...new Set(lengths)].sort((a, b) => a - b))
      expect(lengths[3]).toBe(15)
    }
    expect(new Set(found.flat()).size).toBeGreaterThan(12)
    expect(of(0)).toEqual(found[0])
  })
})

describe('masked slots', () => {
  it('hide what they ask for, and nothing else', async () => {
    const rows = await two()
    for (let epoch = 0; epoch < 30; epoch++) {
      const set = maskedSlots(0.3)(rows, all(rows), { ...draw, epoch })
      const shown = histories(set).map((events) => events.map((row) => (row < 0 ? masked(row) : row)))
      expect(shown).toEqual([
        [0, 1, 2, 3],
        [4, 5, 6],
      ])
      expect([...(set.asked ?? [])].map((place) => masked(set.history[place]))).toEqual([...set.rows])
      expect([...set.history].filter((row) => row < 0)).toHaveLength(set.rows.length)
      for (const of of asked(set)) expect(of.length).toBeGreaterThan(0)
    }
  })

  it('are about the share that was asked for, and by turns the last alone', async () => {
    const rows = await windowsOf(['abcdefghijklmnopqrstuvwxyz'.repeat(20)])
    const of = (epoch: number) => maskedSlots(0.2, { lastEvery: 4 })(rows, Int32Array.of(0), { ...draw, epoch })
    expect([...of(4).rows]).toEqual([519])
    const count = [1, 2, 3].reduce((sum, epoch) => sum + of(epoch).rows.length, 0)
    // 1,560 slots: 312 ± 16
    expect(Math.abs(count - 312)).toBeLessThan(48)
  })
})

describe('labelled candidates', () => {
  it('are each target, and other items at random', async () => {
    const rows = await two()
    const counts = new Map<number, number>()
    for (let epoch = 0; epoch < 200; epoch++) {
      const set = labelled({ prefixes: 9, negatives: 2 })(rows, all(rows), { ...draw, epoch })
      expect(histories(set)).toEqual([[0], [0, 1], [0, 1, 2], [4], [4, 5]])
      expect(asked(set)).toEqual([1, 2, 3, 5, 6].map((row) => [row, row, row]))
      const [items, labels] = [lists(set.targets ?? [], set.rowOffsets), lists(set.labels ?? [], set.rowOffsets)]
      expect(labels).toEqual(items.map(() => [1, 0, 0]))
      expect(items.map(([item]) => item)).toEqual([1, 2, 3, 2, 0])
      for (const [target, ...others] of items) {
        expect(others).not.toContain(target)
        for (const item of others) counts.set(item, (counts.get(item) ?? 0) + 1)
      }
    }
    // 2,000 draws; p is a target once in five, q once, r twice, s once: 533, 533, 400, 533 expected, ± 20
    for (const [item, expected] of [533, 533, 400, 533].entries()) expect(Math.abs((counts.get(item) ?? 0) - expected)).toBeLessThan(100)
  })

  it('are what was shown between the prefix and the target, where the log says', async () => {
    // Rows 0 … 6: p was bought, q r s were shown, r was bought, p was shown, s was bought
    const events = 'bsssbsb'
    const rows = await windowsOf(['pqrsrps'], (_, i) => ({ event: events[i] }), { target: ['b'], input: ['b'], shown: ['s'] })
    const set = labelled({ prefixes: 9, negatives: 2 })(rows, all(rows), draw)
    expect(histories(set)).toEqual([[0], [0, 4]])
    // p q r s = 0 1 2 3: the last two shown that are not the target
    expect(lists(set.targets ?? [], set.rowOffsets)).toEqual([
      [2, 3, 1],
      [3, 0],
    ])
    expect(lists(set.labels ?? [], set.rowOffsets)).toEqual([
      [1, 0, 0],
      [1, 0],
    ])
  })
})

describe('streams', () => {
  it('are the window, then its events of each scene alone', async () => {
    // a: rows 0 … 4 in the scenes x y x x y
    const rows = await windowsOf(['pqrst'], (_, i) => ({ scene: 'xyxxy'[i] }))
    const set = streams()(rows, Int32Array.of(0), draw)
    expect(histories(set)).toEqual([[0, 1, 2, 3], [0, 2], [1]])
    expect(asked(set)).toEqual([[1, 2, 3, 4], [2, 3], [4]])
  })
})
