import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readArtefact, writeArtefact } from '../../src/artefact/artefact.ts'
import { canonicalJson } from '../../src/artefact/canonical.ts'
import { damaged } from '../../src/artefact/unsound.ts'
import { FociError } from '../../src/errors.ts'
import { bare, fileOf, sample } from './sample.ts'

/** What reading came to: the code of the error, `read`, or the error itself where it is of another kind. */
async function outcome(bytes: Uint8Array): Promise<unknown> {
  try {
    await readArtefact(bytes)
    return 'read'
  } catch (error) {
    return error instanceof FociError && error.hint !== '' ? error.code : error
  }
}

describe.each([
  ['full', sample],
  ['bare', bare],
])('a %s artefact', (_, content) => {
  it('is refused when truncated at any byte, or with bytes behind it', async () => {
    const bytes = await writeArtefact(content())
    for (let end = 0; end < bytes.length; end++) expect([end, await outcome(bytes.slice(0, end))]).toEqual([end, 'ARTEFACT'])
    for (const more of [1, 4, 64]) {
      const longer = new Uint8Array(bytes.length + more)
      longer.set(bytes)
      expect(await outcome(longer)).toBe('ARTEFACT')
    }
    expect(await outcome(bytes)).toBe('read')
  })

  it('is refused with any bit of any byte flipped, or the byte replaced', async () => {
    const bytes = await writeArtefact(content())
    for (let at = 0; at < bytes.length; at++) {
      const was = bytes[at]
      const others = new Set([1, 2, 4, 8, 16, 32, 64, 128, 255].map((mask) => was ^ mask).concat(0x00, 0x20, 0x30, 0xff))
      others.delete(was)
      for (const other of others) {
        bytes[at] = other
        expect([at, other, await outcome(bytes)]).toEqual([at, other, 'ARTEFACT'])
      }
      bytes[at] = was
    }
    expect(await outcome(bytes)).toBe('read')
  }, 60_000)
})

describe('reading', () => {
  it('gives a typed error for random bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        expect(await outcome(bytes)).toBe('ARTEFACT')
      }),
      { numRuns: 500 },
    )
  })

  it('gives a typed error for a random header in a sound frame', async () => {
    const offsets = fc.tuple(fc.nat(40), fc.nat(40))
    const shape = fc.array(fc.oneof(fc.nat(9), fc.maxSafeNat(), fc.integer()), { maxLength: 4 })
    const place = fc.record({ data_offsets: offsets, dtype: fc.constantFrom('F32', 'I32', 'U8', 'F64'), shape })
    const table = fc.dictionary(fc.constantFrom('a', 'b', 'catalogue.bytes', 'popular.items'), fc.oneof(place, fc.jsonValue()))
    const about = fc.oneof(fc.json(), fc.constant(JSON.stringify({ checksum: '0'.repeat(64), parts: [], version: 1 })))
    await fc.assert(
      fc.asyncProperty(table, about, fc.uint8Array({ maxLength: 40 }), async (entries, foci, body) => {
        const content = { ...entries, __metadata__: { foci } }
        const plain = JSON.stringify(content)
        // Nobody can write such a key, but a file may have one
        const header = plain.includes('"__proto__"') ? plain : canonicalJson(content, damaged)
        expect(await outcome(fileOf(header, body))).toBe('ARTEFACT')
      }),
      { numRuns: 500 },
    )
  })

  it('gives a typed error for random edits of a sound file', async () => {
    const bytes = await writeArtefact(sample())
    const edit = fc.record({ at: fc.nat(bytes.length), cut: fc.nat(40), put: fc.uint8Array({ maxLength: 40 }) })
    await fc.assert(
      fc.asyncProperty(edit, async ({ at, cut, put }) => {
        const edited = Uint8Array.from([...bytes.subarray(0, at), ...put, ...bytes.subarray(at + cut)])
        fc.pre(Buffer.compare(edited, bytes) !== 0)
        expect(await outcome(edited)).toBe('ARTEFACT')
      }),
      { numRuns: 500 },
    )
  })
})
