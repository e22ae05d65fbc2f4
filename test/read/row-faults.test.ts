import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readInteractions } from '../../src/read/read.ts'
import { failure, folderOf, write } from './files.ts'

const header = 'user,item,timestamp\n'
const day = 1_700_000_000
const manyKeys = (count: number) => Array.from({ length: count }, (_, i) => `,"k${i}":${i}`).join('')

describe('a file that cannot be used', () => {
  it.each([
    ['missing', () => '/no/such/log.csv', 'FILE', /no such file/],
    ['a folder', () => folderOf(), 'FILE', /folder/],
    ['empty', () => write(''), 'DATA', /the file is empty/],
    ['blank lines alone', () => write('\n'.repeat(7_000_000)), 'DATA', /only blank lines in its first 4194304 bytes/],
    ['a few blank lines', () => write('\r\n\n'), 'DATA', /only blank lines in it$/],
    [
      'a header of too many columns',
      () => write(`user,item,timestamp${',x'.repeat(100_000)}\n`),
      'COLUMN',
      /: 100003 columns, and at most/,
    ],
    ['an object of too many keys', () => write(`{"user":1${',"x":1'.repeat(2)}${manyKeys(100_000)}}`), 'COLUMN', /line 1: 100002 keys/],
    ['a JSON array', () => write('[{"user":"u"}]', 'array.json'), 'DATA', /line 1: a JSON array/],
    ['a header alone', () => write('user,item,timestamp'), 'DATA', /no rows/],
    ['a damaged archive', () => write(gzipSync(`${header}u,x,1\n`).subarray(0, 30)), 'DATA', /gzip archive is damaged/],
    ['UTF-16', () => write(Buffer.from(`\ufeff${header}u,x,1\n`, 'utf16le')), 'DATA', /line 1: invalid UTF-8/],
  ])('%s', async (_, path, code, message) => {
    const error = await failure(readInteractions(path()))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(error.hint).not.toBe('')
  })

  it('names the columns there are and the nearest', async () => {
    const error = await failure(readInteractions(write('user_id,item,time\n1,2,3\n')))
    expect(error.code).toBe('COLUMN')
    expect(error.message).toContain('no column "user"; there are "user_id", "item", "time"')
    expect(error.hint).toContain('Did you mean "user_id"?')
  })

  it('or an option that is none', async () => {
    const path = write(`${header}u,x,1\n`)
    expect((await failure(readInteractions(path, { delimiter: ', ' }))).code).toBe('OPTION')
    expect((await failure(readInteractions(path, { delimiter: '"' }))).code).toBe('OPTION')
    expect((await failure(readInteractions(path, { memory: 'lots' }))).code).toBe('OPTION')
  })

  it('because memory is too short', async () => {
    const ids = Array.from({ length: 100_000 }, (_, i) => `"a-long-id-of-a-user-${i}",x${i},1`)
    const error = await failure(readInteractions(write(`${header}${ids.join('\n')}\n`), { memory: '1MB' }))
    expect([error.code, error.hint]).toEqual(['MEMORY', expect.stringContaining('memory')])
  })

  it('has no two columns of one name', async () => {
    expect((await failure(readInteractions(write('user,item,item,timestamp\n1,2,3,4\n')))).message).toContain('"item" appears twice')
  })
})

