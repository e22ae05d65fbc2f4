import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, parseCanonical } from '../../src/artefact/canonical.ts'
import { damaged } from '../../src/artefact/unsound.ts'

describe('canonical JSON', () => {
  it('orders keys by UTF-16 units, leaves out what is undefined and adds no space', () => {
    expect(canonicalJson({ b: 1, a: [true, null], 10: 'x', 9: { z: 0, y: undefined }, é: '\u20ac"\n' }, damaged)).toBe(
      '{"10":"x","9":{"z":0},"a":[true,null],"b":1,"é":"€\\"\\n"}',
    )
    expect(canonicalJson([-0, 1e21, 1e-7, 0.1 + 0.2, 1.0], damaged)).toBe('[0,1e+21,1e-7,0.30000000000000004,1]')
  })

  /** The key `__proto__` is refused, and comes once in ten thousand values. */
  const writable = fc.jsonValue({ maxDepth: 6, noUnicodeString: false }).filter((value) => !JSON.stringify(value).includes('"__proto__"'))

  it('has one text for each value, and reads it back', () => {
    fc.assert(
      fc.property(writable, (value) => {
        const text = canonicalJson(value, damaged)
        expect(canonicalJson(parseCanonical(text, 'it', damaged), damaged)).toBe(text)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it.each([
    '{"b":1,"a":2}',
    '{"a":1,"a":1}',
    '{ "a":1}',
    '[1.0]',
    '[-0]',
    '["\\u0041"]',
    '[1e2]',
    ' 1',
    '1 ',
    '{"__proto__":1}',
    '[1e999]',
    '["\\ud800"]',
    '',
    '[',
    'nul',
    '[1]]',
  ])('refuses %j', (text) => expect(() => parseCanonical(text, 'it', damaged)).toThrow(expect.objectContaining({ code: 'ARTEFACT' })))

  it('refuses what is nested more than 32 deep', () => {
    const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect(() => parseCanonical(deep(32), 'it', damaged)).not.toThrow()
    expect(() => parseCanonical(deep(33), 'it', damaged)).toThrow('deep')
  })
})
