import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FociError } from '../../src/errors.ts'
import { readInteractions } from '../../src/read/read.ts'
import { failure, write, writeBy } from './files.ts'

interface Row {
  readonly user: string
  readonly item: string
  readonly timestamp: number
  readonly scene: string
  readonly event: string
  readonly value: number | null
}

// Ids of 1 to 90 bytes, so on both sides of the 12 and 72 that are compared in place, and some that differ at the end alone.
const stems = ['u', '007', 'a "b", c', 'exactly12byt', 'thirteen byte', 'ü-ñ-日本-\u{1f600}', '\u{1f600}'.repeat(4), 'two\nlines', "it's"]
const ids = [...stems, ...stems.map((stem) => stem.repeat(9).slice(0, 90)), 'x'.repeat(72), 'x'.repeat(73), `${'x'.repeat(89)}y`]
const rows: Row[] = Array.from({ length: 5000 }, (_, i) => ({
  user: ids[(i * 8) % ids.length],
  item: `${ids[(i * 5) % ids.length]} ${i % 11}`,
  timestamp: 1_600_000_000 + ((i * 7919) % 997),
  scene: ids[i % 3],
  event: i % 4 === 0 ? 'buy' : 'view',
  value: i % 5 === 0 ? null : i / 8,
}))
const csv = (all: readonly Row[]) => {
  const quoted = (value: unknown) => (value === null ? '' : `"${String(value).replaceAll('"', '""')}"`)
  return ['user,item,timestamp,scene,event,value', ...all.map((row) => Object.values(row).map(quoted).join(','))].join('\n')
}
const lines = (all: readonly object[]) => all.map((row) => JSON.stringify(row)).join('\n')
const fromCsv = (path: string) => `read_csv('${path}', quote = '"', escape = '"', all_varchar = true, header = true)`

/** A Parquet file of the rows that a SELECT gives. */
const parquet = (select: string, options = '') => writeBy(`COPY (${select}) TO $1 (FORMAT parquet${options})`)

