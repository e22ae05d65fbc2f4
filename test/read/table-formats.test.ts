import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Columns, rowsOf } from '../../src/data/table-columns.ts'
import { FociError } from '../../src/errors.ts'
import { readInteractions } from '../../src/read/read.ts'
import { cellOf, numberOf, numbersOf, wordsOf } from '../../src/read/tables/cells.ts'
import { write, writeBy } from './files.ts'

const log = [
  { user: 'u', item: 'a', timestamp: 1 },
  { user: 'u', item: 'b', timestamp: 2 },
]

/** A column's values, one a row, where there is one; and its type in Parquet. */
interface Given {
  readonly type: 'DOUBLE' | 'FLOAT[]' | 'VARCHAR[]' | 'VARCHAR'
  readonly values: readonly unknown[]
}

const ids = ['a', 'stranger', 'b', 'c,"d']
const each = <T>(value: fc.Arbitrary<T>) => fc.array(fc.option(value, { nil: undefined }), { minLength: ids.length, maxLength: ids.length })
// Texts do not keep −0, and whole numbers of 16 digits are ids in JSON
const float = fc.float({ noNaN: true, min: Math.fround(-1e14), max: Math.fround(1e14) }).map((number) => number + 0)
const word = fc
  .string({ unit: fc.constantFrom('a', 'Z', 'ü', '火', '"', ',', "'", ' ', '\n'), minLength: 1, maxLength: 4 })
  .map((text) => `w${text}`)
const column: fc.Arbitrary<Given> = fc.oneof(
  each(float).map((values) => ({ type: 'DOUBLE' as const, values })),
  each(word).map((values) => ({ type: 'VARCHAR' as const, values })),
  each(fc.array(word, { minLength: 1, maxLength: 3 })).map((values) => ({ type: 'VARCHAR[]' as const, values })),
  fc
    .integer({ min: 1, max: 3 })
    .chain((width) => each(fc.array(float, { minLength: width, maxLength: width })))
    .map((values) => ({ type: 'FLOAT[]' as const, values })),
)
const tables = fc.dictionary(fc.constantFrom('colour', 'title', 'genres', 'p q', 'emb', 'constructor', 'x1'), column, {
  maxKeys: 4,
  noNullPrototype: true,
})

const csvField = (value: unknown): string =>
  value === undefined
    ? ''
    : `"${(Array.isArray(value) ? (typeof value[0] === 'number' ? JSON.stringify(value) : value.join('|')) : String(value)).replaceAll('"', '""')}"`

function sql(value: unknown, type: string): string {
  if (value === undefined) return `NULL::${type}`
  if (Array.isArray(value)) return `[${value.map((entry) => sql(entry, type.slice(0, -2))).join(', ')}]::${type}`
  return typeof value === 'number' ? `'${value}'::${type}` : `'${String(value).replaceAll("'", "''")}'`
}

