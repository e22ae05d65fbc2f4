/** The exact 100 best of a million items, beside faiss, numpy and PyTorch. */
import { sameTop } from './compare.ts'
import { Bench, run, type Side } from './harness.ts'
import { compilePeak, installPython, PEERS, tunedAllocator } from './peers/install.ts'

/** What a side is asked. */
export interface Retrieval {
  /** File of the table's rows and, behind them, the queries'. */
  readonly numbers: string
  readonly items: number
  readonly dim: number
  readonly k: number
  readonly queries: number
  /** Whether the queries are the interests of one user: an item's score is the best of theirs. */
  readonly interests: boolean
}

/** What foci is asked besides. */
export interface OwnRetrieval extends Retrieval {
  /** Whether codes of the items are read, as a recommender has them, and only those that may be among the best in f32. */
  readonly codes: boolean
}

const THREADS = 2
const [ITEMS, DIM, K, MOST] = [1_000_000, 64, 100, 256]
const numbers = `${PEERS}/numbers.f32`
const works = [
  { name: '1 query', queries: 1, interests: false },
  { name: '4 interests of one user', queries: 4, interests: true },
  { name: `${MOST} queries`, queries: MOST, interests: false },
]

installPython()
const bench = new Bench('retrieval')
run({ side: 'foci', variant: 'numbers', program: 'foci/numbers.js', job: { path: numbers, count: (ITEMS + MOST) * DIM }, threads: 1 })
for (const { name, queries, interests } of works.filter((work) => bench.wants(work.name))) {
  const job: Retrieval = { numbers, items: ITEMS, dim: DIM, k: K, queries, interests }
  const peer = (library: string, variant: string, environment = {}): Side => {
    return { side: library, variant, program: 'bench/peers/retrieval.py', job: { ...job, library }, threads: THREADS, environment }
  }
  const peers = [
    peer('faiss', 'f32'),
    ...['numpy', 'PyTorch'].flatMap((library) => [peer(library, 'f32'), peer(library, 'f32, tuned allocator', tunedAllocator)]),
  ]
  const read = { what: 'read', threads: THREADS, bytes: 4 * ITEMS * DIM }
  const memory = { side: 'memory', variant: 'reads the items once', program: compilePeak(), job: read, threads: THREADS }
  const foci = (variant: string, codes: boolean): Side => {
    return { side: 'foci', variant, program: 'foci/retrieval.js', job: { ...job, codes } satisfies OwnRetrieval, threads: THREADS }
  }
  bench.measure(name, [foci('codes', true), foci('f32', false), ...peers, memory], sameTop)
}
bench.finish({
  title: 'Retrieval',
  settings: `The exact ${K} best of ${ITEMS.toLocaleString('en')} items by inner product, ${DIM} wide, f32, uniform numbers; ${THREADS} threads. faiss is IndexFlatIP. By codes, foci reads 8-bit codes of the items, as its recommenders do, and the f32 rows of those that may be among the best: the answers are as exact. A tuned allocator keeps its memory instead of giving it back after every query.`,
})