describe('the same rows', () => {
  it('are the same log from CSV, Parquet, JSON lines and memory', async () => {
    const path = write(csv(rows))
    const memory = await readInteractions(rows as Iterable<Record<string, unknown>>)
    expect(memory.users.length).toBe(ids.length)
    const files = [
      path,
      await parquet(`SELECT * FROM ${fromCsv(path)}`),
      await parquet(
        `SELECT * REPLACE ("timestamp"::INTEGER AS "timestamp", value::DOUBLE AS value) FROM ${fromCsv(path)}`,
        ', ROW_GROUP_SIZE 2048',
      ),
      await parquet(`SELECT * REPLACE (encode("user") AS "user", event::ENUM('buy', 'view') AS event) FROM ${fromCsv(path)}`),
      write(lines(rows), 'same.jsonl'),
      write(lines(rows.map((row) => ({ ...row, extra: { deep: [1] }, timestamp: String(row.timestamp) })))),
      write(gzipSync(lines(rows)), 'same.jsonl.gz'),
    ]
    for (const file of files) expect((await readInteractions(file)).hash, file).toBe(memory.hash)
  })

  it('keep their order through many row groups and buffers', async () => {
    // Every row has the same time, so that the order of a user's items is that of the file: i grows by 1,000 from row to row.
    const select = `SELECT 'user ' || (i % 1000) AS "user", 'i' || (i // 1000) AS item, 7 AS "timestamp" FROM range(1000000) t(i)`
    for (const path of [
      await parquet(select, ', ROW_GROUP_SIZE 20480'),
      await writeBy(`COPY (${select}) TO $1 (FORMAT csv)`, 'many.csv'),
    ]) {
      const log = await readInteractions(path)
      expect(log.items.length).toBe(1_000_000)
      expect(log.items.every((item, row) => item === row % 1000)).toBe(true)
    }
  })

  it('have ids as texts, whatever type a column has', async () => {
    const uuid = '12345678-9abc-def0-1234-56789abcdef0'
    for (const [sql, id] of [
      ['7::TINYINT', '7'],
      ['18446744073709551615::UBIGINT', '18446744073709551615'],
      ['-5::BIGINT', '-5'],
      ['12.0::DOUBLE', '12'],
      ['12.00::DECIMAL(8, 2)', '12'],
      [`'${uuid}'::UUID`, uuid],
    ]) {
      const log = await readInteractions(await parquet(`SELECT ${sql} AS "user", ${sql} AS item, 1 AS "timestamp"`))
      expect([log.users, log.catalogue.ids]).toEqual([[id], [id]])
    }
    const json = '{"user":12345678901234567890123,"item":9007199254740993,"timestamp":1}\n{"user":2.0,"item":-3.0,"timestamp":1}'
    const log = await readInteractions(write(json))
    const long = '{"user":"u","item":"x","timestamp":1.1234567890123456}'
    expect((await readInteractions(write(long))).times[0]).toBe(Number('1.1234567890123456'))
    expect([log.users, log.catalogue.ids]).toEqual([
      ['12345678901234567890123', '2'],
      ['9007199254740993', '-3'],
    ])
  })

  it.each([
    ['1714521605', 'seconds', 1714521605],
    ['1714521605250::BIGINT', 'milliseconds', 1714521605.25],
    ['1714521605.25::DOUBLE', 'seconds', 1714521605.25],
    ['1714521605.25::DECIMAL(18, 2)', 'seconds', 1714521605.25],
    [`TIMESTAMP '2024-05-01 00:00:05.25'`, 'iso', 1714521605.25],
    [`TIMESTAMP_S '2024-05-01 00:00:05'`, 'iso', 1714521605],
    [`TIMESTAMP_MS '2024-05-01 00:00:05.25'`, 'iso', 1714521605.25],
    [`TIMESTAMP_NS '2024-05-01 00:00:05.25'`, 'iso', 1714521605.25],
    [`TIMESTAMPTZ '2024-05-01 02:00:05+02'`, 'iso', 1714521605],
    [`DATE '2024-05-01'`, 'iso', 1714521600],
    [`'2024-05-01T00:00:05Z'`, 'iso', 1714521605],
    ['4::UTINYINT', 'ordinal', 4],
  ])('have the time %s in %s', async (sql, unit, seconds) => {
    const log = await readInteractions(await parquet(`SELECT 'u' AS "user", 'x' AS item, ${sql} AS "timestamp"`))
    expect([log.unit, log.times[0]]).toEqual([unit, seconds])
  })

  it('are sorted by nanoseconds, which doubles do not hold', async () => {
    const base = 1_714_521_605_123_456_700n
    const order = [5n, 2n, 9n, 0n, 2n].map((more, i) => ({ time: base + more, item: `i${i}` }))
    const select = (time: (ns: bigint) => string) =>
      order.map(({ time: ns, item }) => `SELECT 'u' AS "user", '${item}' AS item, ${time(ns)} AS "timestamp"`).join(' UNION ALL ')
    for (const path of [
      await parquet(select((ns) => `${ns}::BIGINT`)),
      await parquet(select((ns) => `make_timestamp_ns(${ns})`)),
      write(['user,item,timestamp', ...order.map(({ time, item }) => `u,${item},${time}`)].join('\n')),
      write(order.map(({ time, item }) => `{"user":"u","item":"${item}","timestamp":${time}}`).join('\n')),
    ]) {
      const log = await readInteractions(path)
      expect(Array.from(log.items, (item) => log.catalogue.ids[item])).toEqual(['i3', 'i1', 'i4', 'i0', 'i2'])
    }
  })
})

