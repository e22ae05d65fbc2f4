import { describe, expect, it } from 'vitest'
import { bytes, count, interval, plural, printable, seconds, shellWord, table } from '../../src/cli/format.ts'

describe('table', () => {
  it('puts columns of numbers to the right and texts to the left', () => {
    const rows = [
      ['item', 'score', 'why'],
      ['a', '10.5', 'x'],
      ['tent', '7.25', ''],
    ]
    expect(table(rows)).toEqual(['item  score  why', 'a      10.5  x', 'tent   7.25'])
  })

  it('counts a character beyond the basic plane as one', () => {
    expect(
      table([
        ['a', 'b'],
        ['𝒳', 'x'],
      ]),
    ).toEqual(['a  b', '𝒳  x'])
  })

  it('keeps an escape sequence of an id from the terminal', () => {
    expect(table([['id'], ['\u001b[31mred']])).toEqual(['id', '\u{fffd}[31mred'])
  })
})

describe('shellWord', () => {
  it.each([
    ['shop.safetensors', 'shop.safetensors'],
    ['my shop', "'my shop'"],
    ["it's", `'it'\\''s'`],
    ['$HOME', "'$HOME'"],
    ['', "''"],
  ])('%j becomes %s', (word, expected) => expect(shellWord(word)).toBe(expected))
})

describe('numbers', () => {
  it('have a comma at each thousand', () => {
    const counts = new Intl.NumberFormat('en-US')
    for (const n of [0, 7, 999, 1000, 12_345, 999_999, 1_000_000, 2 ** 53]) expect(count(n)).toBe(counts.format(n))
  })

  it('says sizes, times, counts and intervals', () => {
    expect([bytes(999), bytes(1_500), bytes(2_340_000)]).toEqual(['999 B', '1.5 kB', '2.3 MB'])
    expect([seconds(1.26), seconds(59.96), seconds(119.7), seconds(125)]).toEqual(['1.3 s', '1 min 0 s', '2 min 0 s', '2 min 5 s'])
    expect([plural(1, 'user'), plural(1234, 'row')]).toEqual(['1 user', '1,234 rows'])
    expect(interval({ mean: 0.175, low: 0.17024, high: 0.17906 })).toBe('0.1750 (0.1702–0.1791)')
  })
})

it('makes one line of any text', () => {
  expect(printable('a\r\n\tb\u0007')).toBe('a b\u{fffd}')
})
