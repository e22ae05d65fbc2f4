import { describe, expect, it } from 'vitest'
import { columnOf } from '../../src/data/table-columns.ts'
import { type ReadOptions, readInteractions } from '../../src/read/read.ts'
import { failure, write, writeBy } from './files.ts'

const log = write('user,item,timestamp\nu,a,1\nu,b,2\nv,c,3\n')
const read = (options: ReadOptions) => readInteractions(log, options)
const columnsOf = async (items: ReadOptions['items']) => (await read({ items })).catalogue.columns

describe('a column of an items table', () => {
  it('is numbers where all its cells are, and NaN where there is none', async () => {
    const columns = await columnsOf(write('item,price,year,none\na,1.50,1999,\nb,,2e3,\nd,-3, 7 ,\n'))
    expect(columns).toEqual({
      price: { kind: 'number', of: Float64Array.of(1.5, Number.NaN, Number.NaN, -3) },
      year: { kind: 'number', of: Float64Array.of(1999, 2000, Number.NaN, 7) },
    })
    expect(columns).toHaveProperty('price.of.buffer', expect.any(SharedArrayBuffer))
  })

  it('is words where one cell is none, as it is written', async () => {
    const columns = await columnsOf(write('item,code\na,007\nb,x|y||z\nd,1.50\n'))
    expect(columns).toEqual({ code: { kind: 'words', of: [['007'], ['x', 'y', 'z'], [], ['1.50']] } })
  })

  it('is vectors where its cells are lists of numbers, in a text too', async () => {
    const vectors = {
      kind: 'vector',
      width: 2,
      of: Float32Array.of(1, 0.5, 0, 0, 0, 0, -2, 3e10),
      given: Uint8Array.of(1, 0, 0, 1),
    }
    const texts = write('item,emb\na,"[1, 0.5]"\nb,\nd,[-2 3e10]\n')
    const json = write('{"item":"a","emb":[1,0.5]}\n{"item":"b","emb":[]}\n{"item":"d","emb":[-2,3e10]}\n')
    const parquet = await writeBy(
      `COPY (SELECT 'a' AS item, [1, 0.5]::FLOAT[2] AS emb UNION ALL SELECT 'b', NULL UNION ALL SELECT 'd', [-2, 3e10]::FLOAT[2]) TO $1`,
    )
    const rows = [{ item: 'a', emb: [1, 0.5] }, { item: 'b' }, { item: 'd', emb: Float64Array.of(-2, 3e10) }]
    for (const items of [texts, json, parquet, rows]) expect(await columnsOf(items)).toEqual({ emb: vectors })
  })

  it('is one with those of its name and a number, from 0 and without a gap', async () => {
    const columns = await columnsOf(write('item,emb_1,emb_0,x0,x2,7,price2\na,2,1,3,4,5,6\nb,,,,,,\n'))
    expect(Object.keys(columns ?? {}).sort()).toEqual(['7', 'emb', 'price2', 'x0', 'x2'])
    expect(columns?.emb).toEqual({ kind: 'vector', width: 2, of: Float32Array.of(1, 2, 0, 0, 0, 0), given: Uint8Array.of(1, 0, 0) })
    const words = await columnsOf(write('item,tag0,tag1\na,x,y\nb,z,\n'))
    expect(Object.keys(words ?? {})).toEqual(['tag0', 'tag1'])
  })

  it('is words by its name for title and categories', async () => {
    const { catalogue } = await read({ items: write('item,title,genres\na,Ay,x|y\nb,,\n') })
    expect(columnOf(catalogue, 'title')).toEqual({ kind: 'words', of: [['Ay'], [], []] })
    expect(columnOf(catalogue, 'categories')).toEqual({ kind: 'words', of: [['x', 'y'], [], []] })
    expect([columnOf(catalogue, 'genres'), columnOf(catalogue, 'constructor'), catalogue.columns]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it('may have the names of what objects inherit', async () => {
    const { catalogue } = await read({ items: write('{"item":"a","__proto__":1,"constructor":2}\n{"item":"b"}\n') })
    expect(columnOf(catalogue, '__proto__')).toEqual({ kind: 'number', of: Float64Array.of(1, Number.NaN, Number.NaN) })
    expect(columnOf(catalogue, 'constructor')?.kind).toBe('number')
  })

  it.each([
    ['has another length than most', 'a,"[1,2,3]"\nb,"[1,2]"\nd,"[3,4]"', 'line 2', 'vector of the wrong length: 3 numbers in place of 2'],
    ['has something that is no number', 'a,"[1,2]"\nb,"[1,x]"\nd,"[3,4]"', 'line 3', 'vector with something that is no number: "[1,x]"'],
    ['is no list among lists', 'a,"[1,2]"\nb,n/a\nd,"[3,4]"', 'line 3', 'vector with something that is no number: "n/a"'],
    ['is beyond f32', 'a,"[1,2]"\nb,"[1,1e39]"\nd,"[3,4]"', 'line 3', 'vector with something that is no number: "[1,1e39]"'],
  ])('that %s is an error', async (_, rows, place, reason) => {
    const items = write(`item,emb\n${rows}\n`)
    const error = await failure(read({ items }))
    expect([error.code, error.message]).toEqual(['DATA', `${items}, ${place}, column "emb": ${reason}`])
    const { catalogue, skipped } = await read({ items, skipInvalid: true })
    expect(skipped).toEqual({ [`items table: ${reason.split(':')[0]}`]: 1 })
    expect(catalogue.columns?.emb).toMatchObject({ kind: 'vector', width: 2 })
  })

  it.each([
    ['a null', '[0, null]', '[0,null]'],
    ['a text', '[0, "1"]', '[0,"1"]'],
  ])('of lists that hold %s is an error', async (_, list, shown) => {
    const items = write(`{"item":"a","emb":[1,2]}\n{"item":"b","emb":${list}}\n{"item":"c","emb":[1,2]}\n`)
    expect((await failure(read({ items }))).message).toBe(
      `${items}, line 2, column "emb": vector with something that is no number: ${JSON.stringify(shown)}`,
    )
  })

  it('of a set that lacks a number, or has none in a place, is an error', async () => {
    const lacking = write('item,e0,e1\na,1,2\nb,3,\n')
    expect((await failure(read({ items: lacking }))).message).toBe(
      `${lacking}, line 3, column "e1": vector of the wrong length: 1 number in place of 2`,
    )
    const none = write('item,e0,e1\na,1,2\nb,x,2\n')
    expect((await failure(read({ items: none }))).message).toBe(
      `${none}, line 3, column "e0": vector with something that is no number: "x"`,
    )
  })

  it('in memory and in Parquet is told by its row', async () => {
    const rows = [
      { item: 'a', emb: [1, 2] },
      { item: 'b', emb: [1, 2] },
      { item: 'c', emb: [1, Number.NaN] },
    ]
    expect((await failure(read({ items: rows }))).message).toMatch(
      /^items table, row 2, column "emb": vector with something that is no number/,
    )
    const parquet = await writeBy(
      `COPY (SELECT 'a' AS item, [1.0, 2.0] AS emb UNION ALL SELECT 'b', [1.0, 2.0] UNION ALL SELECT 'c', [1.0]) TO $1`,
    )
    expect((await failure(read({ items: parquet }))).message).toBe(
      `${parquet}, row 2, column "emb": vector of the wrong length: 1 number in place of 2`,
    )
  })

  it('that holds objects, or has no name of its own, is passed over with a note', async () => {
    const json = write('{"item":"a","image":{"url":"x"},"n":1}\n{"item":"b","image":"y"}\n')
    const found = await read({ items: json })
    expect(Object.keys(found.catalogue.columns ?? {})).toEqual(['n'])
    expect(found.notes).toEqual([`${json}: column "image" is passed over: it holds an object in line 1`])
    const parquet = await writeBy(`COPY (SELECT 'a' AS item, {'k': 1} AS s, 1 AS n) TO $1`)
    expect((await read({ items: parquet })).notes).toContain(`${parquet}: column "s" is passed over: its type is STRUCT(k INTEGER)`)
    const csv = write('item,,x,x\na,1,2,3\n')
    expect((await read({ items: csv })).notes).toEqual([
      `${csv}: column "" is passed over: it has no name`,
      `${csv}: column "x" is passed over: another one has the same name`,
    ])
  })

  it('of numbers but for a few cells is words, with a note', async () => {
    const rows = Array.from({ length: 10 }, (_, i) => `${['a', 'b', 'c'][i] ?? i},${i === 4 ? 'n/a' : i}`)
    const items = write(`item,price\n${rows.join('\n')}\n`)
    const { catalogue, notes } = await read({ items })
    expect(catalogue.columns?.price.kind).toBe('words')
    expect(notes).toEqual([`${items}: column "price" is read as words: 1 of its cells are no number, such as "n/a"`])
  })
})

describe('a users table', () => {
  it('gives columns of the log’s users, and counts users that are not in it', async () => {
    const users = write('user,age,tags\nv,30,x|y\nw,20,\nu,,z\n')
    const { userColumns, skipped } = await read({ users })
    expect(userColumns).toEqual({
      age: { kind: 'number', of: Float64Array.of(Number.NaN, 30) },
      tags: { kind: 'words', of: [['z'], ['x', 'y']] },
    })
    expect(skipped).toEqual({ 'users table: user is not in the log': 1 })
    const memory = await read({
      users: [
        { user: 'v', age: 30, tags: ['x', 'y'] },
        { user: 'w', age: 20 },
        { user: 'u', tags: 'z' },
      ],
    })
    expect(memory.userColumns).toEqual(userColumns)
  })

  it('names a user once', async () => {
    const users = write('user,age\nu,1\nv,2\nu,3\n')
    expect((await failure(read({ users }))).message).toBe(`${users}, line 4, column "user": user appears twice`)
    const empty = await failure(read({ users: [{ user: 'u' }, { user: ' ' }] }))
    expect(empty.message).toBe('users table, row 1, column "user": empty user')
  })
})

describe('names of a table’s columns', () => {
  const ratings = write('userId,movieId,timestamp\n1,11,1\n1,13,2\n')
  const columns = { user: 'userId', item: 'movieId' }

  it('may be given', async () => {
    const items = write('id,name,kind\n11,Alpha,x|y\n13,Beta,x\n')
    const itemsColumns = { item: 'id', title: 'name', categories: 'kind' }
    const { catalogue } = await readInteractions(ratings, { columns, items, itemsColumns })
    expect([catalogue.titles, catalogue.categories]).toEqual([
      ['Alpha', 'Beta'],
      [['x', 'y'], ['x']],
    ])
    const rows = [{ id: 11, name: 'Alpha', kind: ['x', 'y'] }]
    expect((await readInteractions(ratings, { columns, items: rows, itemsColumns })).catalogue.titles).toEqual(['Alpha', undefined])
    const users = write('who,age\n1,5\n')
    const found = await readInteractions(ratings, { columns, users, usersColumns: { user: 'who' } })
    expect(found.userColumns?.age.of).toEqual(Float64Array.of(5))
  })

  it('are else those of the log, where the table has such a column', async () => {
    const items = write('movieId,title,item\n11,Alpha,q\n13,Beta,r\n')
    const { catalogue } = await readInteractions(ratings, { columns, items })
    expect([catalogue.ids, catalogue.titles, Object.keys(catalogue.columns ?? {})]).toEqual([['11', '13'], ['Alpha', 'Beta'], ['item']])
    expect((await readInteractions(ratings, { columns, items: write('item,title\n11,Alpha\n') })).catalogue.titles).toEqual([
      'Alpha',
      undefined,
    ])
  })

  it('that no column has are errors with the way out', async () => {
    for (const items of [write('id,title\n11,x\n'), write('{"id":11,"title":"x"}\n'), [{ id: 11, title: 'x' }]]) {
      const error = await failure(readInteractions(ratings, { columns, items }))
      expect([error.code, error.message]).toEqual(['COLUMN', expect.stringContaining('no column "item"; there are "id", "title"')])
      expect(error.hint).toContain('itemsColumns: { item: … }')
      const named = await failure(readInteractions(ratings, { columns, items, itemsColumns: { item: 'id', title: 'titel' } }))
      expect([named.code, named.hint]).toEqual(['COLUMN', 'Did you mean "title"? Name it with itemsColumns: { title: … }.'])
    }
    const option = await failure(readInteractions(ratings, { columns, itemsColumns: { categorys: 'x' } as never }))
    expect([option.code, option.hint]).toEqual(['OPTION', expect.stringContaining('Did you mean "categories"?')])
  })
})

describe('the ids of a table', () => {
  const many = write(`user,item,timestamp\n${Array.from({ length: 30 }, (_, i) => `u${i},i${i},${i}`).join('\n')}\n`)

  it('that are none of the log’s are an error', async () => {
    const items = write('item,title\nI0,x\nI1,y\n')
    const error = await failure(readInteractions(many, { items }))
    expect([error.code, error.message]).toEqual([
      'DATA',
      `${items}, column "item": none of its items is in the log; it begins with "I0", the log with "i0"`,
    ])
    const users = await failure(readInteractions(many, { users: [{ user: 'U0' }] }))
    expect(users.message).toBe('users table, column "user": none of its users is in the log; it begins with "U0", the log with "u0"')
    expect((await readInteractions(many, { items: write('item,title\n') })).notes).toEqual([])
  })

  it('that are few of the log’s, or few of which are the log’s, are told', async () => {
    const two = write('item,title\ni0,x\ni1,y\n')
    expect((await readInteractions(many, { items: two })).notes).toEqual([
      `${two}: only 2 of its 2 items are among the log's 30: are the ids written alike?`,
    ])
    const three = write('item,title\ni0,x\ni1,y\ni2,z\n')
    expect((await readInteractions(many, { items: three })).notes).toEqual([])
    const strangers = ['i0', 'i1', 'i2', ...Array.from({ length: 28 }, (_, i) => `s${i}`)]
    const { notes } = await readInteractions(many, { items: strangers.map((item) => ({ item })) })
    expect(notes).toEqual([`items table: only 3 of its 31 items are among the log's 30: are the ids written alike?`])
  })

  it('stand beside columns that nearly have the name of categories', async () => {
    const { notes } = await read({ items: write('item,category\na,x\nb,y\nc,z\n') })
    expect(notes).toEqual([expect.stringContaining('where column "category" holds them, name it with itemsColumns: { categories: … }')])
  })
})

it('in Latin-1 an items table says how to mend it', async () => {
  const items = write(Buffer.from('item,title\na,Am\u00e9lie\n', 'latin1'))
  const error = await failure(read({ items }))
  expect([error.message, error.hint]).toEqual([`${items}, line 2: invalid UTF-8`, expect.stringContaining('iconv -f latin1 -t utf-8')])
})
