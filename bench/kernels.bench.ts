/** foci's kernels alone, as shares of what the machine can do, and beside PyTorch's for the same shapes. */
import { sameNumbers } from './compare.ts'
import { Bench, type Row, run, type Side } from './harness.ts'
import { compilePeak, installPython, PEERS, tunedAllocator } from './peers/install.ts'
import { table } from './results.ts'

/** What a side is asked. */
export interface Kernel {
  readonly kernel: string
  readonly sizes: readonly number[]
  readonly numbers: string
  /** Of those that PyTorch has. */
  readonly variant: string
  readonly threads: number
}

interface Work {
  readonly kernel: string
  readonly sizes: readonly number[]
  /** Floating-point operations where arithmetic bounds it, bytes where memory does. */
  readonly unit: 'GFLOP/s' | 'GB/s'
  readonly amount: number
  /** The forms that PyTorch has it in. */
  readonly variants: readonly string[]
}

const THREADS = 2
const DIM = 64
const PEAK = 'the machine'
const READS = 'reads memory'
/** Named apart from PyTorch's variants. */
const FOCI = 'f32'
const READ = 256_000_000
const numbers = `${PEERS}/numbers.f32`

const ENTROPIES = ['eager', 'linear_cross_entropy', 'chunks, float32', 'chunks, bfloat16']
const TYPES = ['float32', 'bfloat16']
const ATTENTIONS = ['eager', 'fused']

const works: readonly Work[] = [
  product('linear', 6400, DIM, DIM),
  product('linear', 12_800, DIM, DIM),
  product('linear_input_gradient', 12_800, DIM, DIM),
  product('linear_weight_gradient', 12_800, DIM, DIM),
  product('linear', 1024, 1024, 1024),
  bounded('cross_entropy', [6400, 12_101, DIM], 'GFLOP/s', 6 * 6400 * 12_101 * DIM, ENTROPIES),
  bounded('cross_entropy', [12_800, 3416, DIM], 'GFLOP/s', 6 * 12_800 * 3416 * DIM, ENTROPIES),
  ...[[128, 50] as const, [64, 200] as const].flatMap(([users, events]) => [
    bounded('attention', [users, events, DIM], 'GFLOP/s', 4 * DIM * causal(users, events), ATTENTIONS),
    bounded('attention_gradient', [users, events, DIM], 'GFLOP/s', 10 * DIM * causal(users, events), ATTENTIONS),
  ]),
  bounded('top_k', [256, 12_101, DIM, 10], 'GFLOP/s', 2 * 256 * 12_101 * DIM, ['eager']),
  bounded('softmax', [12_800, 3416], 'GB/s', 2 * 4 * 12_800 * 3416, ['eager']),
  bounded('adam', [200_000, DIM], 'GB/s', 7 * 4 * 200_000 * DIM, ['eager', 'fused']),
  bounded('gather', [12_800, 12_101, DIM], 'GB/s', 2 * 4 * 12_800 * DIM, ['eager']),
  bounded('gather', [200_000, 500_000, DIM], 'GB/s', 2 * 4 * 200_000 * DIM, ['eager']),
]

installPython()
const bench = new Bench('kernels')
const wanted = works.filter((work) => bench.wants(nameOf(work)))
run({ side: 'foci', variant: 'numbers', program: 'foci/numbers.js', job: { path: numbers, count: 1_000_256 * DIM }, threads: 1 })
measurePeaks()
for (const work of wanted) {
  const job = { kernel: work.kernel, sizes: work.sizes, numbers, threads: THREADS }
  const torch = (variant: string): Side => {
    const [program, environment] = ['bench/peers/kernels.py', tunedAllocator]
    return { side: 'PyTorch', variant, program, job: { ...job, variant }, threads: THREADS, environment }
  }
  const foci = { side: 'foci', variant: FOCI, program: 'foci/kernels.js', job, threads: THREADS }
  bench.measure(nameOf(work), [foci, ...work.variants.map(torch)], sameNumbers)
}
bench.finish({
  title: 'Kernels',
  settings: `Single operations on the same numbers, ${THREADS} threads; PyTorch with a tuned allocator. GFLOP/s count a product's multiply-adds twice: of causal attention the lower half, of its gradient five products, of cross entropy (with its gradients) three. GB/s count each number read or written once; what fits a cache may pass the memory's speed.`,
  sections: [`## Shares of the peak\n\n${shares(bench.measured)}`],
})

/** Multiply-adds in registers, and reading memory that no cache holds. */
function measurePeaks(): void {
  const program = compilePeak()
  const peak = (variant: string, job: object): Side => ({ side: 'machine', variant, program, job, threads: THREADS })
  bench.measure(PEAK, [
    peak('multiply-adds in registers', { what: 'multiply', threads: THREADS }),
    peak(READS, { what: 'read', threads: THREADS, bytes: READ }),
  ])
}

/** The best time of each side as a rate and as a share of the machine's best. */
function shares(rows: readonly Row[]): string {
  const best = (work: string, variant?: string): number =>
    Math.min(...rows.filter((row) => row.work === work && row.unit === 'ms' && row.variant === variant).map(({ min }) => min))
  const peaks = { 'GFLOP/s': rows.find(({ unit }) => unit === 'GFLOP/s')?.max ?? Number.NaN, 'GB/s': READ / 1e6 / best(PEAK, READS) }
  const lines = wanted.map((work) => {
    const rate = (variant: string): string => {
      const per = work.amount / 1e6 / best(nameOf(work), variant)
      return `${per.toFixed(0)} (${((100 * per) / peaks[work.unit]).toFixed(0)}%)`
    }
    return [nameOf(work), work.unit, rate(FOCI), work.variants.map((variant) => `${variant} ${rate(variant)}`).join(', ')]
  })
  const measured = `The peak is ${peaks['GFLOP/s'].toFixed(0)} GFLOP/s of f32 multiply-adds, and ${peaks['GB/s'].toFixed(1)} GB/s read.`
  return `${measured}\n\n${table(['kernel', 'in', 'foci', 'PyTorch'], lines)}`
}

function nameOf({ kernel, sizes }: Work): string {
  return `${kernel.replaceAll('_', ' ')} ${sizes.join(' × ')}`
}

function product(kernel: string, rows: number, inner: number, outer: number): Work {
  return bounded(kernel, [rows, inner, outer], 'GFLOP/s', 2 * rows * inner * outer, TYPES)
}

function bounded(kernel: string, sizes: readonly number[], unit: Work['unit'], amount: number, variants: readonly string[]): Work {
  return { kernel, sizes, unit, amount, variants }
}

/** Pairs of an event and one that is not after it. */
function causal(users: number, events: number): number {
  return (users * events * (events + 1)) / 2
}
