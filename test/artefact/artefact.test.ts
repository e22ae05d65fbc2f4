import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type ArtefactContent, readArtefact, writeArtefact } from '../../src/artefact/artefact.ts'
import { keptItems } from '../../src/artefact/catalogue-tensors.ts'
import { bare, errorOf, headerOf, sample, withColumns } from './sample.ts'

/** Content with the keys of all its objects the other way round. */
function reversed<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  if (Array.isArray(value)) return value.map(reversed) as T
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, entry]) => [key, reversed(entry)]),
  ) as T
}

describe('an artefact', () => {
  it('gives back what was written', async () => {
    const { hash, tensors, ...read } = await readArtefact(await writeArtefact(sample()))
    const { tensors: written, ...rest } = sample()
    expect(read).toEqual(rest)
    expect({ ...tensors }).toEqual(written)
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
  })

  it('keeps the bits of floats, NaN, −0 and subnormals, and NaN in none that can be served', async () => {
    const bits = Int32Array.of(0x7fc12345, -0x80000000, 1, 0x7f800000)
    const content = { ...sample(), tensors: { odd: { shape: [4], data: new Float32Array(bits.buffer) } } }
    expect((await errorOf(writeArtefact(content))).message).toBe('The artefact cannot be written: tensor "odd" has NaN at 0.')
    const checkpoint = { ...content, checkpoint: { step: 1 } } // of a run that must say where it went wrong
    const { data } = (await readArtefact(await writeArtefact(checkpoint))).tensors.odd
    expect(new Int32Array(data.buffer, data.byteOffset, data.length)).toEqual(bits)
  })

  it('keeps further columns of items, and users where there are some, in whatever order they come', async () => {
    const bytes = await writeArtefact(withColumns())
    const { catalogue, users } = await readArtefact(bytes)
    expect({ catalogue, users }).toEqual({ catalogue: withColumns().catalogue, users: withColumns().users })
    expect(await writeArtefact(reversed(withColumns()))).toEqual(bytes)
    expect(await writeArtefact(await readArtefact(bytes))).toEqual(bytes)
    const other = {
      ...withColumns().catalogue,
      columns: { ...withColumns().catalogue.columns, price: { kind: 'number', of: Float64Array.of(1.5, 0, -0.25) } },
    }
    expect((await readArtefact(await writeArtefact({ ...sample(), catalogue: other as never }))).hash).not.toBe(
      (await readArtefact(bytes)).hash,
    )
  })

  it('keeps numbers in f32, and columns by the names that are asked for', async () => {
    const of = Float64Array.of(0.1, Number.NaN, 1e-50)
    const catalogue = { ...sample().catalogue, columns: { n: { kind: 'number', of }, 5: { kind: 'words', of: [[], [], []] } } } as const
    const { columns } = (await readArtefact(await writeArtefact({ ...sample(), catalogue }))).catalogue
    expect(columns).toEqual({ n: { kind: 'number', of: of.map(Math.fround) }, 5: { kind: 'words', of: [[], [], []] } })
    expect(keptItems(catalogue, ['n', 'title', 'none'])).toEqual({ ...sample().catalogue, columns: { n: { kind: 'number', of } } })
    expect(Object.keys(keptItems(catalogue, []))).not.toContain('columns')
  })

  it('may be almost empty', async () => {
    const { hash: _, tensors, ...read } = await readArtefact(await writeArtefact(bare()))
    const { tensors: none, ...rest } = bare()
    expect(read).toEqual(rest)
    expect(Object.keys(tensors)).toEqual(Object.keys(none))
  })

  it('carries a checkpoint', async () => {
    const checkpoint = { step: 120, best: { epoch: 2, score: 0.19 }, run: 'key', history: [0.1, null, true] }
    const moments = { 'item:first': { shape: [3, 2], data: new Float32Array(6).fill(0.5) } }
    const content = { ...sample(), checkpoint, tensors: { ...sample().tensors, ...moments } }
    const read = await readArtefact(await writeArtefact(content))
    expect(read.checkpoint).toEqual(checkpoint)
    expect(read.tensors['item:first']).toEqual(moments['item:first'])
  })

  it('is the same bytes for the same content, whatever the order of keys and whatever holds the numbers', async () => {
    const bytes = await writeArtefact(sample())
    expect(await writeArtefact(sample())).toEqual(bytes)
    expect(await writeArtefact(reversed(sample()))).toEqual(bytes)
    expect(await writeArtefact({ ...sample(), checkpoint: undefined })).toEqual(bytes)
    const shared = new Float32Array(new SharedArrayBuffer(32), 8, 6)
    shared.set(sample().tensors.item.data)
    expect(await writeArtefact({ ...sample(), tensors: { ...sample().tensors, item: { shape: [3, 2], data: shared } } })).toEqual(bytes)
    expect(await writeArtefact(await readArtefact(bytes))).toEqual(bytes)
  })

  it('has bytes that do not change from release to release: other bytes need another version of the format', async () => {
    const { hash } = await readArtefact(await writeArtefact(sample()))
    expect(hash).toBe('4d03a290be751edd677034d3ba2b43b0762fb99ef81e7b1904ddab07320e2b31')
  })

  it('has the same hash where WebCrypto takes it', async () => {
    const bytes = await writeArtefact(sample())
    const node = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never)
    const digest = vi.spyOn(crypto.subtle, 'digest')
    try {
      expect(await writeArtefact(sample())).toEqual(bytes)
      expect(digest).toHaveBeenCalled()
    } finally {
      node.mockRestore()
      digest.mockRestore()
    }
  })

  it('has another hash for other content', async () => {
    const base = sample()
    const others: ArtefactContent[] = [
      base,
      { ...base, trained: { ...base.trained, seed: 8 } },
      { ...base, popular: Int32Array.of(0, 2) },
      { ...base, tensors: { ...base.tensors, scale: { shape: [1], data: Float32Array.of(8) } } },
      { ...base, tensors: { ...base.tensors, scale: { shape: [], data: Int32Array.of(0x41000000) } } }, // the bits of 8
      { ...base, catalogue: { ...base.catalogue, titles: ['Tent', '', ''] } },
      { ...base, catalogue: { ...base.catalogue, ids: ['tent-2', 'Öfchen', '土'] } },
    ]
    const hashes = await Promise.all(others.map(async (content) => (await readArtefact(await writeArtefact(content))).hash))
    expect(new Set(hashes).size).toBe(others.length)
  })

  it('lies as the format says: body at a multiple of 64, words by name, then bytes by name, no holes', async () => {
    const bytes = await writeArtefact(sample())
    const header = JSON.parse(headerOf(bytes))
    const start = 8 + new DataView(bytes.buffer).getUint32(0, true)
    expect(start % 64).toBe(0)
    const table = Object.entries<{ data_offsets: number[] }>(header).filter(([name]) => name !== '__metadata__')
    const placed = table.sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1])
    // 2 F32; ids: 3 + 1 offsets; categories of items: 3 names, 2 + 1 offsets, 3 + 1 starts; 2 titles: 2 items, 3 offsets; ...
    expect(placed.map(([name, { data_offsets }]) => [name, ...data_offsets])).toEqual([
      ['block.0.bias', 0, 8],
      ['catalogue.categories.names', 8, 20],
      ['catalogue.categories.offsets', 20, 32],
      ['catalogue.categories.starts', 32, 48],
      ['catalogue.offsets', 48, 64],
      ['catalogue.titles.items', 64, 72],
      ['catalogue.titles.offsets', 72, 84],
      ['counts.pairs', 84, 100],
      ['idle', 100, 100],
      ['item', 100, 124],
      ['popular.items', 124, 132],
      ['scale', 132, 136],
      ['catalogue.bytes', 136, 152], // tent-2 is 6 bytes, Öfchen 7, 火 3
      ['catalogue.categories.bytes', 152, 161], // camp, sleep
      ['catalogue.titles.bytes', 161, 165], // Tent
    ])
    expect(bytes.length).toBe(start + 165)
  })

  it('gives views of the bytes where they are aligned, and one copy where they are not', async () => {
    const bytes = await writeArtefact(sample())
    expect((await readArtefact(bytes)).tensors.item.data.buffer).toBe(bytes.buffer)
    for (const shift of [1, 2, 3, 4]) {
      const moved = new Uint8Array(bytes.length + 8).subarray(shift, shift + bytes.length)
      moved.set(bytes)
      const { tensors, popular } = await readArtefact(moved)
      expect(tensors.item.data).toEqual(sample().tensors.item.data)
      expect(tensors.item.data.buffer).toBe(popular.buffer)
      expect(tensors.item.data.buffer === moved.buffer).toBe(shift === 4)
    }
  })

  it('reads from shared memory and from a Buffer', async () => {
    const bytes = await writeArtefact(sample())
    const { hash } = await readArtefact(bytes)
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
    shared.set(bytes)
    expect((await readArtefact(shared)).hash).toBe(hash)
    expect((await readArtefact(Buffer.from(bytes))).hash).toBe(hash)
  })

  it('holds any ids, titles and categories that are text', async () => {
    const text = fc.string({ unit: 'binary' })
    const row = fc.record({ title: fc.option(text, { nil: undefined }), categories: fc.array(text, { maxLength: 3 }) })
    const catalogue = fc.uniqueArray(text, { maxLength: 20 }).chain((ids) =>
      fc.array(row, { minLength: ids.length, maxLength: ids.length }).map((rows) => ({
        ids,
        titles: rows.map(({ title }) => title),
        categories: rows.map(({ categories }) => categories),
      })),
    )
    await fc.assert(
      fc.asyncProperty(catalogue, async (items) => {
        const popular = Int32Array.from(items.ids.slice(0, 1), () => 0)
        const read = await readArtefact(await writeArtefact({ ...bare(), catalogue: items, popular }))
        expect(read.catalogue).toEqual(items)
      }),
      { numRuns: 200 },
    )
  })

  it('holds columns of any names, words and numbers', async () => {
    const name = fc.string({ unit: 'binary' })
    const n = 4
    const each = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: n, maxLength: n })
    const float = fc.float({ noNaN: true, noDefaultInfinity: true })
    const words = each(fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 })).map((of) => ({ kind: 'words' as const, of }))
    const numbers = each(fc.option(float, { nil: Number.NaN })).map((of) => ({ kind: 'number' as const, of: Float64Array.from(of) }))
    const vectors = fc.integer({ min: 1, max: 3 }).chain((width) =>
      each(fc.option(fc.array(float, { minLength: width, maxLength: width }))).map((rows) => ({
        kind: 'vector' as const,
        width,
        of: Float32Array.from(rows.flatMap((row) => row ?? new Array<number>(width).fill(0))),
        given: Uint8Array.from(rows, (row) => (row ? 1 : 0)),
      })),
    )
    const columns = fc.dictionary(name, fc.oneof(words, numbers, vectors), { minKeys: 1, maxKeys: 5, noNullPrototype: true })
    await fc.assert(
      fc.asyncProperty(columns, async (given) => {
        const catalogue = { ids: ['a', 'b', 'c', 'd'], columns: given }
        const read = await readArtefact(await writeArtefact({ ...bare(), catalogue, popular: Int32Array.of(0) }))
        expect(read.catalogue).toEqual(catalogue)
      }),
      { numRuns: 200 },
    )
  })

  it('has a tensor of any name that the format allows, those of objects included', async () => {
    const names = ['constructor', 'toString', '0', '10', '2', 'a/b[3]:c-d']
    const tensors = Object.fromEntries(names.map((name, i) => [name, { shape: [1], data: Float32Array.of(i) }]))
    const read = await readArtefact(await writeArtefact({ ...bare(), tensors }))
    expect({ ...read.tensors }).toEqual(tensors)
    expect((await readArtefact(await writeArtefact(bare()))).tensors.constructor).toBeUndefined()
  })
})

