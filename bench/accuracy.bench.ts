/**
 * Accuracy on real logs: every run tried, each option chosen on validation, the chosen one with the other seeds; sasrec in bf16
 * too. Models with several interests stand beside their twin with one.
 * Runs that bench/results/accuracy.json already holds are not repeated. `--only NAME` takes one log, `--model NAME` one model, `--seeds 1,2` some seeds.
 */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { comirec, type EpochReport, evaluateArtefact, miSa, type ReportRow, readInteractions, sasrec, train } from 'foci'
import { machine, readRows, table, writeResults } from './results.ts'

const models = { sasrec, 'mi-sa': miSa, comirec }

interface Trial {
  readonly model: keyof typeof models
  readonly log: string
  readonly options: Readonly<Record<string, string | number>>
  readonly training: { readonly epochs: number; readonly patience: number; readonly precision?: 'bf16' }
}

interface Row extends Trial {
  readonly seed: number
  readonly epochs: number
  readonly bestEpoch: number
  readonly validation: number
  readonly report: readonly ReportRow[]
  /** On the test cases, of lists of 50. */
  readonly recall50?: number
  readonly minutes: number
  readonly threads: number
}

const METRIC = 'ndcg@10'
const usual = { epochs: 100, patience: 10 }

/** Of what takes several times as long. */
const brief = { epochs: 40, patience: 5 }

/** Every item is scored by each interest: over a whole catalogue an epoch would take minutes. */
const sampled = { loss: 'sampled-softmax', negatives: 1024 }

/** As many interests as `mi-sa` has by default, and one, under the same loss. */
const several = (log: string, options: Trial['options'], training: Trial['training'] = brief): Trial[] => [
  { model: 'mi-sa', log, options: { ...options, interests: 1 }, training },
  { model: 'mi-sa', log, options: { ...options, interests: 5 }, training },
]

/**
 * The options tried on each log; those of sasrec fixed before their test figures were seen. That mi-sa has five interests was
 * chosen on the sample, with its figures in sight.
 */
const trials: readonly Trial[] = [
  { model: 'sasrec', log: 'movielens-1m', options: { maxLength: 200 }, training: usual },
  { model: 'sasrec', log: 'amazon-beauty', options: { maxLength: 50, dropout: 0.5 }, training: usual },
  { model: 'sasrec', log: 'amazon-beauty', options: { maxLength: 50, dropout: 0.5, loss: 'sampled-softmax' }, training: usual },
  ...several('amazon-beauty', { maxLength: 50, dropout: 0.5, valueDropout: 0.5, ...sampled }),
  { model: 'comirec', log: 'amazon-beauty', options: { maxLength: 50, readout: 'max', ...sampled }, training: brief },
  ...several('amazon-books-1m', { maxLength: 50, dropout: 0.3, valueDropout: 0.3, ...sampled }),
  { model: 'comirec', log: 'amazon-books-1m', options: { maxLength: 50, readout: 'max', ...sampled }, training: brief },
  ...several('movielens-1m', { maxLength: 200, ...sampled }),
  { model: 'comirec', log: 'movielens-1m', options: { maxLength: 200, readout: 'max', ...sampled }, training: brief },
]

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    data: { type: 'string', default: '../shared/data' },
    seeds: { type: 'string', default: '1,2,3' },
    model: { type: 'string' },
  },
})
const SEEDS = flags.seeds.split(',').map(Number)
for (const own of groups()) await compare(own)
write([])

/** Trials of one model, with as many interests, on one log: of these validation chooses. */
function groups(): Trial[][] {
  const asked = trials.filter(({ log, model }) => (flags.only ?? log) === log && (flags.model ?? model) === model)
  const group = ({ log, model, options }: Trial): string => [log, model, options.interests].join(' ')
  return [...new Set(asked.map(group))].map((name) => asked.filter((trial) => group(trial) === name))
}

/** One seed of each trial, then the other seeds of the one that validation prefers, and all of its seeds in bf16. */
async function compare(own: readonly Trial[]): Promise<void> {
  const path = `${flags.data}/${own[0].log}/interactions.csv.gz`
  if (!existsSync(path)) return console.log(`${path} is not there: skipped`)
  const candidates: Row[] = []
  for (const trial of own) candidates.push(await once(path, trial, SEEDS[0]))
  const best = candidates.reduce((a, b) => (b.validation > a.validation ? b : a))
  for (const seed of SEEDS.slice(1)) await once(path, best, seed)
  if (best.model !== 'sasrec') return
  for (const seed of SEEDS) await once(path, { ...best, training: { ...best.training, precision: 'bf16' } }, seed)
}

