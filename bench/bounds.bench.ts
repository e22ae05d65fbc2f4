/**
 * What reading hostile files takes: lines that are no rows, quotes that never close, more columns and keys than anyone has. Each
 * in two sizes, for work must grow with the file and not with its square; memory must stay within twice of what it may be.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { Bench, flags, type Row, type Side } from './harness.ts'
import { PEERS } from './peers/install.ts'
import { table } from './results.ts'

/** A file, and what may be held while it is read. */
export interface Bounded {
  readonly path: string
  readonly memory: string
}

/** What comes of it: rows and lines left out, or the error's code. */
export type Bounds = { readonly rows: number; readonly left: number } | { readonly code: string }

const MEMORY = '256MB'
const LIMIT_MIB = 256e6 / 2 ** 20
const MB = flags.quick ? 1 : 10
const SIZES = [MB, 4 * MB]

const header = 'user,item,timestamp\n'
const good = (n: number): string => `"user-${n % 4999}",item-${n % 1999},${1_600_000_000 + n}\n`

interface Work {
  readonly ending: string
  /** What the file begins with, and then holds again and again. */
  readonly begin: string
  readonly line: (n: number) => string
  /** How much larger it is than others. */
  readonly times?: number
}

/** Files by what is in them. */
const works: Readonly<Record<string, Work>> = {
  'rows in quotes': { ending: 'csv', begin: header, line: good },
  'rows in quotes, gzip': { ending: 'csv.gz', begin: header, line: good },
  'lines of two fields': { ending: 'csv', begin: header + good(0), line: () => 'a,b\n' },
  'times that are none': { ending: 'csv', begin: header + good(0), line: () => 'u,i,yesterday\n' },
  'quotes that never close': { ending: 'csv', begin: header + good(0), line: () => 'a,"b\n' },
  'blank lines': { ending: 'csv', begin: header + good(0), line: () => '\n' },
  'ids of their own': { ending: 'csv', begin: header, line: (n) => `"${n}",x${n},${n}\n` },
  'ids of their own, too many': { ending: 'csv', begin: header, line: (n) => `"${n}",x${n},${n}\n`, times: 5 },
  'plain rows, too many': { ending: 'csv', begin: header, line: (n) => `u${n % 4999},x${n % 1999},${n}\n`, times: 8 },
  Parquet: { ending: 'parquet', begin: header, line: good },
  'Parquet, too many rows': { ending: 'parquet', begin: header, line: (n) => `u${n % 4999},x${n % 1999},${n}\n`, times: 8 },
  'JSON lines': { ending: 'jsonl', begin: '', line: (n) => `{"user":"user-${n % 4999}","item":"item-${n % 1999}","timestamp":${n}}\n` },
  'lines that are no JSON': { ending: 'jsonl', begin: '{"user":"u","item":"x","timestamp":1}\n', line: () => 'a\n' },
  'a line of many columns': { ending: 'csv', begin: 'user,item,timestamp', line: (n) => `,c${n}` },
  'a line of many keys': { ending: 'jsonl', begin: '{"user":"u"', line: (n) => `,"k${n}":${n}` },
}

const bench = new Bench('bounds')
mkdirSync(PEERS, { recursive: true })
for (const [name, work] of Object.entries(works)) {
  for (const size of SIZES) {
    const title = titleOf(size, name)
    if (!bench.wants(title)) continue
    const path = await write(work, size)
    const sides = (['native', 'wasm'] as const).map((engine) => sideOf(path, engine))
    bench.measure<Bounds>(title, sides, ([native, wasm]) =>
      JSON.stringify(native) === JSON.stringify(wasm) ? [] : [`${JSON.stringify(native)} and ${JSON.stringify(wasm)}`],
    )
  }
}
for (const { work, variant, peakMiB } of bench.measured) if (peakMiB > 2 * LIMIT_MIB) bench.complain(work, `${variant} took ${peakMiB} MiB`)
bench.finish({
  title: 'Bounds of reading',
  settings: `Hostile files of two sizes, read with \`memory: '${MEMORY}'\` and \`skipInvalid\`, by the addon and without it. Peak memory is the whole process's, Node with it. The bench fails where a peak is more than twice of what may be held, or the two read otherwise.`,
  sections: flags.only === undefined ? [`## What holds\n\n${findings(bench.measured)}`] : [],
})

function titleOf(size: number, name: string): string {
  return `${size * (works[name].times ?? 1)} MB, ${name}`
}

function sideOf(path: string, engine: 'native' | 'wasm'): Side {
  const variant = engine === 'native' ? '' : 'without the addon'
  const job: Bounded = { path, memory: MEMORY }
  return { side: 'foci', variant, program: 'foci/bounds.js', job, threads: 2, environment: { FOCI_ENGINE: engine } }
}

/** Writes a file of so many megabytes, as text. */
async function write({ ending, begin, line, times = 1 }: Work, size: number): Promise<string> {
  const path = `${PEERS}/bounds.${ending}`
  const text = ending === 'parquet' ? `${path}.csv` : path
  const chunks = [begin]
  for (let n = 0, bytes = 0; bytes < size * times * 1e6; n++) bytes += chunks[chunks.push(line(n)) - 1].length
  writeFileSync(text, ending.endsWith('.gz') ? gzipSync(chunks.join('')) : chunks.join(''))
  if (ending !== 'parquet') return path
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(`COPY (SELECT * FROM read_csv('${text}')) TO '${path}' (FORMAT parquet)`)
  connection.closeSync()
  instance.closeSync()
  return path
}

function findings(rows: readonly Row[]): string {
  const seconds = rows.filter(({ unit }) => unit === 's')
  const growth = Object.keys(works).map((name) => {
    const [small, large] = SIZES.map((size) =>
      Math.max(...seconds.filter(({ work }) => work === titleOf(size, name)).map(({ median }) => median)),
    )
    return [name, `${(large / small).toFixed(1)}×`]
  })
  const most = Math.max(...rows.map(({ peakMiB }) => peakMiB))
  const peak = [`peak memory, of the ${LIMIT_MIB.toFixed(0)} MiB that may be held`, `${(most / LIMIT_MIB).toFixed(2)}×`]
  return table(['what', 'figure'], [peak, ...growth.map(([name, times]) => [`time of four times as much: ${name}`, times])])
}
