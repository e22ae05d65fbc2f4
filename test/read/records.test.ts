import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Records, recordLimit } from '../../src/read/files/records.ts'

type Seen = readonly [line: number, found: readonly string[] | string]

/** All that is seen of some bytes, which come in pieces that end at `ends`. */
function seenIn(text: string | Buffer, ends: readonly number[] = [], dialect: { delimiter: string; quote: '"' | '' } = csv): Seen[] {
  const seen: Seen[] = []
  const records = new Records(dialect, {
    record: (fields, line) => seen.push([line, [...fields]]) < 0,
    broken: (reason, line) => seen.push([line, reason]) < 0,
  })
  const bytes = Buffer.from(text)
  let start = 0
  for (const end of [...ends.map((end) => end % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    records.add(bytes.subarray(start, end))
    start = end
  }
  records.end()
  return seen
}

const csv = { delimiter: ',', quote: '"' } as const

describe('a text is cut into records', () => {
  it.each<[string, string, Seen[]]>([
    ['of fields', 'a,b\nc,d\n', [[1, ['a', 'b']], [2, ['c', 'd']]]], // biome-ignore format: a case a line
    ['the last of which ends with the file', 'a,\n,b', [[1, ['a', '']], [2, ['', 'b']]]], // biome-ignore format: a case a line
    ['whatever their lines end in', 'a\r\nb\rc\nd\r', [[1, ['a']], [2, ['b']], [3, ['c']], [4, ['d']]]], // biome-ignore format: a case a line
    ['with blank lines between', '\na\n\r\n\rb', [[1, 'blank line'], [2, ['a']], [3, 'blank line'], [4, 'blank line'], [5, ['b']]]], // biome-ignore format: a case a line
    ['in quotes', '"a,""b""","c\nd\r\ne"\nf,""', [[1, ['a,"b"', 'c\nd\r\ne']], [4, ['f', '']]]], // biome-ignore format: a case a line
    ['with quotes within fields', 'a"b,c"\n "d",e', [[1, ['a"b', 'c"']], [2, [' "d"', 'e']]]], // biome-ignore format: a case a line
    ['and a quote that never closes costs its line', 'a,"b\nc,d\ne,f', [[1, 'unclosed quote'], [2, ['c', 'd']], [3, ['e', 'f']]]], // biome-ignore format: a case a line
    ['and text behind a quote its line', '"a"b,c\n"d\ne"f\ng', [[1, 'text behind a quote'], [2, 'text behind a quote'], [3, ['e"f']], [4, ['g']]]], // biome-ignore format: a case a line
    ['of any letters', 'é,"日本"\n\u{1f600}', [[1, ['é', '日本']], [2, ['\u{1f600}']]]], // biome-ignore format: a case a line
  ])('%s', (_, text, expected) => {
    expect(seenIn(text)).toEqual(expected)
  })

  it('and those that are not UTF-8 are told', () => {
    const bytes = Buffer.concat([Buffer.from('a\n'), Buffer.of(0xff, 10), Buffer.from('é\n'), Buffer.of(0xed, 0xa0, 0x80)])
    expect(seenIn(bytes)).toEqual([
      [1, ['a']],
      [2, 'invalid UTF-8'],
      [3, ['é']],
      [4, 'invalid UTF-8'],
    ])
  })

  it('and lines are records of one field where nothing delimits and quotes', () => {
    expect(seenIn('{"a":1,\n"b"\n\n', [], { delimiter: '', quote: '' })).toEqual([
      [1, ['{"a":1,']],
      [2, ['"b"']],
      [3, 'blank line'],
    ])
  })

  it('up to a length, beyond which a line is broken', () => {
    const most = 'x'.repeat(recordLimit)
    const long = `${most}y`
    for (const end of ['\n', '\r\n', '\r']) {
      expect(
        seenIn(`a${end}${most}${end}${long}${end}b`).map(([line, found]) => [line, typeof found === 'string' ? found : 'record']),
      ).toEqual([
        [1, 'record'],
        [2, 'record'],
        [3, 'line too long'],
        [4, 'record'],
      ])
      const lines = Math.ceil(recordLimit / 1000)
      const open = seenIn(`a${end}"b${end}${`${'c'.repeat(1000)}${end}`.repeat(lines)}`, [recordLimit, 7])
      expect(open[1]).toEqual([2, 'unclosed quote'])
      expect(open.length).toBe(lines + 2)
      expect(open.at(-1)).toEqual([lines + 2, ['c'.repeat(1000)]])
    }
  })

  const text = fc
    .array(fc.constantFrom('a', 'bc', ',', '"', '""', '\n', '\r', '\r\n', 'é', '\u{1f600}', ' '), { maxLength: 60 })
    .map((parts) => parts.join(''))

  it('wherever its bytes are parted', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 6 }), (content, ends) => {
        expect(seenIn(content, ends)).toEqual(seenIn(content))
      }),
      { seed: 41, numRuns: 2000 },
    )
  })

  it('that hold every byte of it once, but for those that are told as broken', () => {
    fc.assert(
      fc.property(text, (content) => {
        const lines = content.split(/\r\n|\n|\r/)
        if (lines.at(-1) === '') lines.pop() // the end of the last line begins no other
        const seen = seenIn(content)
        const ends = [...seen.slice(1).map(([line]) => line), lines.length + 1]
        expect(seen[0]?.[0] ?? 1).toBe(1)
        for (const [i, [line, found]] of seen.entries()) {
          const taken = lines.slice(line - 1, ends[i] - 1)
          if (typeof found === 'string') expect(taken.length).toBe(1)
          else
            expect(
              found
                .join(',')
                .replaceAll('"', '')
                .replace(/\r\n|\r/g, '\n'),
            ).toBe(taken.join('\n').replaceAll('"', ''))
        }
      }),
      { seed: 42, numRuns: 2000 },
    )
  })

  it('that are those which were written', () => {
    const field = fc.array(fc.constantFrom('a', ',', '"', '\n', '\r\n', 'é', ' '), { maxLength: 5 }).map((parts) => parts.join(''))
    const quoted = (each: string) => `"${each.replaceAll('"', '""')}"`
    fc.assert(
      fc.property(fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { maxLength: 8 }), (table) => {
        const written = table.map((record) => record.map(quoted).join(',')).join('\n')
        expect(seenIn(written).map(([, found]) => found)).toEqual(table)
      }),
      { seed: 43, numRuns: 500 },
    )
  })
})
