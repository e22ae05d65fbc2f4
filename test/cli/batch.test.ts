import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'
import { Recommender, readInteractions } from 'foci'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Ended, foci, folder, start } from './foci.ts'

/** [user, rank, item, score, interest] */
type Row = [string, number, string, number, number]

const at = folder()
const log = at('events.csv')
const shop = at('shop.safetensors')
/** Ids that CSV and JSON must quote, and one that looks like a number. */
const strange = ['a,b', '"q"', "it's", 'line\nbreak', 'cr\rlf\r\n', ' spaced ', 'café ☕', '007', '\\', '{"a":1}', 'NULL']

const field = (text: string): string => `"${text.replaceAll('"', '""')}"`

/** Users with four events each, over as many items. */
function writeLog(path: string, users: readonly string[], items: readonly string[]): void {
  const rows = users.flatMap((user, u) =>
    [0, 1, 2, 3].map((t) => `${field(user)},${field(items[(u * 7 + t * (1 + (u % 3))) % items.length])},${t}`),
  )
  writeFileSync(path, `user,item,timestamp\n${rows.join('\n')}\n`)
}

function ended({ code, stderr }: Ended): void {
  expect(code, stderr).toBe(0)
}

/** Rows of a file, as DuckDB reads them. */
async function rowsOf(table: string): Promise<Row[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const rows = (await connection.runAndReadAll(`SELECT * FROM ${table}`)).getRowsJS()
  connection.closeSync()
  instance.closeSync()
  return rows as Row[]
}

const csvRows = (path: string): Promise<Row[]> =>
  rowsOf(`read_csv('${path}', header = true, auto_detect = false, quote = '"', escape = '"', parallel = false,
    columns = {'user': 'VARCHAR', 'rank': 'INTEGER', 'item': 'VARCHAR', 'score': 'FLOAT', 'interest': 'INTEGER'})`)

/** What recommend gives each user. */
async function expected(k: number): Promise<Row[]> {
  const interactions = await readInteractions(log)
  using recommender = await Recommender.load(shop, { log: interactions })
  return interactions.users.flatMap((user) =>
    recommender.recommend({ user, k }).items.map(({ item, score, interest }, place): Row => [user, place + 1, item, score, interest]),
  )
}

const tiny = ['--model', 'sasrec', '--dim', '8', '--blocks', '1', '--max-length', '5', '--epochs', '1']

beforeAll(async () => {
  const ids = Array.from({ length: 600 }, (_, i) => `u${i}`)
  writeLog(log, [...strange, ...ids], [...strange, ...ids.slice(0, 30)])
  ended(await foci('train', log, ...tiny, '--out', shop))
})

describe('batch', () => {
  it.each(['csv', 'jsonl', 'parquet'])('writes what recommend gives every user of the log as %s', async (format) => {
    const out = at(`lists.${format}`)
    const { stdout, code, stderr } = await foci('batch', shop, log, '--out', out, '-k', '4')
    expect([code, stderr]).toEqual([0, ''])
    const rows = await expected(4)
    expect(stdout).toContain(`Wrote ${out}: ${rows.length.toLocaleString('en-US')} rows for 611 users in `)
    if (format === 'csv') {
      expect(readFileSync(out, 'utf8')).toMatch(/^user,rank,item,score,interest\n"a,b",1,/)
      expect(await csvRows(out)).toEqual(rows)
    } else if (format === 'parquet') expect(await rowsOf(`'${out}'`)).toEqual(rows)
    else {
      const lines = readFileSync(out, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect(Object.keys(lines[0])).toEqual(['user', 'rank', 'item', 'score', 'interest'])
      expect(lines.map(({ user, rank, item, score, interest }): Row => [user, rank, item, Math.fround(score), interest])).toEqual(rows)
    }
    expect(existsSync(`${out}.parts`)).toBe(false)
  })

  it('gives the columns of a Parquet file their types', async () => {
    const types = await rowsOf(`(DESCRIBE SELECT * FROM '${at('lists.parquet')}')`)
    expect(types.map(([name, type]) => `${name} ${type}`)).toEqual([
      'user VARCHAR',
      'rank INTEGER',
      'item VARCHAR',
      'score FLOAT',
      'interest INTEGER',
    ])
  })

  it('gives as many items as there are', async () => {
    const out = at('all.csv')
    ended(await foci('batch', shop, log, '--out', out, '-k', '1000'))
    expect(await csvRows(out)).toEqual(await expected(1000))
  })

  it('prints one document with --json, and how far it is on standard error', async () => {
    const out = at('lists.csv')
    const { code, stdout, stderr } = await foci('batch', shop, log, '--out', out, '--json', '-k', '2')
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      { out, format: 'csv', model: 'sasrec', k: 2, users: 611, rows: 1222, seconds: expect.any(Number) },
    ])
    expect(stderr).toMatch(/^611 of 611 users\n$/m)
  })
})