describe('a table', () => {
  it('has the same columns from CSV, JSON lines, Parquet and memory', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async (given) => {
        const columns = Object.entries(given)
        // A title is one text, and categories are texts
        if ((given.title?.type ?? 'VARCHAR') !== 'VARCHAR' || !(given.genres?.type ?? 'VARCHAR').startsWith('VARCHAR')) return
        const rows = ids.map((item, i) => Object.fromEntries([['item', item], ...columns.map(([name, { values }]) => [name, values[i]])]))
        const header = ['item', ...columns.map(([name]) => name)]
        const csv = write([header.map(csvField).join(), ...rows.map((row) => header.map((name) => csvField(row[name])).join())].join('\n'))
        // The first object has all keys, as a header has
        const json = write(rows.map((row) => `${JSON.stringify(row, (_, value) => value ?? null)}\n`).join(''), 'table.jsonl')
        const selects = rows.map(
          (row) =>
            `SELECT ${sql(row.item, 'VARCHAR')} AS item${columns.map(([name, { type }]) => `, ${sql(row[name], type)} AS "${name}"`).join('')}`,
        )
        const parquet = await writeBy(`COPY (${selects.join(' UNION ALL ')}) TO $1`, 'table.parquet')
        const [first, ...others] = await Promise.all(
          [rows, csv, json, parquet].map(async (items) => {
            const { catalogue, notes } = await readInteractions(log, { items })
            const { indexOf: _, ...described } = catalogue
            return { ...described, notes: notes?.length }
          }),
        )
        for (const other of others) expect(other).toEqual(first)
        expect(first.ids).toEqual(['a', 'b', 'stranger', 'c,"d'])
      }),
      { seed: 21, numRuns: 100 },
    )
  })

  it('that has anything in it gives columns that fit its rows, or an error with a hint', async () => {
    const cell = fc.oneof(
      fc.constantFrom(
        '',
        '1',
        '-2.5',
        '[1,2]',
        '[3 4]',
        '[1]',
        '[]',
        '[',
        '[1,',
        '[1,2',
        'x|y',
        '|',
        '007',
        '1e39',
        'nan',
        '"',
        '\0',
        ' ',
        '__proto__',
      ),
      fc.string(),
      fc.double(),
      fc.constant(null),
      fc.boolean(),
      fc.bigInt(),
      fc.array(fc.oneof(fc.double(), fc.string(), fc.constant(null)), { maxLength: 3 }),
      fc.float32Array({ maxLength: 3 }),
      fc.date(),
      fc.dictionary(fc.string(), fc.string(), { maxKeys: 1 }),
    )
    const name = fc.constantFrom('x', 'e0', 'e1', 'e2', 'e', 'title', 'categories', '__proto__', '', '0', '1')
    const row = fc.array(fc.tuple(name, cell), { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs))
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 6 }), fc.boolean(), async (rows, skipInvalid) => {
        const items = [{ item: 'a' }, ...rows.map((each, i) => ({ ...each, item: `i${i}` }))]
        const found = await readInteractions(log, { items, skipInvalid }).catch((error: unknown) => {
          if (error instanceof FociError && error.hint !== '') return undefined
          throw error
        })
        if (skipInvalid) expect(found).toBeDefined()
        if (found) checkColumns(found.catalogue.columns ?? {}, found.catalogue.size)
      }),
      { seed: 22, numRuns: 1000 },
    )
  })

  it('of anything in a file gives columns or an error with a hint', async () => {
    const good = 'item,title,price,emb,e0,e1,tags\na,Ay,1.5,"[1, 2]",1,2,x|y\nb,Be,2,[3 4],3,4,\n'
    const poison = ['"', ',', '\n', '[', ']', '|', '""', '\0', '\ud800', '1e999', '-', '[]', '{', 'a,', '\u{1f600}']
    const change = fc.record({ at: fc.nat(good.length), cut: fc.nat(3), paste: fc.constantFrom(...poison, '') })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), fc.boolean(), async (changes, skipInvalid) => {
        const text = changes.reduce((before, { at, cut, paste }) => before.slice(0, at) + paste + before.slice(at + cut), good)
        const found = await readInteractions(log, { items: write(text, 'fuzz-items.csv'), skipInvalid }).catch((error: unknown) => {
          if (error instanceof FociError && error.hint !== '') return undefined
          throw error
        })
        if (found) checkColumns(found.catalogue.columns ?? {}, found.catalogue.size)
      }),
      { seed: 23, numRuns: 300 },
    )
  })
})

function checkColumns(columns: Columns, n: number): void {
  for (const column of Object.values(columns)) {
    expect(rowsOf(column)).toBe(n)
    if (column.kind === 'words') for (const word of column.of.flat()) expect(word).toMatch(/./s)
    else expect(column.of.some((value) => !Number.isFinite(Math.fround(value)) && !Number.isNaN(value))).toBe(false)
    if (column.kind === 'vector') expect([column.of.length, column.of.every(Number.isFinite)]).toEqual([n * column.width, true])
  }
}

describe('a cell', () => {
  it('lists numbers in brackets, with commas or spaces between', () => {
    const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n'), maxLength: 2 })
    fc.assert(
      fc.property(fc.array(float, { minLength: 1, maxLength: 5 }), space, fc.constantFrom(',', ' '), (numbers, blank, comma) => {
        const text = `${blank}[${blank}${numbers.join(blank + comma + blank)}${blank}]${blank}`
        expect(numbersOf(text)).toEqual(Float64Array.from(numbers))
      }),
      { seed: 24, numRuns: 500 },
    )
  })

  it.each(['[]', '[ ]', '[1,]', '[,1]', '[1,,2]', '[1;2]', '[1,x]', '[1', '1]', '[[1]]', '[0x10]', '[nan]', '[1e39]', '[+-1]', '1,2', ''])(
    'is no list of numbers where it is %j',
    (text) => {
      expect(numbersOf(text)).toBeUndefined()
    },
  )

  it('is the same number as text and as number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const [text, typed] = [numberOf(cellOf(String(number)) as string), numberOf(number)]
        expect(text === typed || (text === 0 && typed === 0)).toBe(true) // the text of −0 is 0
      }),
      { seed: 25 },
    )
  })

  it('keeps what it says as words', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '|', '1', ' ', '[') }), (text) => {
        const words = wordsOf(cellOf(text) as string)
        expect(words.join('|')).toBe(
          text
            .split('|')
            .filter((word) => word !== '')
            .join('|'),
        )
      }),
      { seed: 26, numRuns: 500 },
    )
  })

  it.each([
    ['digits', `${'1'.repeat(2e6)}x`],
    ['spaces', `1${' '.repeat(2e6)}x`],
    ['spaces in brackets', `[${' '.repeat(2e6)}x`],
    ['bars', '|'.repeat(2e6)],
    ['commas in brackets', `[${','.repeat(2e6)}]`],
  ])('of two million %s takes no longer than it is long', (_, text) => {
    const start = performance.now()
    const cell = cellOf(text) as string
    expect([numberOf(cell), numbersOf(cell), wordsOf(cell).length < 3]).toEqual([undefined, undefined, true])
    expect(performance.now() - start).toBeLessThan(2000)
  })
})
