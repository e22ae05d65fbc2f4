/**
 * What all topics share: foci and its peers take turns on the same work, each turn in a process of its own; then minimum,
 * median and maximum over all rounds, a comparison of what was computed, a table, and the files of the results.
 *
 * `--only NAME` takes the works whose name holds NAME, `--quick` one round of less work; neither writes results.
 */
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { Outcome } from './outcome.ts'
import { python } from './peers/install.ts'
import { machine, table, writeResults } from './results.ts'

/** One of those who do a work. */
export interface Side {
  /** `foci`, or the peer's name. */
  readonly side: string
  readonly variant: string
  /** Module under build/bench, a Python program, or one that gets the job's values as its arguments; prints an {@link Outcome}. */
  readonly program: string
  readonly job: object
  readonly threads: number
  readonly environment?: Readonly<Record<string, string>>
}

export interface Row {
  readonly work: string
  readonly side: string
  readonly variant: string
  readonly unit: string
  readonly min: number
  readonly median: number
  readonly max: number
  /** 0 where it says nothing. */
  readonly peakMiB: number
}

/** What is wrong between the sides' answers, in the order of the sides; empty where they computed the same. */
export type Check<Answer> = (answers: readonly Answer[], sides: readonly string[]) => string[]

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    data: { type: 'string', default: '../shared/data' },
  },
})

export const flags = {
  only: values.only,
  quick: values.quick,
  rounds: Number(values.rounds ?? (values.quick ? 1 : 5)),
  data: values.data,
}
if (!(Number.isInteger(flags.rounds) && flags.rounds >= 1)) throw new Error(`--rounds is "${values.rounds}"; give a whole number from 1`)

export class Bench {
  private readonly topic: string
  private readonly rows: Row[] = []
  private readonly complaints: string[] = []
  private readonly versions = new Map<string, string>()
  private noise = 0

  constructor(topic: string) {
    this.topic = topic
  }

  /** All rows so far. */
  get measured(): readonly Row[] {
    return this.rows
  }

  /** Whether `--only` leaves it in. */
  wants(work: string): boolean {
    return flags.only === undefined || work.includes(flags.only)
  }

  /** Lets the sides take turns, and compares what they answered in the first round. */
  measure<Answer = unknown>(work: string, sides: readonly Side[], check: Check<Answer> = () => []): void {
    const outcomes = sides.map((): Outcome[] => [])
    for (let round = 1; round <= flags.rounds; round++) {
      this.noise = Math.max(this.noise, coresInUse())
      sides.forEach((side, i) => void outcomes[i].push(run(side)))
      console.log(`${work}, round ${round} of ${flags.rounds}: ${sides.map((side, i) => brief(side, outcomes[i][round - 1])).join('; ')}`)
    }
    sides.forEach(({ side }, i) => void this.versions.set(side, outcomes[i][0].version))
    this.rows.push(...sides.flatMap((side, i) => summarise(work, side, outcomes[i])))
    const answers = outcomes.map(([first]) => first.answer as Answer)
    for (const complaint of check(answers, sides.map(label))) this.complain(work, complaint)
  }

  complain(work: string, complaint: string): void {
    this.complaints.push(`${work}: ${complaint}`)
    console.error(`NOT THE SAME: ${work}: ${complaint}`)
  }

  /** Prints the page, and writes it where every side computed the same on all works; else the process fails. */
  finish({ title, settings, sections = [] }: { title: string; settings: string; sections?: readonly string[] }): void {
    const { rows, complaints, topic } = this
    const versions = [...this.versions].flatMap(([side, version]) => (version ? [`${side} ${version}`] : [])).join(', ')
    const where = `\`npm run bench -- ${topic}\`, on ${machine()}; ${versions}. Other processes kept up to ${this.noise.toFixed(2)} cores busy between rounds.`
    const how = `${settings} Rounds: ${flags.rounds}, the sides in turn, each turn in a process of its own; answers compared.`
    const page = `${[`# ${title}`, where, how, comparison(rows), ...sections].join('\n\n')}\n`
    console.log(`\n${page}`)
    if (complaints.length > 0) {
      console.error(`The sides did not compute the same thing, so nothing is recorded:\n- ${complaints.join('\n- ')}`)
      process.exitCode = 1
    } else if (flags.only === undefined && !flags.quick) writeResults(topic, rows, page)
  }
}

