/**
 * How time and memory of training grow: with the users, with the threads, and with a catalogue of a million items; and whether
 * lists for ten million users take more memory than for one. The logs are invented, and foci is alone: PyTorch's figures are
 * those of the training bench.
 */
import { Bench, flags, type Row, run, type Side } from './harness.ts'
import { table } from './results.ts'

/** What a side is asked. */
export interface Scaling {
  readonly users: number
  readonly items: number
  readonly loss: 'cross-entropy' | 'sampled-softmax'
  /** That count: where there are several, one more comes before them. */
  readonly epochs: number
}

/** What a process is asked that makes lists. */
export interface Stream {
  readonly users: number
  readonly items: number
  /** How often it looks at its memory, each time after as many users. */
  readonly marks: number
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
const stream: Stream = { users: flags.quick ? MILLION / 4 : 10 * MILLION, items: ITEMS, marks: 10 }

const bench = new Bench('scaling')
for (const size of sizes) measure(size, [2])
measure(wide, [1, 2])
measure(catalogue, [2])
const lists = bench.wants('lists')
  ? run<{ MiB: readonly number[] }>({ side: 'foci', variant: 'lists', program: 'foci/stream.js', job: stream, threads: 2 })
  : undefined
bench.finish({
  title: 'Scaling',
  settings: `sasrec, dim 64, 2 blocks, 1 head, batch 128, at most 20 events, through \`train\` with its validation, its test and its counting models; time is that of the epochs, memory the whole process's peak. Invented logs of 6 to 14 training events a user. Cross entropy over the catalogue; over a million items sampled softmax (1,024 negatives) and row-sparse Adam. Lists: the 10 best for ${number(stream.users)} invented users of 5 events each through \`recommendMany\`, once.`,
  sections: [
    ...(flags.only === undefined ? [`## What holds\n\n${findings(bench.measured)}`] : []),
    ...(lists ? [`## Lists\n\n${memoryOf(lists.answer.MiB, lists.figures['users/s'][0])}`] : []),
  ],
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

/** What the process held as the users went by. */
function memoryOf(MiB: readonly number[], rate: number): string {
  const head = MiB.map((_, i) => number(((i + 1) * stream.users) / stream.marks))
  return `${table(['users', ...head], [['MiB', ...MiB]])}\n\n${number(Math.round(rate))} users/s.`
}

/** Least squares. */
function line(points: readonly (readonly [x: number, y: number])[]): { base: number; slope: number } {
  const mean = (of: (point: readonly [number, number]) => number) => points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [x, y] = [mean(([x]) => x), mean(([, y]) => y)]
  const slope = mean((point) => (point[0] - x) * (point[1] - y)) / mean((point) => (point[0] - x) ** 2)
  return { base: y - slope * x, slope }
}
