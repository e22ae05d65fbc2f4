/** DuckDB alone: it invents the log, and reads it in several ways. */
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Facts, Reading } from '../data.bench.ts'
import { job, report } from '../outcome.ts'

/** What DuckDB is asked: `write` makes the file, the others read it. */
export interface DuckDBWork extends Reading {
  readonly work: 'write' | 'aggregate' | 'table' | 'sorted table' | 'JavaScript values'
  readonly rows: number
  readonly users: number
  readonly items: number
  readonly threads: number
}

const { path, first, modulus, work, rows, users, items, threads } = job<DuckDBWork>()
const start = performance.now()
const { DuckDBInstance, version } = await import('@duckdb/node-api')
const instance = await DuckDBInstance.create(':memory:', {
  threads: String(threads),
  memory_limit: '4GiB',
  temp_directory: `${tmpdir()}/foci-bench-data`,
})
const connection = await instance.connect()
const scan = path.endsWith('.csv')
  ? `read_csv('${path}', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"',
      columns = {user: 'VARCHAR', item: 'VARCHAR', timestamp: 'BIGINT'})`
  : `read_parquet('${path}')`
if (work === 'write') await write()
else await read()
connection.closeSync()
instance.closeSync()
rmSync(`${tmpdir()}/foci-bench-data`, { recursive: true, force: true })

/** Users alike often, items by the cube of a uniform number, times in no order; all from a hash of the row's number. */
async function write(): Promise<void> {
  const uniform = (draw: number) => `((hash(row + ${draw} * 1000000007::BIGINT) >> 11)::DOUBLE / 9007199254740992)`
  await connection.run(`COPY (
    SELECT 'user-' || floor(${users} * ${uniform(1)})::INTEGER AS user,
      'item-' || floor(${items} * ${uniform(2)} ** 3)::INTEGER AS item,
      ${first} + floor(30000000 * ${uniform(3)})::BIGINT AS timestamp
    FROM range(${rows}) AS numbers(row)) TO '${path}.partial' (FORMAT ${path.endsWith('.csv') ? 'csv' : 'parquet'})`)
  report(version(), {})
}

async function read(): Promise<void> {
  const answer = await reading()
  const seconds = (performance.now() - start) / 1000
  report(version(), { s: [seconds], 'rows/s': [rows / seconds] }, { ...answer, ...(await afterwards()) })
}

async function reading(): Promise<Partial<Facts>> {
  if (work === 'aggregate') return await aggregate(scan)
  if (work === 'JavaScript values') return await values()
  await connection.run(`CREATE TABLE log AS ${work === 'table' ? `SELECT user, item, timestamp FROM ${scan}` : sorted()}`)
  return {}
}

/** What the tables hold, beside the time that counts. */
async function afterwards(): Promise<Partial<Facts>> {
  if (work === 'table') return await aggregate('log')
  return work === 'sorted table' ? { ...(await aggregate('log')), ...(await order()) } : {}
}

/** Every value once in JavaScript, a chunk at a time. */
async function values(): Promise<Partial<Facts>> {
  const result = await connection.stream(`SELECT user, item, timestamp::DOUBLE FROM ${scan}`)
  let [count, timeSum] = [0, 0]
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) return { rows: count, timeSum }
    const [users, , times] = chunk.getColumns()
    count += users.length
    for (const time of times) timeSum += Number(time) - first
  }
}

function sorted(): string {
  return `SELECT user, item, timestamp FROM (SELECT *, row_number() OVER () AS row FROM ${scan}) ORDER BY user, timestamp, row`
}

/** Touches every column. */
async function aggregate(from: string): Promise<Partial<Facts>> {
  const [row] = await ask(
    `SELECT count(*) AS rows, max(user) AS lastUser, max(item) AS lastItem, sum(timestamp - ${first}) AS timeSum FROM ${from}`,
  )
  return row
}

/** What a sorted table says of all that the rows hold, and of their order. */
async function order(): Promise<Partial<Facts>> {
  const [row] = await ask(`SELECT count(*) AS users, sum(rowSum) AS rowSum, sum(placed - start * weight) AS orderSum FROM (
    SELECT min(place) AS start, sum(place * weight) AS placed, sum(weight) AS weight,
      sum(((131 * number + item) % ${modulus}) * (timestamp % ${modulus})) AS rowSum
    FROM (SELECT user, rowid AS place, item_number % ${modulus} AS weight, item_number AS item, substr(user, 6)::BIGINT AS number, timestamp
      FROM (SELECT *, rowid, substr(item, 6)::BIGINT AS item_number FROM log)) GROUP BY user)`)
  return row
}

async function ask(sql: string): Promise<Partial<Facts>[]> {
  const rows = (await connection.runAndReadAll(sql)).getRowObjectsJS()
  const plain = (value: unknown) => (typeof value === 'bigint' ? Number(value) : value)
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])))
}