describe('a Parquet file', () => {
  const good = `SELECT 'u' AS "user", 'x' AS item, 1700000000 + i AS "timestamp", NULL::DOUBLE AS value, i FROM range(5) t(i)`
  it.each([
    [`CASE WHEN i <> 3 THEN 'u' END AS "user"`, 'row 3, column "user": empty user'],
    [`CASE WHEN i <> 3 THEN 'x' ELSE '  ' END AS item`, 'row 3, column "item": empty item'],
    [`CASE WHEN i <> 3 THEN 2.0 ELSE 'nan'::DOUBLE END AS item`, 'row 3: id is neither text nor number'],
    [`CASE WHEN i <> 3 THEN 2.0 ELSE 1.5 END::DOUBLE AS item`, 'row 3: id is a number with a fraction'],
    [`CASE WHEN i <> 3 THEN 2.0 ELSE 1.5 END::DECIMAL(8, 2) AS item`, 'row 3: id is a number with a fraction'],
    [`CASE WHEN i <> 3 THEN 2.0 ELSE 1e16 END::DOUBLE AS item`, 'row 3: id is a number that doubles do not tell from its neighbours'],
    [`CASE WHEN i <> 3 THEN 1700000000 END AS "timestamp"`, 'row 3, column "timestamp": empty timestamp'],
    [`CASE WHEN i <> 3 THEN 1e9 ELSE 'nan'::DOUBLE END AS "timestamp"`, 'row 3, column "timestamp": timestamp is not finite: "nan"'],
    [`CASE WHEN i <> 3 THEN now() ELSE 'infinity'::TIMESTAMPTZ END AS "timestamp"`, 'row 3, column "timestamp": timestamp is not finite'],
    [
      `CASE WHEN i <> 3 THEN 1700000000 ELSE 1700000000000 END AS "timestamp"`,
      'row 3, column "timestamp": timestamp out of range: "1700000000000"',
    ],
    [`CASE WHEN i <> 3 THEN '2020-01-01' ELSE 'soon' END AS "timestamp"`, 'row 3, column "timestamp": timestamp is no time: "soon"'],
    [`CASE WHEN i <> 3 THEN 1 ELSE 'inf'::DOUBLE END AS value`, 'row 3, column "value": value is no number'],
  ])('has %s', async (column, message) => {
    const name = column.slice(column.lastIndexOf(' AS ') + 4)
    const path = await parquet(`SELECT * REPLACE (${column.slice(0, column.lastIndexOf(' AS '))} AS ${name}) FROM (${good})`)
    const error = await failure(readInteractions(path))
    expect([error.code, error.message]).toEqual(['DATA', expect.stringContaining(`${path}, ${message}`)])
    expect(error.hint).toMatch(/skip/)
    const log = await readInteractions(path, { skipInvalid: true })
    expect([log.items.length, Object.values(log.skipped)]).toEqual([4, [1]])
  })

  it.each([
    ['scene', `CASE WHEN i <> 3 THEN 'home' END AS scene`],
    ['event', `CASE WHEN i <> 3 THEN 'buy' END AS event`],
  ])('lacks a %s', async (field, column) => {
    const error = await failure(readInteractions(await parquet(`SELECT *, ${column} FROM (${good})`)))
    expect(error.message).toContain(`row 3, column "${field}": empty ${field}`)
  })

  it.each([
    ['[1]', 'item', 'INTEGER[]', 'ids are texts or numbers'],
    ['true', 'item', 'BOOLEAN', 'ids are texts or numbers'],
    [`TIME '10:00:00'`, '"timestamp"', 'TIME', 'times are numbers, dates or texts'],
    [`DATE '2020-01-01'`, 'value', 'DATE', 'values are numbers'],
  ])('has no column of %s as %s', async (sql, column, type, hint) => {
    const error = await failure(readInteractions(await parquet(`SELECT * REPLACE (${sql} AS ${column}) FROM (${good})`)))
    expect([error.code, error.message, error.hint]).toEqual([
      'COLUMN',
      expect.stringContaining(`has the type ${type}`),
      expect.stringContaining(hint),
    ])
  })

  it('takes columns by name, and opens under names that DuckDB would expand', async () => {
    const path = await writeBy(`COPY (SELECT 'u' AS who, 'x' AS "the film", 7 AS c1) TO $1 (FORMAT parquet)`, 'log[1]*?.parquet')
    const log = await readInteractions(path, { columns: { user: 'who', item: 'the film', timestamp: 'c1' } })
    expect([log.users, log.catalogue.ids, log.times[0]]).toEqual([['u'], ['x'], 7])
    expect((await failure(readInteractions(path))).message).toContain('no column "user"; there are "who", "the film", "c1"')
  })

  it('is known by its content, whatever it is called', async () => {
    const path = await parquet(good)
    expect((await readInteractions(write(readFileSync(path), 'content.csv'))).users).toEqual(['u'])
    for (const [content, message] of [
      ['user,item,timestamp\nu,x,1\n', 'No magic bytes'],
      ['', 'the file is empty'],
      ['PAR1', 'too small'],
    ]) {
      const error = await failure(readInteractions(write(content, 'no.parquet')))
      expect([error.code, error.message]).toEqual(['DATA', expect.stringContaining(message)])
      expect(error.hint).not.toBe('')
    }
    expect((await failure(readInteractions('/no/such.parquet'))).code).toBe('FILE')
    expect((await failure(readInteractions(await parquet(`${good} WHERE false`)))).message).toContain('no rows')
  })

  it('cut off anywhere or with bytes changed gives a log or an error with a hint', async () => {
    const whole = readFileSync(
      await parquet(
        `SELECT 'user ' || (i % 50) AS "user", 'an item' || i AS item, i AS "timestamp" FROM range(3000) t(i)`,
        ', ROW_GROUP_SIZE 1000',
      ),
    )
    const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) })
    const damage = fc.record({
      length: fc.oneof(fc.nat(whole.length), fc.constant(whole.length)),
      changes: fc.array(change, { maxLength: 2 }),
    })
    await fc.assert(
      fc.asyncProperty(damage, async ({ length, changes }) => {
        const bytes = Buffer.from(whole.subarray(0, length))
        for (const { at, byte } of changes) if (at < length) bytes[at] = byte
        const error = await readInteractions(write(bytes, 'damaged.parquet')).then(
          () => undefined,
          (reason: unknown) => reason,
        )
        if (length < whole.length) expect(error).toBeInstanceOf(FociError)
        if (error !== undefined && !(error instanceof FociError && error.code === 'DATA' && error.hint !== '')) throw error
      }),
      { seed: 14, numRuns: 150 },
    )
  })

  it('that is damaged far from its beginning is no shorter log', async () => {
    const select = 'SELECT range // 9 AS "user", md5(range::VARCHAR) AS item, 1700000000 + range AS "timestamp" FROM range(40960)'
    const bytes = readFileSync(await parquet(select, ', ROW_GROUP_SIZE 4096'))
    bytes.fill(0xff, Math.floor(0.7 * bytes.length), Math.floor(0.8 * bytes.length))
    const error = await failure(readInteractions(write(bytes, 'garbled.parquet')))
    expect([error.code, error.message]).toEqual(['DATA', expect.stringContaining('garbled.parquet')])
  })
})

