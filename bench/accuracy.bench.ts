/**
 * Accuracy of sasrec on real logs: every run tried, each option chosen on validation, the chosen one with three seeds in f32
 * and in bf16.
 * Runs that bench/results/accuracy.json already holds are not repeated. `--only NAME` takes one log, `--seeds 1,2` some seeds.
 */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { type EpochReport, type ReportRow, readInteractions, sasrec, train } from 'foci'
import { machine, readRows, table, writeResults } from './results.ts'

type SasrecOptions = NonNullable<Parameters<typeof sasrec>[0]>

interface Trial {
  readonly log: string
  readonly options: SasrecOptions
  readonly training: { readonly epochs: number; readonly patience: number; readonly precision?: 'bf16' }
}

interface Row extends Trial {
  readonly seed: number
  readonly epochs: number
  readonly bestEpoch: number
  readonly validation: number
  readonly report: readonly ReportRow[]
  readonly minutes: number
  readonly threads: number
}

const METRIC = 'ndcg@10'
const usual = { epochs: 100, patience: 10 }

/** The options tried on each log, fixed before their test figures were seen. */
const trials: readonly Trial[] = [
  { log: 'movielens-1m', options: { maxLength: 200 }, training: usual },
  { log: 'amazon-beauty', options: { maxLength: 50, dropout: 0.5 }, training: usual },
  { log: 'amazon-beauty', options: { maxLength: 50, dropout: 0.5, loss: 'sampled-softmax' }, training: usual },
]

const { values: flags } = parseArgs({
  options: { only: { type: 'string' }, data: { type: 'string', default: '../shared/data' }, seeds: { type: 'string', default: '1,2,3' } },
})
const SEEDS = flags.seeds.split(',').map(Number)
for (const log of new Set(trials.map((trial) => trial.log))) if (!flags.only || flags.only === log) await compare(log)
write([])

/** One seed of each trial, then the other seeds of the one that validation prefers, and all of its seeds in bf16. */
async function compare(log: string): Promise<void> {
  const path = `${flags.data}/${log}/interactions.csv.gz`
  if (!existsSync(path)) return console.log(`${path} is not there: skipped`)
  const candidates: Row[] = []
  for (const trial of trials.filter((each) => each.log === log)) candidates.push(await once(path, trial, SEEDS[0]))
  const best = candidates.reduce((a, b) => (b.validation > a.validation ? b : a))
  for (const seed of SEEDS.slice(1)) await once(path, best, seed)
  for (const seed of SEEDS) await once(path, { ...best, training: { ...best.training, precision: 'bf16' } }, seed)
}

async function once(path: string, { log, options, training }: Trial, seed: number): Promise<Row> {
  const trial = { log, options, training, seed }
  const key = JSON.stringify(trial)
  const known = readRows<Row>('accuracy').find(
    (row) => JSON.stringify({ log: row.log, options: row.options, training: row.training, seed: row.seed }) === key,
  )
  if (known) return known
  console.log(key)
  const started = performance.now()
  const onEpoch = ({ epoch, loss, validation, best, seconds }: EpochReport) =>
    console.log(
      `  epoch ${epoch}: loss ${loss.toFixed(4)}, validation ${validation[METRIC].toFixed(4)}${best ? ' *' : ''}, ${seconds.toFixed(1)} s`,
    )
  const run = await train(await readInteractions(path), { model: sasrec(options), ...training, seed, onEpoch })
  const bestEpoch = run.epochs.findLastIndex((epoch) => epoch.best)
  const validation = run.epochs[bestEpoch].validation[METRIC]
  const minutes = (performance.now() - started) / 60_000
  const threads = Number(process.env.FOCI_THREADS ?? availableParallelism())
  const row: Row = { ...trial, epochs: run.epochs.length, bestEpoch: bestEpoch + 1, validation, report: run.report, minutes, threads }
  run.recommender[Symbol.dispose]()
  write([row])
  console.log(`  test ${show(row.report[0], METRIC)}`)
  return row
}

/** Adds rows to those written so far, which another run of the bench may have added to as well. */
function write(more: readonly Row[]): void {
  const place = (row: Row): string => [row.log, kind(row), row.seed].join(' ')
  const rows = [...readRows<Row>('accuracy'), ...more].sort((a, b) => (place(a) < place(b) ? -1 : 1))
  if (rows.length > 0) writeResults('accuracy', rows, page(rows))
}

function precision({ training }: Row): string {
  return training.precision ?? 'f32'
}

/** What runs of several seeds share. */
function kind(row: Row): string {
  return `${JSON.stringify(row.options)} ${precision(row)}`
}

function page(rows: readonly Row[]): string {
  const logs = [...new Set(rows.map((row) => row.log))].sort()
  return `# Accuracy\n\n\`npm run bench -- accuracy\`, on ${machine()}. The machine had other work as well: minutes say little.\n\n${logs.map((log) => section(rows.filter((row) => row.log === log))).join('\n\n')}\n`
}

function section(own: readonly Row[]): string {
  const lines = own.map((row) => [
    Object.entries(row.options)
      .map((pair) => pair.join(' '))
      .join(', '),
    precision(row),
    row.seed,
    row.bestEpoch,
    row.epochs,
    row.validation.toFixed(4),
    show(row.report[0], METRIC),
    show(row.report[0], 'hr@10'),
    row.minutes.toFixed(1),
    row.threads,
  ])
  const bars = own[0].report.slice(1).map((bar) => [bar.model, show(bar, METRIC), show(bar, 'hr@10')])
  const head = [
    'options',
    'precision',
    'seed',
    'best epoch',
    'epochs',
    'validation NDCG@10',
    'test NDCG@10',
    'test HR@10',
    'minutes',
    'threads',
  ]
  return `## ${own[0].log}\n\n${table(head, lines)}\n\n${means(own)}\n\n${table(['counting model', 'test NDCG@10', 'test HR@10'], bars)}`
}

function means(own: readonly Row[]): string {
  const groups = [...new Set(own.map(kind))].map((each) => own.filter((row) => kind(row) === each)).filter((group) => group.length === 3)
  const mean = (group: readonly Row[], of: (row: Row) => number): number => group.reduce((sum, row) => sum + of(row), 0) / group.length
  const lines = groups.map((group) => {
    const [ndcg, hr] = [METRIC, 'hr@10'].map((metric) => mean(group, (row) => row.report[0].metrics[metric].mean).toFixed(4))
    return `Mean of three seeds of the options that validation chose, ${precision(group[0])}: test NDCG@10 **${ndcg}**, HR@10 ${hr}.`
  })
  const [half, single] = ['bf16', 'f32'].map((name) => groups.find(([row]) => precision(row) === name))
  if (!half || !single) return lines.join('\n')
  const test = (row: Row): number => row.report[0].metrics[METRIC].mean
  const lost = single.map((row) => test(row) - test(half.find(({ seed }) => seed === row.seed)!))
  return `${lines.join('\n')}\nbf16 loses ${(lost.reduce((a, b) => a + b) / lost.length).toFixed(4)} of NDCG@10, paired by seed (${lost.map((each) => each.toFixed(4)).join(', ')}).`
}

function show(row: ReportRow, metric: string): string {
  const { mean, low, high } = row.metrics[metric]
  return `${mean.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`
}