describe('a bad row of a file', () => {
  const good = `u,x,${day}\n`
  it.each([
    ['empty user', `,x,${day}`, 'user', 'empty user'],
    ['quoted empty item', `u,"",${day}`, 'item', 'empty item'],
    ['blank item', `u,  ,${day}`, 'item', 'empty item'],
    ['no time', 'u,x,', 'timestamp', 'empty timestamp'],
    ['a time that is none', 'u,x,soon', 'timestamp', 'timestamp is no time: "soon"'],
    ['NaN', 'u,x,NaN', 'timestamp', 'timestamp is not finite: "NaN"'],
    ['infinity', 'u,x,-inf', 'timestamp', 'timestamp is not finite'],
    ['beyond the doubles', 'u,x,1e999', 'timestamp', 'timestamp is not finite'],
    ['another unit', `u,x,${day}000`, 'timestamp', 'timestamp out of range'],
    ['a date among numbers', 'u,x,2024-01-01', 'timestamp', 'timestamp is no time: "2024-01-01"'],
    ['too few columns', 'u,x', undefined, 'wrong number of columns: 2 in place of 3'],
    ['too many columns', `u,x,${day},more`, undefined, 'wrong number of columns'],
    ['text after a closed quote', `u,"x"y,${day}`, undefined, 'text behind a quote'],
  ])('%s', async (_, row, column, reason) => {
    // A quoted line end and a blank line stand before it: the bad row is on line 6 of the file.
    const path = write(`${header}u,"two\nlines",${day}\n\n${good}${row}\n${good}`)
    const error = await failure(readInteractions(path))
    expect(error.code).toBe('DATA')
    expect(error.message).toContain(`${path}, line 6${column === undefined ? '' : `, column "${column}"`}: ${reason}`)
    expect(error.hint).toMatch(/skip/)
  })

  it('has the first of them named', async () => {
    expect((await failure(readInteractions(write(`${header}${good}u,x\n,x,1\n`)))).message).toContain('line 3: wrong number')
    expect((await failure(readInteractions(write(`${header}${good},x,1\nu,x\n`)))).message).toContain('line 3, column "user"')
  })

  it('that ends in a delimiter is told as one, with what to do', async () => {
    const path = write(`${header}u,x,${day},\n`)
    const error = await failure(readInteractions(path))
    expect([error.message, error.hint]).toEqual([
      `${path}, line 2: wrong number of columns: 4 in place of 3`,
      expect.stringContaining('ends in a delimiter'),
    ])
    expect((await readInteractions(write(`user,item,timestamp,\nu,x,${day},\n`))).items.length).toBe(1)
  })

  it('is a quote that never closes', async () => {
    const error = await failure(readInteractions(write(`${header}${good}u,"x,${day}\n${good}${good}`)))
    expect(error.message).toContain('line 3: unclosed quote')
  })

  it('is a line that is not UTF-8', async () => {
    const error = await failure(
      readInteractions(write(Buffer.concat([Buffer.from(`${header}${good}u,`), Buffer.of(0xff), Buffer.from(`,1\n`)]))),
    )
    expect(error.message).toContain('line 3: invalid UTF-8')
  })

  it('is one without scene, event type, or with a value that is none', async () => {
    const wide = 'user,item,timestamp,scene,event,value\n'
    for (const [row, reason] of [
      ['u,x,1,,e,1', 'column "scene": empty scene'],
      ['u,x,1,s,,1', 'column "event": empty event'],
      ['u,x,1,s,e,dear', 'column "value": value is no number'],
      ['u,x,1,s,e,nan', 'column "value": value is no number'],
    ]) {
      expect((await failure(readInteractions(write(`${wide}u,x,1,s,e,1\n${row}\n`)))).message).toContain(`line 3, ${reason}`)
    }
  })
})

describe('skipInvalid', () => {
  it('leaves bad rows out, counts them by reason, and numbers ids over the others', async () => {
    const path = write(`${header}bad,y,soon\nu,x,${day}\n\n,x,${day}\nu,x\nu,x,1,2\nu,y,nan\nv,z,${day}000000\nu,y,${day}\n\n`)
    const log = await readInteractions(path, { skipInvalid: true })
    expect([log.users, log.catalogue.ids, log.items.length]).toEqual([['u'], ['x', 'y'], 2])
    expect(log.skipped).toEqual({
      'blank line': 2,
      'wrong number of columns': 2,
      'empty user': 1,
      'timestamp is no time': 1,
      'timestamp is not finite': 1,
      'timestamp out of range': 1,
    })
  })

  it('leaves out the line of an unclosed quote, and reads on behind it', async () => {
    const log = await readInteractions(write(`${header}u,x,${day}\nu,"y,${day}\nu,z,${day}\nu,z,${day}\n`), { skipInvalid: true })
    expect([log.items.length, log.skipped]).toEqual([3, { 'unclosed quote': 1 }])
  })

  it('says so where nothing is left', async () => {
    const error = await failure(readInteractions(write(`${header},x,1\n,y,2\n`), { skipInvalid: true }))
    expect(error.message).toContain('no rows left, skipped 2 × empty user')
  })

  it('has blank lines counted without it: they hold nothing', async () => {
    expect((await readInteractions(write(`${header}u,x,${day}\n\n`))).skipped).toEqual({ 'blank line': 1 })
  })
})

