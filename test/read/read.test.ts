import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readInteractions } from '../../src/read/read.ts'
import { failure, write } from './files.ts'

// Two users, b before a in the file; b's rows stand out of order, and b's y and z share a time.
const shuffled = 'user,item,timestamp\nb,y,1600000002\nb,z,1600000002\na,x,1600000001\nb,x,1600000001\na,y,1600000005\n'

describe('a log from a file', () => {
  it('is numbered by first appearance and sorted by user, time and place in the file', async () => {
    const log = await readInteractions(write(shuffled))
    expect(log.users).toEqual(['b', 'a'])
    expect(log.catalogue.ids).toEqual(['y', 'z', 'x'])
    expect(Array.from(log.offsets)).toEqual([0, 3, 5])
    expect(Array.from(log.items)).toEqual([2, 0, 1, 2, 0]) // b: x y z; a: x y
    expect(Array.from(log.times)).toEqual([1600000001, 1600000002, 1600000002, 1600000001, 1600000005])
    expect(log.unit).toBe('seconds')
    expect(log.skipped).toEqual({})
  })

  it('lies in shared memory', async () => {
    const log = await readInteractions(write('user,item,timestamp,scene,event,value\na,x,1,s,e,2\n'))
    for (const column of [log.offsets, log.items, log.times, log.scenes, log.events, log.values]) {
      expect(column?.buffer).toBeInstanceOf(SharedArrayBuffer)
    }
  })

  it('is the same from gzip, with other delimiters, line ends, a byte order mark, and quotes', async () => {
    const { hash } = await readInteractions(write(shuffled))
    const variants = [
      gzipSync(shuffled),
      shuffled.replaceAll(',', '\t'),
      shuffled.replaceAll(',', ';'),
      shuffled.replaceAll(',', '|'),
      shuffled.replaceAll('\n', '\r\n'),
      `\ufeff${shuffled}`,
      shuffled.replaceAll('x', '"x"').replace('user', '"user"'),
      shuffled.slice(0, -1),
    ]
    for (const variant of variants) expect((await readInteractions(write(variant))).hash).toBe(hash)
    const colon = write(shuffled.replaceAll(',', ':'))
    expect((await readInteractions(colon, { delimiter: ':' })).hash).toBe(hash)
  })

  it('takes the columns it is told to, and passes others over', async () => {
    const path = write('when,extra,movie,who,kind\n7,?,m,u,view\n')
    const log = await readInteractions(path, { columns: { user: 'who', item: 'movie', timestamp: 'when', event: 'kind' } })
    expect([log.users, log.catalogue.ids, log.eventNames]).toEqual([['u'], ['m'], ['view']])
  })

  it('reads scenes, event types and values where there are such columns', async () => {
    const log = await readInteractions(write('user,item,timestamp,scene,event,value\nu,a,2,home,buy,1.5\nu,b,1,shop,view,\n'))
    expect(log.sceneNames).toEqual(['home', 'shop'])
    expect(Array.from(log.scenes ?? [])).toEqual([1, 0])
    expect(log.eventNames).toEqual(['buy', 'view'])
    expect(Array.from(log.events ?? [])).toEqual([1, 0])
    expect(Array.from(log.values ?? [])).toEqual([Number.NaN, 1.5])
  })

  it('keeps ids as they are written: leading zeros, quotes, line ends, other scripts', async () => {
    const log = await readInteractions(write('user,item,timestamp\n007,"a ""b"", c",1\n7,"two\nlines",2\nü, x ,3\n'))
    expect(log.users).toEqual(['007', '7', 'ü'])
    expect(log.catalogue.ids).toEqual(['a "b", c', 'two\nlines', ' x '])
  })

  it('opens a file whose name DuckDB would expand', async () => {
    const path = write(shuffled, 'log[1]*.csv')
    expect((await readInteractions(path)).users).toEqual(['b', 'a'])
  })

  it('is the same where memory is short', async () => {
    const rows = Array.from(
      { length: 200_000 },
      (_, i) => `user-${(i * 7919) % 5003},item-${(i * 31) % 997},${1.6e9 + ((i * 104729) % 200_003)}`,
    )
    const path = write(`user,item,timestamp\n${rows.join('\n')}\n`)
    const [small, large] = [await readInteractions(path, { memory: '40MB' }), await readInteractions(path)]
    expect(small.items.length).toBe(200_000)
    expect(small.hash).toBe(large.hash)
  })
})

