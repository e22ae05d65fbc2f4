import { describe, expect, it } from 'vitest'
import { readArtefact, writeArtefact } from '../../src/artefact/artefact.ts'
import type { RawTensor } from '../../src/artefact/container.ts'
import { bare, errorOf, fileOf, forged, headerOf, sample, withColumns } from './sample.ts'

const MIB = 2 ** 20

/** Memory of the process that a hostile file could inflate. */
const held = () => process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed

/** A file without artefact JSON whose table is as given: layout is checked before what the JSON says. */
const withTable = (table: string, body = new Uint8Array(16)) => fileOf(`{"__metadata__":{"foci":"{}"},${table}}`, body)

const entry = (name: string, dtype: string, shape: string, offsets: string) =>
  `"${name}":{"data_offsets":[${offsets}],"dtype":"${dtype}","shape":[${shape}]}`

describe('a hostile file', () => {
  it.each([2n ** 63n, 2n ** 64n - 1n, 2n ** 53n, 2n ** 32n, 2n ** 31n, 0n, 1n, 57n])(
    'with a header length of %d is refused',
    async (length) => {
      const bytes = fileOf(headerOf(await writeArtefact(bare())))
      new DataView(bytes.buffer).setBigUint64(0, length, true)
      expect((await errorOf(readArtefact(bytes))).code).toBe('ARTEFACT')
    },
  )

  it('with a header as long as the file is refused unread', async () => {
    const bytes = new Uint8Array(64 * MIB).fill(0x5b)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true)
    const before = held()
    expect((await errorOf(readArtefact(bytes))).message).toMatch(/claims 67108856 bytes and may take 1048576/)
    expect(held() - before).toBeLessThan(8 * MIB)
  })

  const tables: [string, string, RegExp][] = [
    ['a product that overflows', entry('a', 'F32', '4294967296,4294967296', '0,16'), /"a" has the shape/],
    ['a product that overflows to 0 bytes in 64 bits', entry('a', 'F32', '4611686018427388000,4', '0,0'), /"a" has a dtype or a shape/],
    ['an overflow hidden by an empty axis', entry('a', 'F32', '9007199254740991,9007199254740991,0', '0,0'), /"a" has the shape/],
    ['a huge shape on few bytes', entry('a', 'F32', '1000000000000', '0,16'), /bytes 0 to 16 of the body; .* give 0 to 4000000000000/],
    [
      'sizes that only together pass the limit',
      [entry('a', 'F32', '2000000000000000', '0,8000000000000000'), entry('b', 'F32', '2000000000000000', '8,16')].join(),
      /"b" ends beyond any file/,
    ],
    ['negative offsets', entry('a', 'F32', '4', '-16,0'), /data_offsets of the wrong kind/],
    ['a negative extent', entry('a', 'F32', '-2,-2', '0,16'), /a dtype or a shape of the wrong kind/],
    ['a broken extent', entry('a', 'F32', '1.5', '0,6'), /a dtype or a shape of the wrong kind/],
    ['offsets that fall', entry('a', 'F32', '4', '16,0'), /stands at bytes 16 to 0/],
    ['three offsets', entry('a', 'F32', '4', '0,16,16'), /data_offsets of the wrong kind/],
    ['overlapping tensors', [entry('a', 'F32', '4', '0,16'), entry('b', 'F32', '4', '0,16')].join(), /"b" stands at bytes 0 to 16/],
    ['a hole', [entry('a', 'F32', '1', '0,4'), entry('b', 'F32', '1', '12,16')].join(), /"b" stands at bytes 12 to 16 .* give 4 to 8/],
    ['a tail', entry('a', 'F32', '3', '0,12'), /the body has 16 bytes and the tensors take 12/],
    ['a tensor beyond the end', entry('a', 'F32', '5', '0,20'), /the body has 16 bytes and the tensors take 20/],
    ['another order', [entry('a', 'F32', '2', '8,16'), entry('b', 'F32', '2', '0,8')].join(), /"a" stands at bytes 8 to 16/],
    ['an unknown dtype', entry('a', 'F64', '2', '0,16'), /"a" has the dtype "F64"/],
    ['the dtype of an object', entry('a', 'toString', '2', '0,16'), /"a" has the dtype "toString"/],
    ['nine axes', entry('a', 'F32', '1,1,1,1,1,1,1,1,4', '0,16'), /"a" has the shape/],
    ['duplicate names', [entry('a', 'F32', '4', '0,16'), entry('a', 'F32', '4', '0,16')].join(), /not canonical JSON/],
    ['keys out of order', [entry('b', 'F32', '2', '8,16'), entry('a', 'F32', '2', '0,8')].join(), /not canonical JSON/],
    ['a name that is none', entry('a b', 'F32', '4', '0,16'), /a tensor has the name "a b"/],
    ['a prototype', '"__proto__":{}', /"__proto__"/],
    ['an entry that is a list', '"a":[]', /no dtype, shape and data_offsets/],
    ['an entry with more', '"a":{"data_offsets":[0,16],"dtype":"F32","mode":1,"shape":[4]}', /no dtype, shape and data_offsets/],
    ['escapes for plain letters', entry('\\u0061', 'F32', '4', '0,16'), /not canonical JSON/],
  ]
  it.each(tables)('with %s is refused', async (_, table, message) => {
    const before = held()
    const error = await errorOf(readArtefact(withTable(table)))
    expect(error.code).toBe('ARTEFACT')
    expect(error.message).toMatch(message)
    expect(held() - before).toBeLessThan(4 * MIB)
  })

  it.each([
    ['nothing', ''],
    ['no object', '[]'],
    ['no metadata', '{}'],
    ['metadata of another maker', '{"__metadata__":{"format":"pt"}}'],
    ['metadata that is no text', '{"__metadata__":{"foci":{}}}'],
    ['two metadata keys', '{"__metadata__":{"foci":"{}","format":"pt"}}'],
    ['metadata that is no object', '{"__metadata__":{"foci":"[]"}}'],
    ['a checksum that is none', '{"__metadata__":{"foci":"{\\"checksum\\":\\"00\\"}"}}'],
  ])('with %s for a header is refused', async (_, header) => {
    expect((await errorOf(readArtefact(fileOf(header)))).code).toBe('ARTEFACT')
  })

  it('with more padding than is due is refused, though it says the same', async () => {
    const bytes = await writeArtefact(sample())
    const start = 8 + new DataView(bytes.buffer).getUint32(0, true)
    const padded = Uint8Array.from([...bytes.subarray(0, start), ...new Array(64).fill(0x20), ...bytes.subarray(start)])
    new DataView(padded.buffer).setUint32(0, start - 8 + 64, true)
    expect((await errorOf(readArtefact(padded))).message).toMatch(`padded to byte ${start + 64} instead of ${start}`)
  })

  it('nested deep or broad is refused fast and in bounded memory', async () => {
    const size = MIB - 200
    const headers = [
      '['.repeat(size),
      '['.repeat(size / 2) + ']'.repeat(size / 2),
      '{"a":'.repeat(size / 5),
      `{"a":[${'[],'.repeat(size / 3 - 4)}[]]}`,
      '"'.repeat(size),
      ' '.repeat(size) + 1,
      `[${'1,'.repeat(size / 2 - 2)}1]`,
    ]
    for (const header of [
      ...headers,
      ...headers.slice(0, 4).map((inner) => `{"__metadata__":{"foci":${JSON.stringify(inner.slice(0, MIB / 3))}}}`),
    ]) {
      const file = fileOf(header)
      const before = held()
      const start = performance.now()
      expect((await errorOf(readArtefact(file))).code).toBe('ARTEFACT')
      expect(performance.now() - start).toBeLessThan(2000)
      expect(held() - before).toBeLessThan(128 * MIB)
    }
  })

  it('that only claims to be large costs no more than its size', async () => {
    const big = { ...bare(), tensors: { w: { shape: [4 * MIB], data: new Float32Array(4 * MIB) } } }
    const bytes = await writeArtefact(big)
    for (const end of [bytes.length - 1, bytes.length - 4 * MIB, 2000]) {
      const cut = bytes.subarray(0, end)
      const before = held()
      expect((await errorOf(readArtefact(cut))).message).toMatch(/the body has \d+ bytes and the tensors take 1677\d+/)
      expect(held() - before).toBeLessThan(4 * MIB)
    }
  })
})