describe('a bad row in memory', () => {
  const good = { user: 'u', item: 'x', timestamp: day }
  it.each([
    [{ ...good, user: '' }, 'row 1, column "user": empty user'],
    [{ ...good, item: undefined }, 'row 1, column "item": empty item'],
    [{ ...good, item: ['x'] }, 'row 1: id is neither text nor number'],
    [{ ...good, item: '\ud800' }, 'row 1: id is invalid Unicode'],
    [{ ...good, user: 2 ** 53 }, 'row 1: id is a number that doubles do not tell from its neighbours'],
    [{ ...good, user: 1.5 }, 'row 1: id is a number with a fraction'],
    [{ ...good, item: Number.NaN }, 'row 1: id is neither text nor number'],
    [{ ...good, item: Number.POSITIVE_INFINITY }, 'row 1: id is neither text nor number'],
    [{ ...good, timestamp: Number.NaN }, 'row 1, column "timestamp": timestamp is not finite'],
    [{ ...good, timestamp: 'soon' }, 'row 1, column "timestamp": timestamp is no time: "soon"'],
    [{ ...good, timestamp: new Date('soon') }, 'row 1, column "timestamp": timestamp is no time'],
    [{ ...good, timestamp: day * 1000 }, 'row 1, column "timestamp": timestamp out of range: 1700000000000'],
    [{ ...good, scene: 's' }, 'row 0, column "scene": empty scene'],
    [{ ...good, value: Number.POSITIVE_INFINITY }, 'row 1, column "value": value is no number'],
    [null, 'row 1: row is no object'],
  ])('%o', async (row, message) => {
    const error = await failure(readInteractions([good, row, good] as Record<string, unknown>[]))
    expect(error.code).toBe('DATA')
    expect(error.message).toContain(message)
  })

  it('lacks a column', async () => {
    const error = await failure(readInteractions([{ user: 'u', itemId: 'x', timestamp: 1 }]))
    expect([error.code, error.hint]).toEqual(['COLUMN', expect.stringContaining('"itemId"')])
  })

  it('is counted by skipInvalid', async () => {
    const log = await readInteractions([{ ...good, user: '' }, good, { ...good, timestamp: 'soon' }], { skipInvalid: true })
    expect([log.items.length, log.skipped]).toEqual([1, { 'empty user': 1, 'timestamp is no time': 1 }])
  })

  it('of the items table is told before anything is made of it', async () => {
    for (const [row, column, reason] of [
      [{ item: 'z', title: {} }, 'title', 'title is no text'],
      [{ item: 'z', categories: {} }, 'categories', 'categories are no list of texts'],
      [{ item: 'z', categories: ['a', null] }, 'categories', 'categories are no list of texts'],
      [{ item: '' }, 'item', 'empty item'],
      [{ item: {} }, 'item', 'id is neither text nor number'],
      [{ item: '\ud800' }, 'item', 'id is invalid Unicode'],
      [{ item: 'z', title: '\ud800' }, 'title', 'text is invalid Unicode'],
      [{ item: 'z', colour: ['\ud800'] }, 'colour', 'text is invalid Unicode'],
      [{ item: 'y' }, 'item', 'item appears twice'],
    ] as const) {
      const items = [{ item: 'x' }, { item: 'y' }, row] as never
      const error = await failure(readInteractions([good], { items }))
      expect([error.code, error.message]).toEqual(['DATA', `items table, row 2, column "${column}": ${reason}`])
      const log = await readInteractions([good], { items, skipInvalid: true })
      expect([log.catalogue.ids, log.skipped]).toEqual([['x', 'y'], { [`items table: ${reason}`]: 1 }])
    }
    const nothing = await failure(readInteractions([good], { items: [{ item: 'x' }, null] as never }))
    expect(nothing.message).toBe('items table, row 1: row is no object')
    const numbers = [{ item: 7, title: 1999, categories: ['a'] }] as never
    const { catalogue } = await readInteractions([{ ...good, item: 7 }], { items: numbers })
    expect([catalogue.ids, catalogue.titles, catalogue.categories]).toEqual([['7'], ['1999'], [['a']]])
  })

  it('is no log where there is none', async () => {
    expect((await failure(readInteractions([]))).message).toContain('no rows')
  })
})