describe('rows in memory', () => {
  const rows = shuffled
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
    .map(([user, item, timestamp]) => ({ user, item, timestamp: Number(timestamp) }))

  it('give the same log as the file', async () => {
    const log = await readInteractions(rows)
    const { hash } = await readInteractions(write(shuffled))
    expect(log.hash).toBe(hash)
    expect(log.offsets.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  it('may come one by one, in time', async () => {
    async function* stream() {
      yield* rows
    }
    expect((await readInteractions(stream())).hash).toBe((await readInteractions(rows)).hash)
  })

  it('may carry dates, texts and numbers as ids', async () => {
    const log = await readInteractions([
      { user: 1, item: 20, timestamp: new Date('2024-05-01T00:00:10Z') },
      { user: 1, item: 10, timestamp: '2024-05-01 00:00:05' },
    ])
    expect([log.users, log.catalogue.ids, log.unit]).toEqual([['1'], ['20', '10'], 'iso'])
    expect(Array.from(log.times)).toEqual([1714521605, 1714521610])
  })

  it('take column names too', async () => {
    const log = await readInteractions([{ who: 'u', what: 'x', at: 3 }], { columns: { user: 'who', item: 'what', timestamp: 'at' } })
    expect(log.users).toEqual(['u'])
  })
})

describe('the items table', () => {
  const log = 'user,item,timestamp\nu,b,1\nu,a,2\n'

  it('adds its items after those of the log, in its own order, with titles and categories', async () => {
    const items = write('genres,item,title\nCrime|Drama,c,See\n,a,Ay\n')
    const { catalogue } = await readInteractions(write(log), { items })
    expect(catalogue.ids).toEqual(['b', 'a', 'c'])
    expect(catalogue.titles).toEqual([undefined, 'Ay', 'See'])
    expect(catalogue.categories).toEqual([[], [], ['Crime', 'Drama']])
    expect([catalogue.size, catalogue.indexOf('c'), catalogue.indexOf('d')]).toEqual([3, 2, -1])
  })

  it('may be rows in memory', async () => {
    const items = [{ item: 'z', title: 'Zed' }, { item: 'b' }]
    const { catalogue } = await readInteractions([{ user: 'u', item: 'b', timestamp: 1 }], { items })
    expect([catalogue.ids, catalogue.titles]).toEqual([
      ['b', 'z'],
      [undefined, 'Zed'],
    ])
  })

  it('is checked like the log', async () => {
    const error = await failure(readInteractions(write(log), { items: write('item,title\n,none\n') }))
    expect(error.code).toBe('DATA')
    expect(error.message).toMatch(/line 2, column "item": empty item/)
    const missing = await failure(readInteractions(write(log), { items: write('itm,title\nx,y\n') }))
    const twice = await failure(readInteractions(write(log), { items: write('item,title\na,x\n\nb,y\na,z\n') }))
    expect(twice.message).toContain('line 5, column "item": item appears twice')
    const memory = readInteractions([{ user: 'u', item: 'x', timestamp: 1 }], { items: [{ item: 'a' }, { item: '' }] })
    expect((await failure(memory)).message).toBe('items table, row 1, column "item": empty item')
    const skipped = await readInteractions(write(log), { items: write('item,title\na,x\n,y\na,z\n'), skipInvalid: true })
    expect(skipped.skipped).toEqual({ 'items table: empty item': 1, 'items table: item appears twice': 1 })
    expect(skipped.catalogue.titles).toEqual([undefined, 'x'])
    expect([missing.code, missing.hint]).toEqual(['COLUMN', expect.stringContaining('"itm"')])
  })
})

describe('roles', () => {
  const rows = [{ user: 'u', item: 'x', timestamp: 1, event: 'view' }]

  it('are kept as given', async () => {
    const log = await readInteractions(rows, { target: ['view'], seen: 'none', weight: { view: 2 } })
    expect(log.roles).toEqual({ target: ['view'], seen: 'none', weight: { view: 2 } })
  })

  it('must name event types of the log', async () => {
    const error = await failure(readInteractions(rows, { target: ['veiw'] }))
    expect([error.code, error.hint]).toEqual(['UNKNOWN', 'Did you mean "view"?'])
    const none = await failure(readInteractions([{ user: 'u', item: 'x', timestamp: 1 }], { seen: ['buy'] }))
    expect(none.code).toBe('COLUMN')
  })
})

describe('the hash', () => {
  it('changes with any column', async () => {
    const base = [
      { user: 'u', item: 'x', timestamp: 5, value: 1 },
      { user: 'u', item: 'y', timestamp: 6, value: 1 },
    ]
    const hashes = new Set<string>()
    const changed = [{}, { user: 'v' }, { item: 'z' }, { timestamp: 7 }, { value: 2 }, { scene: 's' }, { event: 'e' }]
    for (const change of changed) hashes.add((await readInteractions(base.map((row) => ({ ...row, ...change })))).hash)
    expect(hashes.size).toBe(changed.length)
  })

  it('changes with any column of a table, and not with titles', async () => {
    const rows = [{ user: 'u', item: 'x', timestamp: 5 }]
    const hash = async (more: object, of: 'item' | 'user' = 'item') =>
      (await readInteractions(rows, { [`${of}s`]: [{ item: 'x', user: 'u', ...more, [of === 'item' ? 'user' : 'item']: undefined }] })).hash
    const plain = (await readInteractions(rows)).hash
    expect([await hash({}), await hash({ title: 'X' }), await hash({}, 'user')]).toEqual([plain, plain, plain])
    const changed = [{ a: 1 }, { b: 1 }, { a: 2 }, { a: 'w' }, { a: ['w', 'v'] }, { a: [1, 2] }, { a: [1, 3] }, { a: [1] }]
    const hashes = [plain, ...(await Promise.all(changed.map((more) => hash(more)))), await hash({ a: 1 }, 'user')]
    expect(new Set(hashes).size).toBe(changed.length + 2)
  })
})
