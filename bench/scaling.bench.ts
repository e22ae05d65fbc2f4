/**
 * How time and memory of training grow: with the users, with the threads, and with a catalogue of a million items. The logs
 * are invented, and foci is alone: PyTorch's figures are those of the training bench.
 */
import { Bench, flags, type Row, type Side } from './harness.ts'
import { table } from './results.ts'

/** What a side is asked. */
export interface Scaling {
  readonly users: number
  readonly items: number
  readonly loss: 'cross-entropy' | 'sampled-softmax'
  /** That count: where there are several, one more comes before them. */
  readonly epochs: number
}

const ITEMS = 1000
const MILLION = 1_000_000
const GiB = 1024
const number = (value: number): string => value.toLocaleString('en')

const sizes: readonly Scaling[] = [
  { users: 1000, epochs: 20 },
  { users: 10_000, epochs: 4 },
  { users: 100_000, epochs: 1 },
  ...(flags.quick ? [] : [{ users: MILLION, epochs: 1 }]),
].map((size) => ({ ...size, items: ITEMS, loss: 'cross-entropy' }))
const wide: Scaling = { users: 20_000, items: 10_000, loss: 'cross-entropy', epochs: 2 }
const catalogue: Scaling = { users: 5000, items: MILLION, loss: 'sampled-softmax', epochs: 2 }

const bench = new Bench('scaling')
for (const size of sizes) measure(size, [2])
measure(wide, [1, 2])
measure(catalogue, [2])
bench.finish({
  title: 'Scaling',
  settings: `sasrec, dim 64, 2 blocks, 1 head, batch 128, at most 20 events, through \`train\` with its validation, its test and its counting models; time is that of the epochs, memory the whole process's peak. Invented logs of 6 to 14 training events a user. Cross entropy over the catalogue; over a million items sampled softmax (1,024 negatives) and row-sparse Adam.`,
  sections: flags.only === undefined ? [`## What holds\n\n${findings(bench.measured)}`] : [],
})

function measure(job: Scaling, threads: readonly number[]): void {
  if (!bench.wants(nameOf(job))) return
  const side = (count: number): Side => ({
    side: 'foci',
    variant: `${count} ${count === 1 ? 'thread' : 'threads'}`,
    program: 'foci/scaling.js',
    job,
    threads: count,
  })
  // Twice the threads, the same bits: the same losses.
  bench.measure<{ losses: readonly number[] }>(nameOf(job), threads.map(side), ([first, ...others]) =>
    others.flatMap(({ losses }) => (losses.join() === first.losses.join() ? [] : [`losses ${first.losses} and ${losses}`])),
  )
}

function nameOf({ users, items }: Scaling): string {
  return `${number(users)} users, ${number(items)} items`
}

function findings(rows: readonly Row[]): string {
  const of = (job: Scaling, variant = '2 threads') => rows.find((row) => row.work === nameOf(job) && row.variant === variant)!
  const times = sizes.map((size) => of(size).median)
  const spread = 100 * (Math.max(...times) / Math.min(...times) - 1)
  const { base, slope } = line(sizes.map((size) => [size.users, of(size).peakMiB]))
  const least = number(sizes[0].users)
  const most = number(sizes[sizes.length - 1].users)
  return table(
    ['what', 'figure', 'bar'],
    [
      [`time a token, ${least} to ${most} users: slowest over fastest`, `+${spread.toFixed(1)}%`, '+15%'],
      ['peak memory', `${base.toFixed(0)} MiB + ${((slope * 2 ** 20) / 1000).toFixed(2)} kB a user`, 'linear'],
      ['2 threads over 1', `${(of(wide, '1 thread').median / of(wide).median).toFixed(2)}×`, '1.8×'],
      ['peak memory with a million items', `${(of(catalogue).peakMiB / GiB).toFixed(2)} GiB`, '4 GiB'],
    ],
  )
}

/** Least squares. */
function line(points: readonly (readonly [x: number, y: number])[]): { base: number; slope: number } {
  const mean = (of: (point: readonly [number, number]) => number) => points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [x, y] = [mean(([x]) => x), mean(([, y]) => y)]
  const slope = mean((point) => (point[0] - x) * (point[1] - y)) / mean((point) => (point[0] - x) ** 2)
  return { base: y - slope * x, slope }
}