describe('a run that was stopped', () => {
  const USERS = 2000
  const many = at('many.csv')
  const model = at('many.safetensors')
  const whole = at('whole.csv')
  const K = 250 // half a million rows, of which a part has some 131,000
  const k = ['-k', `${K}`]
  let spent = 0

  beforeAll(async () => {
    writeLog(
      many,
      Array.from({ length: USERS }, (_, u) => `user-${u}`),
      Array.from({ length: 300 }, (_, i) => `item-${i}`),
    )
    ended(await foci('train', many, ...tiny, '--out', model))
    const before = performance.now()
    ended(await foci('batch', model, many, '--out', whole, ...k))
    spent = performance.now() - before
    const lines = readFileSync(whole, 'utf8').trimEnd().split('\n')
    expect([lines.length, new Set(lines.map((line) => line.split(',', 2).join())).size]).toEqual([USERS * K + 1, USERS * K + 1])
  })

  /** Waits for the first part. */
  const someKept = (out: string): Promise<void> =>
    expect
      .poll(() => existsSync(`${out}.parts/run.json`) && JSON.parse(readFileSync(`${out}.parts/run.json`, 'utf8')).users > 0, {
        timeout: 30_000,
        interval: 1,
      })
      .toBe(true)

  const inFolder = (name: string): string[] => readdirSync(at(), { encoding: 'utf8' }).filter((each) => each.includes(name))

  it('killed twenty times at random moments, ends in the whole output, each row once', { timeout: 300_000 }, async () => {
    const out = at('killed.csv')
    let [kills, resumed] = [0, 0]
    while (kills < 20) {
      const run = start(['batch', model, many, '--out', out, ...k])
      await run.said('of 2,000 users').catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 0.6 * spent))
      run.child.kill('SIGKILL')
      const { signal, code, stdout } = await run.ended
      if (stdout.includes('Going on after')) resumed++
      if (signal === 'SIGKILL') kills++
      else expect(code).toBe(0)
      if (!existsSync(out)) continue
      // It was whole before the kill came: begin again
      expect(readFileSync(out).equals(readFileSync(whole))).toBe(true)
      rmSync(out)
    }
    const last = await foci('batch', model, many, '--out', out, ...k)
    ended(last)
    expect(resumed).toBeGreaterThan(0)
    expect(readFileSync(out).equals(readFileSync(whole))).toBe(true)
    expect(inFolder('killed')).toEqual(['killed.csv'])
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s says how to go on, and goes on', { timeout: 60_000 }, async (signal, exit) => {
    const out = at(`stopped-${signal}.csv`)
    const run = start(['batch', model, many, '--out', out, ...k])
    await someKept(out)
    run.child.kill(signal)
    const { code, stderr } = await run.ended
    expect(code).toBe(exit)
    expect(stderr).toMatch(new RegExp(`^error: the run was stopped, and the rows of [\\d,]+ of 2,000 users are in ${out}.parts\\.\n`))
    expect(existsSync(out)).toBe(false)
    const [, command] = /^hint: Go on with: foci (.*)$/m.exec(stderr) ?? []
    const resumed = await foci(...command.split(' '))
    ended(resumed)
    expect(resumed.stdout).toMatch(/^Going on after [\d,]+ users, whose rows are in /)
    expect(readFileSync(out).equals(readFileSync(whole))).toBe(true)
  })

  it('by a reader that closes the pipe says how to go on, and goes on', { timeout: 60_000 }, async () => {
    const out = at('closed.csv')
    const run = start(['batch', model, many, '--out', out, ...k])
    await someKept(out)
    run.child.stdout?.destroy()
    const { code, stderr } = await run.ended
    expect([code, stderr]).toEqual([
      141,
      expect.stringMatching(/^error: nobody reads the output any more, so the run was stopped, and the rows of /),
    ])
    const [, command] = /^hint: Go on with: foci (.*)$/m.exec(stderr) ?? []
    const resumed = await foci(...command.split(' '))
    ended(resumed)
    expect(resumed.stdout).toMatch(/^Going on after [\d,]+ users, whose rows are in /)
    expect(readFileSync(out).equals(readFileSync(whole))).toBe(true)
  })

  it('is not mixed with another: other lists, another artefact, another log', async () => {
    const out = at('mixed.csv')
    const parts = `${out}.parts`
    mkdirSync(parts)
    const stop = async (...words: string[]): Promise<void> => {
      const run = start(['batch', ...words, '--out', out])
      await expect.poll(() => existsSync(`${parts}/run.json`), { timeout: 30_000, interval: 1 }).toBe(true)
      run.child.kill('SIGKILL')
      await run.ended
    }
    await stop(model, many, ...k)
    const before = readFileSync(`${parts}/run.json`, 'utf8')
    const others: [words: string[], message: string][] = [
      [[model, many, '-k', '5'], '-k 250, and this one has -k 5'],
      [[shop, many, ...k], 'another artefact'],
      [[model, log, ...k], 'another log'],
    ]
    for (const [words, message] of others) {
      const { code, stderr } = await foci('batch', ...words, '--out', out)
      expect([code, stderr]).toEqual([
        1,
        `error: ${parts} holds parts of a run with ${message}.\nhint: Run that one to its end, or begin anew: rm -r ${parts}\n`,
      ])
    }
    expect(readFileSync(`${parts}/run.json`, 'utf8')).toBe(before)
  })

  const damages: [what: string, damage: (rows: string, manifest: string) => void][] = [
    ['the rows are gone', (rows) => writeFileSync(rows, 'user,rank\n')],
    [
      'a score has another digit',
      (rows) => {
        const bytes = readFileSync(rows)
        const dot = bytes.indexOf('.', 1_000_000)
        bytes[dot + 1] = bytes[dot + 1] === 0x31 ? 0x32 : 0x31
        writeFileSync(rows, bytes)
      },
    ],
    [
      'rows were written twice',
      (rows) => {
        const lines = readFileSync(rows, 'utf8').split('\n')
        writeFileSync(rows, [...lines.slice(0, 1000), ...lines.slice(500)].join('\n'))
      },
    ],
    [
      'it counts users whose rows are not there',
      (_, manifest) => {
        const text = readFileSync(manifest, 'utf8')
        const { users } = JSON.parse(text)
        writeFileSync(manifest, text.replace(`"users": ${users}`, `"users": ${users + 1}`))
      },
    ],
    ['it has no checksum', (_, manifest) => writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/,\s*"checksum".*"/, ''))],
  ]

  it.each(damages)('begins anew with a word where its parts are not what its manifest says: %s', async (_, damage) => {
    const out = at('damaged.csv')
    const run = start(['batch', model, many, '--out', out, ...k])
    await someKept(out)
    run.child.kill('SIGKILL')
    await run.ended
    damage(`${out}.parts/rows.csv`, `${out}.parts/run.json`)
    const { stdout, stderr, code } = await foci('batch', model, many, '--out', out, ...k)
    expect([code, stdout.includes('Going on')]).toEqual([0, false])
    expect(stderr).toContain(`note: the rows in ${out}.parts are not those that were written there, so the run begins anew.\n`)
    expect(readFileSync(out).equals(readFileSync(whole))).toBe(true)
    rmSync(out)
  })

  it('leaves what is not its own in the folder of its parts', async () => {
    const out = at('mine.csv')
    mkdirSync(`${out}.parts`)
    writeFileSync(`${out}.parts/notes.txt`, 'mine')
    writeFileSync(`${out}.parts/rows.csv`, 'of a run that was killed while it cleared up\n')
    ended(await foci('batch', shop, log, '--out', out, '-k', '2'))
    expect(readdirSync(`${out}.parts`)).toEqual(['notes.txt'])
    expect(readFileSync(out).equals(readFileSync(at('lists.csv')))).toBe(true)
  })

  it('says where the folder of its parts cannot be', async () => {
    const out = at('nowhere.csv')
    writeFileSync(`${out}.parts`, 'mine')
    const { code, stderr } = await foci('batch', shop, log, '--out', out, '-k', '2')
    expect([code, stderr]).toEqual([1, expect.stringContaining(`error: ${out}.parts cannot be made: a part of the path is a file.`)])
    expect(existsSync(out)).toBe(false)
  })
})
