import { describe, expect, it } from 'vitest'
import { readInteractions } from '../../src/read/read.ts'
import { detectUnit, parseIso, parseNumber } from '../../src/read/time.ts'
import { failure, write } from './files.ts'

const log = (times: readonly (string | number)[]) => write(`user,item,timestamp\n${times.map((time, i) => `u,x${i},${time}\n`).join('')}`)

describe('the unit of a column', () => {
  // 2024-05-01T00:00:05Z is 1714521605 seconds after 1970
  it.each([
    ['seconds', [1714521605, 1714521606.5], [1714521605, 1714521606.5]],
    ['milliseconds', [1714521605000, 1714521605250], [1714521605, 1714521605.25]],
    ['microseconds', [1714521605000000, 1714521605000001], [1714521605, 1714521605.000001]],
    ['nanoseconds', ['1714521605000000000', '1714521606500000000'], [1714521605, 1714521606.5]],
    ['iso', ['2024-05-01T00:00:05Z', '2024-05-01 02:00:06.25+02:00'], [1714521605, 1714521606.25]],
    ['iso', ['2024-05-01', '2024-05-02'], [1714521600, 1714608000]],
    ['ordinal', [0, 7], [0, 7]],
    ['seconds', [0.5, 7], [0.5, 7]],
    ['seconds', [-5, 7], [-5, 7]],
  ])('is read as %s from %j, in a file and in memory', async (unit, written, seconds) => {
    const file = await readInteractions(log(written))
    const memory = await readInteractions(written.map((timestamp, i) => ({ user: 'u', item: `x${i}`, timestamp })))
    expect([file.unit, Array.from(file.times)]).toEqual([unit, seconds])
    expect(memory.hash).toBe(file.hash)
    expect(memory.unit).toBe(unit)
  })

  it('is that of most rows: a zero or an odd one out does not change it', () => {
    expect(detectUnit({ numbers: 5, isos: 0, bands: [2, 3, 0, 0], positions: 2 })).toBe('milliseconds')
    expect(detectUnit({ numbers: 5, isos: 6, bands: [2, 3, 0, 0], positions: 2 })).toBe('iso')
  })

  it('can be said', async () => {
    const small = await readInteractions(log([100, 2000]), { unit: 'milliseconds' })
    expect([small.unit, Array.from(small.times)]).toEqual(['milliseconds', [0.1, 2]])
    const wrong = await failure(readInteractions(log([1714521605000]), { unit: 'seconds' }))
    expect(wrong.message).toContain('timestamp out of range: "1714521605000')
    expect(wrong.hint).toContain('read as seconds')
    expect((await failure(readInteractions(log([1, 2.5]), { unit: 'ordinal' }))).message).toContain(
      'line 3, column "timestamp": timestamp is no position',
    )
    expect((await failure(readInteractions(log([1, 2]), { unit: 'iso' }))).message).toContain('timestamp is no time')
  })

  it('keeps the order of nanoseconds that a double cannot tell apart', async () => {
    const { items } = await readInteractions(log(['1714521605000000002', '1714521605000000001', '1714521605000000002']))
    expect(Array.from(items)).toEqual([1, 0, 2])
  })
})

describe('a text', () => {
  it.each([
    ['1970-01-01', 0],
    ['1970-01-02T00:00', 86400],
    ['1970-01-01T01:00:00+01:00', 0],
    ['1970-01-01T00:00:00-0130', 5400],
    ['1970-01-01 00:00:01.000250Z', 1.00025],
    ['1969-12-31 23:59:59', -1],
    ['2024-02-29', 1709164800],
  ])('%s is %d', (text, seconds) => expect(parseIso(text)).toBe(seconds))

  it.each(['2023-02-29', '2024-13-01', '2024-1-1', '24-01-01', '2024-01-01T24:00', '2024-01-01T10', 'yesterday', ''])(
    '"%s" is no date',
    (text) => {
      expect(parseIso(text)).toBeNaN()
    },
  )

  it('is a number only in the decimal way', () => {
    expect(['12', ' -1.5e3 ', '.5', '5.'].map(parseNumber)).toEqual([12, -1500, 0.5, 5])
    expect(['', '0x10', '1_000', '1,5', '12 h', 'NaN '].map(parseNumber)).toEqual([NaN, NaN, NaN, NaN, NaN, Number.POSITIVE_INFINITY])
  })
})
