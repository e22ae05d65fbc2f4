/**
 * From a file of 20 million rows to training batches: time and memory of the whole process, and how near reading CSV comes to
 * DuckDB alone, which reads the same file without numbering ids or putting a user's rows together.
 */
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { Bench, flags, type Row, run, type Side } from './harness.ts'
import type { DuckDBWork } from './peers/duckdb.ts'
import { PEERS } from './peers/install.ts'
import { table } from './results.ts'

/** A log's file, and what its rows are summed up with. */
export interface Reading {
  readonly path: string
  /** No time is before it. */
  readonly first: number
  readonly modulus: number
}

/** What a log holds; a side tells what it knows. All sums are whole and exact. */
export interface Facts {
  readonly rows: number
  readonly users: number
  readonly lastUser: string
  readonly lastItem: string
  readonly timeSum: number
  /** Over the rows, of what ties user, item and time together. */
  readonly rowSum: number
  /** Over the rows, of what ties an item to its place among its user's rows. */
  readonly orderSum: number
}

const THREADS = 2
const ROWS = flags.quick ? 1_000_000 : 20_000_000
const number = (value: number): string => value.toLocaleString('en')
const log = { rows: ROWS, users: ROWS / 20, items: 100_000, first: 1_700_000_000, modulus: 8191 }
const works = { parquet: `${number(ROWS)} rows of Parquet`, csv: `${number(ROWS)} rows of CSV` }

const bench = new Bench('data')
measure('parquet', [duckdb('aggregate', 1), duckdb('aggregate', 2)])
measure('csv', [
  duckdb('aggregate', 1),
  duckdb('aggregate', 2),
  duckdb('JavaScript values', 1),
  duckdb('table', 2),
  duckdb('sorted table', 2),
])
bench.finish({
  title: 'Data',
  settings: `An invented log of ${number(log.users)} users and ${number(log.items)} items; ids are texts such as \`user-123\`, rows in no order. foci on two cores: it reads CSV itself, while Parquet is read by DuckDB with one thread and its ids numbered by another; then rows are put by user and time, checked and hashed. \`s\` and \`rows/s\` are the time to a log in memory, \`s to batches\` with leave-one-out, windows of 50 and all batches of an epoch. DuckDB alone, with as many threads as said and 4 GiB: \`aggregate\` reads all three columns (ids as texts) into one row, \`JavaScript values\` hands each of them to JavaScript, a chunk at a time, \`table\` reads into a table in memory, \`sorted table\` into one sorted by user, time and row. Peak memory is the whole process's.`,
  sections: flags.only === undefined ? [`## What holds\n\n${findings(bench.measured)}`] : [],
})

interface Peer {
  readonly work: DuckDBWork['work']
  readonly threads: number
}

function duckdb(work: DuckDBWork['work'], threads: number): Peer {
  return { work, threads }
}

function measure(format: keyof typeof works, peers: readonly Peer[]): void {
  if (!bench.wants(works[format])) return
  const path = `${PEERS}/log-of-${ROWS}.${format}`
  if (!existsSync(path)) invent(path)
  const foci: Side = { side: 'foci', variant: '', program: 'foci/data.js', job: { path, ...log } satisfies Reading, threads: THREADS }
  bench.measure(works[format], [foci, ...peers.map((peer) => sideOf(peer, path))], sameFacts)
}

function sideOf({ work, threads }: Peer, path: string): Side {
  const job: DuckDBWork = { ...log, path, work, threads }
  return {
    side: 'DuckDB',
    variant: `${work}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    program: 'peers/duckdb.js',
    job,
    threads,
  }
}

/** Written once: the same numbers each time. */
function invent(path: string): void {
  console.log(`inventing ${path} (once)`)
  mkdirSync(PEERS, { recursive: true })
  run(sideOf(duckdb('write', THREADS), path))
  renameSync(`${path}.partial`, path)
}

/** Whatever a side knows of the log is what foci knows. */
function sameFacts([foci, ...others]: readonly Partial<Facts>[], [, ...sides]: readonly string[]): string[] {
  const known = new Map(Object.entries(foci))
  return others.flatMap((facts, i) =>
    Object.entries(facts).flatMap(([fact, value]) =>
      known.get(fact) === value ? [] : [`${fact} is ${known.get(fact)}, by ${sides[i]} ${value}`],
    ),
  )
}

function findings(rows: readonly Row[]): string {
  const of = (work: string, unit: string, variant = '') =>
    rows.find((row) => row.work === work && row.unit === unit && row.variant === variant)!
  const batches = of(works.parquet, 's to batches')
  const share = (variant: string) => `${((100 * of(works.csv, 'rows/s').median) / of(works.csv, 'rows/s', variant).median).toFixed(0)}%`
  const peers = [...new Set(rows.filter(({ work, side }) => work === works.csv && side !== 'foci').map(({ variant }) => variant))]
  return table(
    ['what', 'figure', 'bar'],
    [
      [`${works.parquet} to the last batch of an epoch`, `${batches.median.toFixed(1)} s`, '60 s'],
      ['peak memory of that process', `${(batches.peakMiB / 1024).toFixed(2)} GiB`, '2 GiB'],
      ...peers.map((variant) => [`a log from CSV, in rows/s of DuckDB's: ${variant}`, share(variant), '60%']),
    ],
  )
}
