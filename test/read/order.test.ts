import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TimeOrder } from '../../src/read/order.ts'

describe('rows in the order of their times', () => {
  it('are those of a stable sort, whatever stands around the range', () => {
    const rows = fc.array(fc.record({ time: fc.integer({ min: 0, max: 9 }), rest: fc.integer({ min: -2, max: 2 }) }), { maxLength: 100 })
    fc.assert(
      fc.property(rows, fc.nat(100), fc.boolean(), (made, skip, hasRests) => {
        const start = Math.min(skip, made.length)
        const times = Float64Array.from(made, ({ time }) => time)
        const rests = hasRests ? Int16Array.from(made, ({ rest }) => rest) : undefined
        const order = new TimeOrder(times, rests)
        const expected = made.map((row, i) => ({ ...row, i }))
        const later = expected.splice(start).sort((a, b) => a.time - b.time || (hasRests ? a.rest - b.rest : 0))
        expected.push(...later)
        const column = Int32Array.from(made, (_, i) => i)
        expect(order.isSorted(start, made.length)).toBe(later.every((row, i) => i === 0 || row.i > later[i - 1].i))
        order.find(start, made.length)
        order.apply(column, start, made.length)
        expect([...column]).toEqual(expected.map(({ i }) => i))
      }),
      { numRuns: 500 },
    )
  })

  it('keeps values that are no numbers, and the bits of all others', () => {
    const order = new TimeOrder(Float64Array.of(3, 1, 2))
    order.find(0, 3)
    const column = Float32Array.of(0.1, Number.NaN, -0)
    order.apply(column, 0, 3)
    expect([...column]).toEqual([Number.NaN, -0, Math.fround(0.1)])
  })
})