async function once(path: string, { model, log, options, training }: Trial, seed: number): Promise<Row> {
  const trial = { model, log, options, training, seed }
  const key = JSON.stringify(trial)
  const known = readRows<Row>('accuracy').find(
    (row) => JSON.stringify({ model: row.model, log: row.log, options: row.options, training: row.training, seed: row.seed }) === key,
  )
  if (known) return known
  console.log(key)
  const started = performance.now()
  const onEpoch = ({ epoch, loss, validation, best, seconds }: EpochReport) =>
    console.log(
      `  epoch ${epoch}: loss ${loss.toFixed(4)}, validation ${validation[METRIC].toFixed(4)}${best ? ' *' : ''}, ${seconds.toFixed(1)} s`,
    )
  const interactions = await readInteractions(path)
  const run = await train(interactions, { model: models[model](options), ...training, seed, onEpoch })
  const recall50 = (await evaluateArtefact(run.artefact, interactions, { k: 50 })).metrics['hr@50'].mean
  const bestEpoch = run.epochs.findLastIndex((epoch) => epoch.best)
  const validation = run.epochs[bestEpoch].validation[METRIC]
  const minutes = (performance.now() - started) / 60_000
  const threads = Number(process.env.FOCI_THREADS ?? availableParallelism())
  const fitted = { epochs: run.epochs.length, bestEpoch: bestEpoch + 1, validation }
  const row: Row = { ...trial, ...fitted, report: run.report, recall50, minutes, threads }
  run.recommender[Symbol.dispose]()
  write([row])
  console.log(`  test ${show(row.report[0], METRIC)}`)
  return row
}

/** Adds rows to those written so far, which another run of the bench may have added to as well. */
function write(more: readonly Row[]): void {
  const place = (row: Row): string => [row.log, row.model === 'sasrec' ? '' : row.model, kind(row), row.seed].join(' ')
  const rows = [...readRows<Row>('accuracy'), ...more].sort((a, b) => (place(a) < place(b) ? -1 : 1))
  if (rows.length > 0) writeResults('accuracy', rows, page(rows))
}

function precision({ training }: Row): string {
  return training.precision ?? 'f32'
}

/** What runs of several seeds share. */
function kind(row: Row): string {
  return `${row.model} ${JSON.stringify(row.options)} ${precision(row)}`
}

function page(rows: readonly Row[]): string {
  const logs = [...new Set(rows.map((row) => row.log))].sort()
  return `# Accuracy\n\n\`npm run bench -- accuracy\`, on ${machine()}. The machine had other work as well: minutes say little.\n\n${logs.map((log) => section(rows.filter((row) => row.log === log))).join('\n\n')}\n`
}

function section(own: readonly Row[]): string {
  const lines = own.map((row) => [
    row.model,
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
    row.recall50?.toFixed(4) ?? '',
    row.minutes.toFixed(1),
    row.threads,
  ])
  const bars = own[0].report.slice(1).map((bar) => [bar.model, show(bar, METRIC), show(bar, 'hr@10')])
  const head = [
    'model',
    'options',
    'precision',
    'seed',
    'best epoch',
    'epochs',
    'validation NDCG@10',
    'test NDCG@10',
    'test HR@10',
    'test Recall@50',
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
    return `Mean of three seeds of ${group[0].model}, options chosen by validation, ${precision(group[0])}: test NDCG@10 **${ndcg}**, HR@10 ${hr}.`
  })
  return [...lines, ...lostByHalf(own), ...bySeveral(own)].join('\n')
}

function lostByHalf(own: readonly Row[]): string[] {
  const seeds = own.flatMap((single) => {
    const half = own.find((row) => kind(row) === kind(single).replace(/f32$/, 'bf16') && row !== single && row.seed === single.seed)
    return half ? [test(single) - test(half)] : []
  })
  if (seeds.length === 0) return []
  const lost = (seeds.reduce((a, b) => a + b) / seeds.length).toFixed(4)
  return [`bf16 loses ${lost} of NDCG@10, paired by seed (${seeds.map((each) => each.toFixed(4)).join(', ')}).`]
}

/** What several interests gain on one, by seed. */
function bySeveral(own: readonly Row[]): string[] {
  return own.flatMap((row) => {
    const { interests, ...others } = row.options
    const twin = own.find((each) => each.seed === row.seed && kind({ ...row, options: { ...others, interests: 1 } }) === kind(each))
    if (!twin || interests === 1) return []
    const gains = [test(row) - test(twin), (row.recall50 ?? 0) - (twin.recall50 ?? 0)].map(
      (gain) => `${gain < 0 ? '−' : '+'}${Math.abs(gain).toFixed(4)}`,
    )
    return [`${row.model} with ${interests} interests beside 1, seed ${row.seed}: test NDCG@10 ${gains[0]}, Recall@50 ${gains[1]}.`]
  })
}

function test(row: Row): number {
  return row.report[0].metrics[METRIC].mean
}

function show(row: ReportRow, metric: string): string {
  const { mean, low, high } = row.metrics[metric]
  return `${mean.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`
}