describe('JSON lines', () => {
  const good = '{"user":"u","item":"x","timestamp":1700000000}\n'
  it.each([
    ['not json', 'row is no object'],
    ['{"user":"u"', 'row is no object'],
    ['["u","x",1]', 'row is no object'],
    [`${good.trim()} ${good.trim()}`, 'row is no object'],
    ['{"item":"x","timestamp":1700000000}', 'column "user": empty user'],
    ['{"user":"u","item":null,"timestamp":1700000000}', 'column "item": empty item'],
    ['{"user":"u","item":true,"timestamp":1700000000}', 'id is neither text nor number'],
    ['{"user":["u"],"item":"x","timestamp":1700000000}', 'id is neither text nor number'],
    ['{"user":"u","item":"x","timestamp":"soon"}', 'column "timestamp": timestamp is no time: "soon"'],
    ['{"user":"u","item":"x","timestamp":1.7e12}', 'column "timestamp": timestamp out of range: 1700000000000'],
    ['{"user":"u","item":"x","timestamp":1,"value":"dear"}', 'column "value": value is no number'],
  ])('may have a bad one: %s', async (line, message) => {
    // A blank line stands before it: the bad row is on line 4 of the file.
    const path = write(`${good}\n${good}${line}\n${good}`)
    const error = await failure(readInteractions(path))
    expect([error.code, error.message]).toEqual(['DATA', expect.stringContaining(`${path}, line 4`)])
    expect(error.message).toContain(message)
    const log = await readInteractions(path, { skipInvalid: true })
    expect([log.items.length, log.skipped]).toEqual([3, { 'blank line': 1, [message.replace(/^column "\w+": |: "soon"|: 17.*/g, '')]: 1 }])
  })

  it('may have one that is not UTF-8', async () => {
    const path = write(Buffer.concat([Buffer.from(`${good}{"user":"`), Buffer.of(0xff), Buffer.from(`"}\n${good}`)]))
    expect((await failure(readInteractions(path))).message).toContain('line 2: invalid UTF-8')
    expect((await readInteractions(path, { skipInvalid: true })).skipped).toEqual({ 'invalid UTF-8': 1 })
  })

  it('are one object a line', async () => {
    for (const content of [`[${good.trim()}]`, JSON.stringify([JSON.parse(good)], null, 2), '{\n}\n']) {
      const error = await failure(readInteractions(write(content, 'one.json')))
      expect([error.code, error.hint]).toEqual(['DATA', expect.stringContaining('one object a line')])
    }
    const error = await failure(readInteractions(write('{"userId":"u","item":"x","timestamp":1}\n')))
    expect([error.code, error.hint]).toEqual(['COLUMN', expect.stringContaining('Did you mean "userId"?')])
  })

  it('may end in \\r\\n, and name columns with quotes in them', async () => {
    const log = await readInteractions(
      write('{"a\\"b":"u","it\\\\em":"x","timestamp":1}\r\n{"a\\"b":"v","it\\\\em":"x","timestamp":1}\r\n'),
      {
        columns: { user: 'a"b', item: 'it\\em' },
      },
    )
    expect([log.users, log.catalogue.ids]).toEqual([['u', 'v'], ['x']])
  })

  it('in a damaged archive are an error', async () => {
    const archive = gzipSync(good.repeat(50))
    expect((await failure(readInteractions(write(archive.subarray(0, archive.length - 9), 'cut.jsonl.gz')))).message).toContain('damaged')
  })
})

describe('an items table', () => {
  it('may be Parquet or JSON lines, with lists of categories', async () => {
    const log = write('user,item,timestamp\nu,b,1\nu,a,2\n')
    const select = `SELECT 'c' AS item, 'See' AS title, ['Crime', 'Drama'] AS genres UNION ALL SELECT 'a', 'Ay', []`
    const json = '{"item":"c","title":"See","genres":["Crime","Drama"]}\n{"item":"a","title":"Ay"}\n'
    for (const items of [await parquet(select), write(json)]) {
      const { catalogue } = await readInteractions(log, { items })
      expect([catalogue.ids, catalogue.titles, catalogue.categories]).toEqual([
        ['b', 'a', 'c'],
        [undefined, 'Ay', 'See'],
        [[], [], ['Crime', 'Drama']],
      ])
    }
    const twice = await failure(readInteractions(log, { items: await parquet(`SELECT 'a' AS item UNION ALL SELECT 'a'`) }))
    expect(twice.message).toContain('row 1, column "item": item appears twice')
  })
})