/** Runs one program outside any measurement, such as one that prepares inputs. */
export function run<Answer>({ program, job, threads, environment, ...side }: Side): Outcome<Answer> {
  const count = String(threads)
  const variables = { FOCI_THREADS: count, OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, MKL_NUM_THREADS: count }
  const env = { ...process.env, ...variables, ...environment }
  const options: ExecFileSyncOptionsWithStringEncoding = { env, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] }
  try {
    const lines = execFileSync(...command(program, job), options)
      .trimEnd()
      .split('\n')
    return JSON.parse(lines[lines.length - 1])
  } catch (cause) {
    throw new Error(`${label(side)} failed: ${program} ${JSON.stringify(job)}`, { cause })
  }
}

function command(program: string, job: object): [command: string, parameters: string[]] {
  if (program.endsWith('.py')) return [python, [program, JSON.stringify(job)]]
  if (program.endsWith('.js')) return [process.execPath, [`build/bench/${program}`, JSON.stringify(job)]]
  return [program, Object.values(job).map(String)]
}

const label = ({ side, variant }: Pick<Side, 'side' | 'variant'>): string => `${side} ${variant}`.trim()

const brief = (side: Side, { figures }: Outcome): string =>
  `${label(side)} ${Object.entries(figures)
    .map(([unit, all]) => `${figure(median(all))} ${unit}`)
    .join(', ')}`

function summarise(work: string, { side, variant }: Side, outcomes: readonly Outcome[]): Row[] {
  const peakMiB = Math.max(...outcomes.map((outcome) => outcome.peakMiB))
  return Object.keys(outcomes[0].figures).map((unit) => {
    const all = outcomes.flatMap(({ figures }) => figures[unit])
    return { work, side, variant, unit, min: Math.min(...all), median: median(all), max: Math.max(...all), peakMiB }
  })
}

function median(all: readonly number[]): number {
  const sorted = [...all].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle) - 1]) / 2
}

/** All rows, and how many times faster and smaller each variant of foci is than each peer. */
function comparison(rows: readonly Row[]): string {
  const variants = [...new Set(rows.filter(({ side }) => side === 'foci').map(({ variant }) => variant))]
  const peers = rows.some(({ side }) => side !== 'foci')
  const beside = peers ? variants.map((variant) => `foci${variant && ` ${variant}`} is faster by`) : []
  const head = ['work', 'side', 'variant', 'unit', 'min', 'median', 'max', ...beside, 'peak MiB', ...(peers ? ['beside foci'] : [])]
  const lines = rows.map((row) => {
    const own = variants.map((variant) => rows.find((other) => isOwn(other, row, variant)))
    const first = own.find((other) => other !== undefined)
    const ratios = row.side === 'foci' ? own.map(() => '') : own.map((other) => (other ? `${speedUp(other, row).toFixed(2)}×` : ''))
    const memory = row.side === 'foci' || !first || row.peakMiB === 0 ? '' : `${(row.peakMiB / first.peakMiB).toFixed(2)}×`
    const figures = [row.min, row.median, row.max].map(figure)
    return [row.work, row.side, row.variant, row.unit, ...figures, ...(peers ? ratios : []), row.peakMiB || '', ...(peers ? [memory] : [])]
  })
  return table(head, lines)
}

const isOwn = (other: Row, { work, unit }: Row, variant: string): boolean =>
  other.side === 'foci' && other.variant === variant && other.work === work && other.unit === unit

/** Of the medians; units that end in `/s` are better where they are larger. */
const speedUp = (foci: Row, peer: Row): number => (foci.unit.endsWith('/s') ? foci.median / peer.median : peer.median / foci.median)

const figure = (value: number): string => (Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3))

/** Cores that other processes use, while this one waits. */
function coresInUse(): number {
  const busy = () => cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)
  const [before, started] = [busy(), performance.now()]
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
  return (busy() - before) / (performance.now() - started)
}
