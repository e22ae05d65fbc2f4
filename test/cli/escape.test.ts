import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { json, printable, shellWord } from '../../src/cli/escape.ts'
import { table } from '../../src/cli/format.ts'

/** What no terminal may be given of an id: it acts on it, or shows something else than is there. */
const ACTS = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}\u200b\u2060\ufeff\u00ad\u{e0000}-\u{e007f}]/u
const parts = [
  'a',
  'ש',
  'مي',
  'न',
  '👩',
  '❤',
  '\u200d',
  '\u200c',
  '\ufe0f',
  '\u202e',
  '\u2066',
  '\x1b[31m',
  '\n',
  '\x9b',
  '\ud800',
  '\udc00',
]
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(...parts),
        fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      ),
    )
    .map((all) => all.join('')),
)

describe('printable', () => {
  it.each([
    ['a\r\n\tb\u0007\x7f\x85', 'a\\r\\n\\tb\\u0007\\u007f\\u0085'],
    ['\x1b[31mred', '\\u001b[31mred'],
    ['tent\u202e3-gpj', 'tent\\u202e3-gpj'],
    ['\u061c\u200e\u200f\u2066\u2069\u2028\u2029', '\\u061c\\u200e\\u200f\\u2066\\u2069\\u2028\\u2029'],
    ['te\u200bnt te\u00adnt te\u2060nt \ufefftent', 'te\\u200bnt te\\u00adnt te\\u2060nt \\ufefftent'],
    ['te\u200dnt te\u200cnt', 'te\\u200dnt te\\u200cnt'],
    ['hi\u{e0041}', 'hi\\u{e0041}'],
    ['a\ufe0f ☕\ufe0f\ufe0e', 'a\\ufe0f ☕\ufe0f\\ufe0e'],
    ['\ud800 \udc00', '\\ud800 \\udc00'],
    ['blank \u3164 \u115f', 'blank \\u3164 \\u115f'],
  ])('shows %j as %s', (from, to) => expect(printable(from)).toBe(to))

  it.each([
    'C:\\logs\\a.csv',
    'café, cafe\u0301, ñandú, Straße',
    'خانه\u200cها',
    'क्\u200dष श्री\u200cमान',
    'සිංහල ශ්\u200dරී',
    '👩\u200d👩\u200d👧 👍🏽\u200d ❤\ufe0f\u200d🔥 1\ufe0f\u20e3',
    '東京 葛\u{e0100}城 ᠮ\u180b',
    'שלום 日本 한국어 𝒳 \u0601',
  ])('leaves %s', (ordinary) => expect(printable(ordinary)).toBe(ordinary))

  it('leaves nothing of any text on which a terminal acts, and what it has shown it shows again', () => {
    fc.assert(
      fc.property(text, (any) => {
        const shown = printable(any)
        expect(shown).not.toMatch(ACTS)
        expect(printable(shown)).toBe(shown)
        for (const line of table([
          ['id', any],
          [any, '1'],
        ]))
          expect(line).not.toMatch(ACTS)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('json', () => {
  it('reads as the same values, and shows all that is in them', () => {
    fc.assert(
      fc.property(fc.dictionary(text, fc.array(fc.oneof(text, fc.integer()))), (value) => {
        const document = json(value)
        expect(JSON.parse(document)).toEqual(JSON.parse(JSON.stringify(value)))
        expect(document.replaceAll('\n', '')).not.toMatch(ACTS)
      }),
      { numRuns: 3000 },
    )
  })

  it('has four digits for each unit', () => {
    expect(json(['a\u202e', '\x9b\x7f', '\u{e0041}', 'é'])).toBe(`[
  "a\\u202e",
  "\\u009b\\u007f",
  "\\udb40\\udc41",
  "é"
]`)
  })
})

describe('shellWord', () => {
  it.each([
    ['shop.safetensors', 'shop.safetensors'],
    ['my shop', "'my shop'"],
    ["it's", `'it'\\''s'`],
    ['$HOME', "'$HOME'"],
    ['', "''"],
    ["it's\n\u202e\\", String.raw`$'it\'s\n\342\200\256\\'`],
  ])('%j becomes %s', (word, expected) => expect(shellWord(word)).toBe(expected))

  it.skipIf(spawnSync('bash', ['--version']).status !== 0)('gives bash the word back, as it is shown', { timeout: 60_000 }, () => {
    const word = text.map((any) => any.replace(/[\0\p{Cs}]/gu, ''))
    const words = fc.sample(word, 2000)
    const shown = words.map((each) => printable(shellWord(each)))
    const { stdout } = spawnSync('bash', ['-s'], { input: `printf '%s\\0' ${shown.join(' ')}\n`, encoding: 'utf8', maxBuffer: 1 << 26 })
    expect(stdout.split('\0').slice(0, -1)).toEqual(words)
  })
})