describe('writeArtefact refuses', () => {
  const base = sample()
  const vector = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) })
  const cyclic: Record<string, never> = {}
  Object.assign(cyclic, { cyclic })
  const cases: [string, Partial<ArtefactContent>, RegExp][] = [
    [
      'a shape that the data does not have',
      { tensors: { item: { shape: [2, 2], data: new Float32Array(3) } } },
      /"item" has 3 values for the shape \[2, 2\]/,
    ],
    ['a negative extent', { tensors: { item: { shape: [-1, -1], data: new Float32Array(1) } } }, /shape \[-1, -1\]/],
    ['a name of its own', { tensors: { 'catalogue.bytes': vector(1) } }, /"catalogue.bytes" has a name that the format keeps/],
    ['an empty name', { tensors: { '': vector(1) } }, /a tensor has the name ""/],
    ['the name of the metadata', { tensors: { __metadata__: vector(1) } }, /a tensor has the name "__metadata__"/],
    ['an item twice', { catalogue: { ids: ['a', 'b', 'a'] } }, /item "a" twice/],
    ['half a surrogate pair', { catalogue: { ids: ['a', 'b', '\ud83d'] } }, /entry 2 of the item ids/],
    ['titles of other items', { catalogue: { ...base.catalogue, titles: ['one'] } }, /1 titles for 3 items/],
    ['categories of other items', { catalogue: { ...base.catalogue, categories: [[]] } }, /1 categories for 3 items/],
    [
      'a column of other items',
      { catalogue: { ids: ['a', 'b', 'c'], columns: { n: { kind: 'words', of: [[]] } } } },
      /column "n" is of length 1, and 3 is due/,
    ],
    [
      'a number beyond f32',
      { catalogue: { ids: ['a', 'b', 'c'], columns: { n: { kind: 'number', of: Float64Array.of(0, 1e39, 0) } } } },
      /column "n" has Infinity at 1/,
    ],
    ['a popular item beyond the catalogue', { popular: Int32Array.of(3) }, /item 3, and there are 3/],
    ['a popular item twice', { popular: Int32Array.of(1, 1) }, /item 1 twice/],
    [
      'a score that is no number',
      { scores: { test: { users: 1, metrics: { 'hr@10': { mean: Number.NaN } } } } },
      /NaN is a number that JSON cannot hold/,
    ],
    ['no model', { parts: [] }, /does not fit at parts/],
    ['half a row', { trained: { ...base.trained, rows: 0.5 } }, /does not fit at trained.rows: int expected/],
    [
      'a precision that there is not',
      { trained: { ...base.trained, precision: 'bf16x3' as never } },
      /does not fit at trained.precision: f32 or bf16 expected/,
    ],
    ['a cycle', { checkpoint: cyclic }, /nested more than 32 deep/],
    ['a typed array in the JSON', { checkpoint: { moments: Float32Array.of(1) } as never }, /no form for \[object Float32Array\]/],
    ['a header beyond bounds', { checkpoint: { note: 'x'.repeat(2 ** 20) } }, /the header takes \d+ bytes and may take 1048576/],
  ]
  it.each(cases)('%s', async (_, change, message) => {
    const error = await errorOf(writeArtefact({ ...base, ...change }))
    expect(error.code).toBe('ARTEFACT')
    expect(error.message).toMatch(message)
    expect(error.hint).not.toBe('')
  })
})
