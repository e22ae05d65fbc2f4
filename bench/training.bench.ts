/**
 * Seconds an epoch, real tokens a second and peak memory of training sasrec, beside PyTorch's best form on the same work:
 * alternately, each in a process of its own. `--only NAME` takes one log, `--rounds N` sets the rounds.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { machine, table, writeResults } from './results.ts'

interface Side {
  readonly seconds: readonly number[]
  readonly losses: readonly number[]
  readonly tokens: number
  readonly peakMiB: number
  readonly version: string
}

interface Row {
  readonly work: string
  readonly side: 'foci' | 'PyTorch'
  readonly variant: string
  readonly unit: 's/epoch'
  readonly min: number
  readonly median: number
  readonly max: number
  readonly tokensPerSecond: number
  readonly loss: number
  readonly peakMiB: number
}

const PEERS = 'bench/.peers/venv'
const work = [
  { log: 'amazon-beauty', options: { 'max-length': 50 } },
  { log: 'movielens-1m', options: { 'max-length': 200 } },
]
const variants = ['float32', 'bfloat16'] as const

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    data: { type: 'string', default: '../shared/data' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
  },
})

const rows: Row[] = []
const profiles: string[] = []
const python = installPeer()
for (const { log, options } of work) {
  const path = `${flags.data}/${log}/interactions.csv.gz`
  if (flags.only && flags.only !== log) continue
  if (!existsSync(path)) console.log(`${path} is not there: skipped`)
  else measure(log, path, options)
}

function measure(log: string, path: string, options: { 'max-length': number }): void {
  const foci: Side[] = []
  const peers: Record<string, Side[]> = Object.fromEntries(variants.map((dtype) => [dtype, []]))
  for (let round = 0; round < Number(flags.rounds); round++) {
    foci.push(ours(path, options))
    for (const dtype of variants) peers[dtype].push(torch(path, options, dtype))
    console.log(
      `${log}, round ${round + 1}: foci ${best(foci).toFixed(2)} s, ${variants.map((dtype) => `PyTorch ${dtype} ${best(peers[dtype]).toFixed(2)} s`).join(', ')}`,
    )
  }
  rows.push(summary(log, 'foci', 'float32', foci), ...variants.map((dtype) => summary(log, 'PyTorch', dtype, peers[dtype])))
  checkSameWork(log, foci[0], peers.float32[0])
  profiles.push(`## Where foci's time goes: ${log}\n\n${profile(path, options)}`)
  writeResults('training', rows, page(foci[0], peers.float32[0]))
}

function profile(path: string, options: { 'max-length': number }): string {
  const environment = { ...process.env, FOCI_THREADS: flags.threads }
  return execFileSync(process.execPath, ['build/bench/profile.bench.js', path, String(options['max-length'])], {
    env: environment,
    encoding: 'utf8',
  })
}

/** An epoch to warm up and allocate, then two that count. */
function ours(path: string, options: { 'max-length': number }): Side {
  const environment = { ...process.env, FOCI_THREADS: flags.threads }
  const output = execFileSync(process.execPath, ['build/bench/peers/foci.js', path, String(options['max-length'])], {
    env: environment,
    encoding: 'utf8',
  })
  return JSON.parse(output)
}

function torch(path: string, options: { 'max-length': number }, dtype: string): Side {
  const allocator = { MALLOC_MMAP_THRESHOLD_: '4294967296', MALLOC_TRIM_THRESHOLD_: '8589934592', MALLOC_TOP_PAD_: '268435456' }
  const args = [
    'bench/peers/sasrec_torch.py',
    '--log',
    path,
    '--max-length',
    String(options['max-length']),
    '--dtype',
    dtype,
    '--threads',
    flags.threads,
  ]
  return JSON.parse(execFileSync(python, args, { env: { ...process.env, ...allocator }, encoding: 'utf8' }))
}

function installPeer(): string {
  const python = `${PEERS}/bin/python`
  if (!existsSync(python)) execFileSync('python3', ['-m', 'venv', PEERS], { stdio: 'inherit' })
  execFileSync(python, ['-m', 'pip', 'install', '-q', '-r', 'bench/peers/requirements.txt'], { stdio: 'inherit' })
  return python
}

function seconds(sides: readonly Side[]): number[] {
  return sides.flatMap((side) => side.seconds).sort((a, b) => a - b)
}

function best(sides: readonly Side[]): number {
  return seconds(sides)[0]
}

function summary(log: string, side: Row['side'], variant: string, sides: readonly Side[]): Row {
  const all = seconds(sides)
  const median = all[Math.floor(all.length / 2)]
  const [{ tokens, losses }] = sides
  const peakMiB = Math.max(...sides.map((one) => one.peakMiB))
  const figures = { min: all[0], median, max: all[all.length - 1], tokensPerSecond: Math.round(tokens / median), loss: losses[0], peakMiB }
  return { work: log, side, variant, unit: 's/epoch', ...figures }
}

/** Both trained on the same tokens from like initial values: the mean losses of the first epoch must be near each other. */
function checkSameWork(log: string, a: Side, b: Side): void {
  if (a.tokens !== b.tokens) throw new Error(`${log}: foci trained on ${a.tokens} tokens and PyTorch on ${b.tokens}`)
  const [x, y] = [a.losses[0], b.losses[0]]
  if (!(Math.abs(x - y) < 0.03 * y)) throw new Error(`${log}: the losses are ${x} and ${y}; the two sides do not compute the same thing`)
}

function page(foci: Side, peer: Side): string {
  const lines = rows.map((row) => {
    const own = rows.find((other) => other.work === row.work && other.side === 'foci')
    const ratio = own && row.side !== 'foci' ? `${(row.median / own.median).toFixed(2)}×` : ''
    const memory = own && row.side !== 'foci' ? `${(row.peakMiB / own.peakMiB).toFixed(2)}×` : ''
    return [
      row.work,
      row.side,
      row.variant,
      row.min.toFixed(2),
      row.median.toFixed(2),
      row.max.toFixed(2),
      ratio,
      row.tokensPerSecond,
      row.peakMiB,
      memory,
    ]
  })
  const head = [
    'log',
    'side',
    'precision',
    'min s/epoch',
    'median',
    'max',
    'time beside foci',
    'real tokens/s',
    'peak MiB',
    'memory beside foci',
  ]
  const what = `SASRec, dim 64, 2 blocks, 1 head, batch 128, dropout 0.1, full cross entropy; ${flags.threads} threads, ${flags.rounds} rounds, alternately.`
  return `# Training\n\n\`npm run bench -- training\`, on ${machine()}; foci ${foci.version}, PyTorch ${peer.version}.\n\n${what}\n\n${table(head, lines)}\n\n${profiles.join('\n')}`
}
