import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EventRoles } from '../../src/data/interactions.ts'
import { bits, permutation } from '../../src/data/random.ts'
import { readInteractions } from '../../src/read/read.ts'
import { leaveOneOut, type Split, trainingRange } from '../../src/split/split.ts'
import { stepsOf, windows } from '../../src/split/windows.ts'

const rows = (user: string, items: string, events?: string) =>
  Array.from(items, (item, i) => ({ user, item, timestamp: 10 * i, ...(events && { event: events[i] }) }))

// Items by first appearance: a b c d e = 0 1 2 3 4. Training rows: u abcd, v (of three) c, w ab, x of length one.
const split = async () =>
  leaveOneOut(await readInteractions([...rows('u', 'abcdea'), ...rows('v', 'cbd'), ...rows('w', 'ab'), ...rows('x', 'e')]))
const lists = (values: Int32Array, offsets: Int32Array) =>
  Array.from({ length: offsets.length - 1 }, (_, b) => [...values.subarray(offsets[b], offsets[b + 1])])

describe('windows', () => {
  it('pair each training row with the next, of users with two or more', async () => {
    const { users, offsets, inputs, targets } = windows(await split(), 50)
    expect(Array.from(users)).toEqual([0, 2])
    expect(lists(inputs, offsets)).toEqual([[0, 1, 2], [9]])
    expect(lists(targets, offsets)).toEqual([[1, 2, 3], [10]])
  })

  it('keep the last maxLength + 1 rows', async () => {
    const { offsets, inputs, targets } = windows(await split(), 2)
    expect(lists(inputs, offsets)).toEqual([[1, 2], [9]])
    expect(lists(targets, offsets)).toEqual([[2, 3], [10]])
  })

  it('pair each input with the next target where event types have roles', async () => {
    // Rows 0 … 7: v v b v n b | b b. Validation is row 6, so rows 0 … 5 train; n fills no history; nothing follows row 5.
    const log = await readInteractions(rows('u', 'abcdeabc', 'vvbvnbbb'), { target: ['b'], input: ['v', 'b'], weight: { b: 3 } })
    const found = windows(leaveOneOut(log), 50)
    expect([Array.from(found.inputs), Array.from(found.targets)]).toEqual([
      [0, 1, 2, 3],
      [2, 2, 5, 5],
    ])
  })
})

describe('windows of any log', () => {
  // By the definition: each input row of the training range with the first target row after it, the last of these.
  function expected(split: Split, maxLength: number): number[][] {
    const { log } = split
    const has = (names: readonly string[] | undefined, row: number) =>
      names?.includes(log.eventNames?.[log.events?.[row] ?? 0] ?? '') ?? true
    return log.users.map((_, user) => {
      const [start, end] = trainingRange(split, user)
      const rows = Array.from({ length: end - start }, (_, i) => start + i)
      const pairs = rows.flatMap((input) => {
        const target = rows.find((row) => row > input && has(log.roles.target, row))
        return target !== undefined && has(log.roles.input, input) ? [[input, target]] : []
      })
      return pairs.slice(-maxLength).flat()
    })
  }

  it('hold the last pairs of each user', async () => {
    const user = fc.tuple(fc.constantFrom('u', 'v', 'w'), fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 12 }))
    const roles = fc.constantFrom<EventRoles>({}, { target: ['b'] }, { input: ['a', 'b'] }, { target: ['a', 'b'], input: ['c'] })
    await fc.assert(
      fc.asyncProperty(
        fc.array(user, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 6 }),
        roles,
        async (users, maxLength, given) => {
          const all = [...users, ['z', 'abc'] as const].flatMap(([name, events]) => rows(name, events, events))
          const split = leaveOneOut(await readInteractions(all, given))
          const found = windows(split, maxLength)
          const pairs = Array.from(found.users, (_, window) =>
            Array.from(found.inputs.subarray(found.offsets[window], found.offsets[window + 1])).flatMap((input, i) => [
              input,
              found.targets[found.offsets[window] + i],
            ]),
          )
          const wanted = expected(split, maxLength)
          expect(pairs).toEqual(wanted.filter((of) => of.length > 0))
          expect(Array.from(found.users)).toEqual(wanted.flatMap((of, index) => (of.length > 0 ? [index] : [])))
        },
      ),
      { seed: 15, numRuns: 200 },
    )
  })
})

describe('an epoch', () => {
  const many = async () =>
    leaveOneOut(await readInteractions(Array.from({ length: 100 }, (_, i) => rows(`u${i}`, 'abcdefgh'.slice(0, 3 + (i % 6)))).flat()))

  it('has each window once, in an order of its own that returns', async () => {
    const all = windows(await many(), 50)
    const order = (seed: number, epoch: number) =>
      [...stepsOf(all, { size: 32, seed, epoch })].flatMap((chosen) => [...chosen].map((window) => all.users[window]))
    expect(order(1, 0).sort((a, b) => a - b)).toEqual([...all.users])
    expect(order(1, 0)).toEqual(order(1, 0))
    expect(order(1, 1)).not.toEqual(order(1, 0))
    expect(order(2, 0)).not.toEqual(order(1, 0))
  })
})

describe('the counter', () => {
  // By the definition, in exact integers: k0 = mix(seed + 0x9e3779b9), k1 = mix(draw ^ k0), bits = mix(mix(index ^ k0) + k1).
  const mix = (x: bigint) => {
    const m = 0xffffffffn
    let y = x & m
    y = ((y ^ (y >> 16n)) * 0x7feb352dn) & m
    y = ((y ^ (y >> 15n)) * 0x846ca68bn) & m
    return y ^ (y >> 16n)
  }
  it.each([
    [0, 0, 0],
    [1, 2, 3],
    [0xffffffff, 0xfffffffe, 0x80000000],
  ])('of %d, %d, %d', (seed, draw, index) => {
    const k0 = mix(BigInt(seed) + 0x9e3779b9n)
    const k1 = mix(BigInt(draw) ^ k0)
    expect(bits(seed, draw, index)).toBe(Number(mix(mix(BigInt(index) ^ k0) + k1)))
  })

  it('makes every permutation about as often', () => {
    const counts = new Map<string, number>()
    for (let draw = 0; draw < 6000; draw++) {
      const key = permutation(3, 7, draw).join()
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    expect(counts.size).toBe(6)
    // 1,000 each, with a standard deviation of 29: five of them either way
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(145)
  })
})