describe('a file with a right checksum', () => {
  const ints = (...values: number[]): RawTensor => ({
    dtype: 'I32',
    shape: [values.length],
    bytes: new Uint8Array(Int32Array.from(values).buffer),
  })
  const floats = (shape: number[], ...values: number[]): RawTensor => ({
    dtype: 'F32',
    shape,
    bytes: new Uint8Array(Float32Array.from(values).buffer),
  })
  const bytes = (...values: number[]): RawTensor => ({ dtype: 'U8', shape: [values.length], bytes: Uint8Array.from(values) })
  type Change = (about: Record<string, unknown>, tensors: Map<string, RawTensor>) => void
  const set =
    (name: string, tensor: RawTensor): Change =>
    (_, tensors) =>
      tensors.set(name, tensor)
  const drop =
    (name: string): Change =>
    (_, tensors) =>
      tensors.delete(name)
  const say =
    (key: string, value: unknown): Change =>
    (about) =>
      Object.assign(about, { [key]: value })

  const cases: [string, Change, RegExp][] = [
    ['a version to come', say('version', 2), /version 2 of the format and this foci knows version 1/],
    ['no version', say('version', '1'), /no version/],
    ['a key that is not known', say('host', 'here'), /does not fit at its top \(unrecognized keys\)/],
    ['parts that are no list', say('parts', {}), /does not fit at parts: array expected/],
    [
      'a score that is text',
      say('scores', { test: { users: 1, metrics: { 'hr@10': { mean: '1' } } } }),
      /at scores.test.metrics.hr@10.mean: number expected/,
    ],
    ['ids that are not UTF-8', set('catalogue.bytes', bytes(...new Array(15).fill(65), 0xff)), /entry 2 of the item ids is not UTF-8/],
    ['ids cut within a letter', set('catalogue.offsets', ints(0, 7, 13, 16)), /entry 0 of the item ids is not UTF-8/],
    ['offsets that fall', set('catalogue.offsets', ints(0, 13, 6, 16)), /offsets of the item ids fall from 13 to 6 at 2/],
    ['offsets that start late', set('catalogue.offsets', ints(1, 6, 13, 16)), /offsets of the item ids do not start at 0/],
    ['offsets that end early', set('catalogue.offsets', ints(0, 6, 13, 13)), /offsets of the item ids end at 13 instead of 16/],
    ['no offsets', set('catalogue.offsets', ints()), /offsets of the item ids do not start at 0/],
    ['an item twice', set('catalogue.offsets', ints(0, 0, 0, 16)), /the item "" twice/],
    [
      'offsets of another dtype',
      set('catalogue.offsets', { ...ints(0, 6, 13, 16), dtype: 'F32' }),
      /is F32 \[4\] where a vector of I32 is due/,
    ],
    [
      'offsets of another rank',
      set('catalogue.offsets', { ...ints(0, 6, 13, 16), shape: [2, 2] }),
      /is I32 \[2, 2\] where a vector of I32 is due/,
    ],
    ['no catalogue', drop('catalogue.bytes'), /tensor "catalogue.bytes" is missing/],
    ['no popular list', drop('popular.items'), /tensor "popular.items" is missing/],
    ['half the titles', drop('catalogue.titles.items'), /tensor "catalogue.titles.items" is missing/],
    ['half the categories', drop('catalogue.categories.starts'), /tensor "catalogue.categories.starts" is missing/],
    ['a title of no item', set('catalogue.titles.items', ints(0, 3)), /the titles name 3, and there are 3/],
    ['a title twice', set('catalogue.titles.items', ints(2, 2)), /do not rise/],
    ['a title too many', set('catalogue.titles.items', ints(0, 1, 2)), /2 titles for 3 items/],
    ['a category of no name', set('catalogue.categories.names', ints(0, 1, 2)), /categories name 2, and there are 2/],
    ['a negative category', set('catalogue.categories.names', ints(0, -1, 0)), /categories name -1, and there are 2/],
    ['categories of too few items', set('catalogue.categories.starts', ints(0, 2, 3)), /categories of 2 items, and 3 items/],
    ['a popular item beyond the catalogue', set('popular.items', ints(0, 3)), /popular list names item 3/],
    ['a popular item twice', set('popular.items', ints(1, 1)), /popular list names item 1 twice/],
    ['a tensor that the version lacks', set('catalogue.prices', ints(1)), /"catalogue.prices" is unknown/],
    ['bytes among the weights', set('weights', bytes(1)), /"weights" is unknown/],
  ]
  it.each(cases)('and %s is refused', async (_, change, message) => {
    const error = await errorOf(readArtefact(await forged(await writeArtefact(sample()), change)))
    expect(error.code).toBe('ARTEFACT')
    expect(error.message).toMatch(message)
  })

  const names0: Change = (_, tensors) => {
    tensors.set('catalogue.columns.bytes', bytes())
    tensors.set('catalogue.columns.offsets', ints(0))
  }

  const columns: [string, Change, RegExp][] = [
    ['columns without their names', drop('catalogue.columns.bytes'), /"catalogue.columns.bytes" is missing/],
    ['a column of no name', set('catalogue.columns.3.given', ints()), /"catalogue.columns.3.given" belongs to no column/],
    [
      'a column of two kinds',
      set('catalogue.columns.2.vectors', floats([3, 1], 0, 0, 0)),
      /"catalogue.columns.2.vectors" belongs to no column/,
    ],
    ['a tensor that no column has', set('catalogue.columns.2.means', ints()), /"catalogue.columns.2.means" is unknown/],
    ['names of columns that fall', set('catalogue.columns.offsets', ints(0, 7, 7, 15)), /columns' names do not rise at 1/],
    ['a column that is not there', drop('catalogue.columns.0.bytes'), /"catalogue.columns.0.bytes" is missing/],
    ['no names of columns', names0, /columns without names/],
    ['numbers of too few items', set('catalogue.columns.2.numbers', floats([2], 1.5, 0)), /2 numbers of the column "price" for 3 rows/],
    ['a number that is none', set('catalogue.columns.2.numbers', floats([3], 1.5, 0, Number.NaN)), /"price" has NaN at 2/],
    ['a number of no item', set('catalogue.columns.2.given', ints(0, 3)), /the column "price" name 3, and there are 3/],
    ['a number twice', set('catalogue.columns.2.given', ints(0, 0)), /do not rise/],
    ['a number that is not listed', set('catalogue.columns.2.given', ints(0)), /"price" gives row 2 one that it does not list/],
    [
      'vectors of too few items',
      set('catalogue.columns.1.vectors', floats([2, 2], 1, -2, 0.5, 0)),
      /are F32 \[2, 2\] where F32 \[3, width\] is due/,
    ],
    [
      'vectors in a row',
      set('catalogue.columns.1.vectors', floats([6], 1, -2, 0, 0, 0.5, 0)),
      /are F32 \[6\] where F32 \[3, width\] is due/,
    ],
    ['vectors of nothing', set('catalogue.columns.1.vectors', floats([3, 0])), /are F32 \[3, 0\] where/],
    [
      'vectors of whole numbers',
      set('catalogue.columns.1.vectors', { ...floats([3, 2], 1, 0, 0, 0, 1, 0), dtype: 'I32' }),
      /are I32 \[3, 2\] where/,
    ],
    ['an infinite vector', set('catalogue.columns.1.vectors', floats([3, 2], 1, Infinity, 0, 0, 0.5, 0)), /"emb" has Infinity at 1/],
    ['words of no vocabulary', set('catalogue.columns.0.names', ints(0, 2, 0)), /column "Größe" name 2, and there are 2/],
    ['words of too many items', set('catalogue.columns.0.starts', ints(0, 2, 2, 2, 3)), /of 4 items, and 3 items/],
    ['a user twice', set('users.bytes', bytes(97, 97)), /offsets of the user ids|there is the user "a" twice/],
    ['columns of users without ids', drop('users.bytes'), /"users.bytes" is missing/],
    ['an age of no user', set('users.columns.0.given', ints(2)), /the column "age" name 2, and there are 2/],
    ['a column of users that is none', set('users.columns.1.given', ints()), /"users.columns.1.given" belongs to no column/],
    ['a tensor of users that the version lacks', set('users.ages', ints(1)), /"users.ages" is unknown/],
  ]
  it.each(columns)('and %s is refused', async (_, change, message) => {
    const error = await errorOf(readArtefact(await forged(await writeArtefact(withColumns()), change)))
    expect(error.code).toBe('ARTEFACT')
    expect(error.message).toMatch(message)
  })

  it('and nothing changed is read', async () => {
    const file = await writeArtefact(sample())
    expect(await forged(file, () => undefined)).toEqual(file)
  })
})
