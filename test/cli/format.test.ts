import { describe, expect, it } from 'vitest'
import { bytes, columns, count, interval, plural, seconds, table } from '../../src/cli/format.ts'

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

  it('keeps an escape sequence of an id from the terminal, and makes room for what shows it', () => {
    const rows = [
      ['id', 'b'],
      ['\u001b[31mred', 'x'],
    ]
    expect(table(rows)).toEqual(['id             b', '\\u001b[31mred  x'])
  })

  it('gives wide characters two columns', () => {
    const rows = [
      ['title', 'b'],
      ['東京', 'x'],
      ['cafe\u0301', 'x'],
    ]
    expect(table(rows)).toEqual(['title  b', '東京   x', 'cafe\u0301   x'])
  })
})

it.each([
  ['plain', 5],
  ['한국어', 6],
  ['\u1112\u1161\u11ab', 2], // 한 in its letters
  ['ﾊﾝｶｸ', 4],
  ['ｆｕｌｌ', 8],
  ['क्षि', 3], // the vowel sign has a column of its own, the virama none
  ['😀☕', 4],
  ['👩\u200d👩\u200d👧', 2],
  ['👍🏽', 2],
  ['🇨🇭', 2],
  ['é', 1],
  ['𠮷𝒳', 3],
])('%s takes %i columns', (text, expected) => expect(columns(text)).toBe(expected))

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
