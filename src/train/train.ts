import { rm } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { isFinished } from '../artefact/file.ts'
import { checkLog, type Interactions } from '../data/interactions.ts'
import { checkOptions, type KeysOf, shown } from '../data/options.ts'
import { type Precision, precisions } from '../engine/engine.ts'
import type { ProfileReport } from '../engine/profile.ts'
import { selectEngine } from '../engine/select.ts'
import { FociError, fromFailure } from '../errors.ts'
import type { ReportRow } from '../evaluate/evaluate.ts'
import { programName, whileLocked } from '../files/lock.ts'
import { isSameFile, type Place, placeOf, refuseForeign } from '../files/place.ts'
import { replaceFile } from '../files/replace-file.ts'
import { type ModelSpec, needsOf } from '../models/define.ts'
import { unusedColumns } from '../models/features.ts'
import { markov } from '../models/markov.ts'
import { popularity } from '../models/popularity.ts'
import { checkTraining, trainingDefaults, trainingOf, trainingOfPart } from '../models/training.ts'
import { Recommender } from '../recommend/recommender.ts'
import { splitName } from '../split/cut.ts'
import { type JobResult, runJob } from './job.ts'
import type { EpochReport, TrainOptions, TrainSettings } from './settings.ts'
import type { Message, NamedModel, Order } from './training-worker.ts'

/** A finished training run. */
export interface Run {
  /** The figures on the test cases of the model (of its twin, where it is `final`), then of the counting models. */
  readonly report: readonly ReportRow[]
  readonly epochs: readonly EpochReport[]
  /** What it was trained in: `f32` where the CPU does not gain by what was asked for. */
  readonly precision: Precision
  /** Where the time of the steps went; only under FOCI_PROFILE=1. */
  readonly profile?: ProfileReport
  /** What is worth knowing though nothing failed: columns of tables that the model does not read. */
  readonly notes: readonly string[]
  /** The artefact's bytes. */
  readonly artefact: Uint8Array
  /** Serves the artefact, with the log's users. */
  readonly recommender: Recommender
  /**
   * Writes the artefact whole or not at all, then removes the run's checkpoint.
   * @throws FociError FILE, also where anything but an artefact stands there, unless by `force`; BUSY where another run writes there
   * for longer than 5 s
   */
  save(path: string, options?: SaveOptions): Promise<void>
}

export interface SaveOptions {
  /** Replaces any file. */
  readonly force?: boolean
  /** Whether the caller holds the lock of the path already, as the command line does. */
  readonly locked?: boolean
}

/** Counting models stand in every table: a neural model below them is a bug or undertrained. */
const baselines = (): ModelSpec[] => [popularity(), markov()]

/** What training does where options and the model are silent. */
export const defaults = { ...trainingDefaults, split: 'leave-one-out', seed: 1, precision: 'f32', final: false } as const

/**
 * Trains a model on a log, in a worker thread with an engine of its own, so that this thread stays responsive.
 * @throws FociError OPTION, DATA, ABORTED, NON_FINITE, RESUME, FILE; BUSY where another run has the checkpoint
 */
export async function train(log: Interactions, options: TrainOptions): Promise<Run> {
  checkLog(log)
  const settings = resolveSettings(options)
  const work = () => (canWork() ? inWorker : inPlace)(log, settings, options)
  const { result, left } = await (options.checkpoint === undefined ? { result: await work() } : atCheckpoint(options.checkpoint, work))
  const { artefact, report, epochs, precision, profile } = result
  const recommender = await Recommender.load(artefact, {
    log,
    models: [settings.model, ...(settings.model.parts ?? [])].map(({ definition }) => definition),
  })
  const save: Run['save'] = async (path, { force = false, locked = false } = {}) => {
    if (!force) refuseForeign(path, 'artefact', isFinished, 'Name another file, or save with force.')
    await replaceFile(path, artefact, locked)
    if (left) await remove(left)
  }
  const notes = unusedColumns(settings.model.definition.name, log, needsOf(settings.model))
  return { report, epochs, precision, profile, notes, artefact, recommender, save }
}

/** Works while nobody else has the checkpoint, and says what is left of it. */
function atCheckpoint<T>(checkpoint: string, work: () => Promise<T>): Promise<{ result: T; left?: Place }> {
  return whileLocked(checkpoint, programName(), async () => ({ result: await work(), left: placeOf(checkpoint) }))
}

/** Removes a checkpoint, but not what another run has put in its place by now. */
async function remove({ path, stats }: Place): Promise<void> {
  const now = placeOf(path).stats
  if (stats && now && isSameFile(stats, now) && stats.mtimeNs === now.mtimeNs) await rm(path, { force: true })
}

const SETTINGS: KeysOf<Omit<TrainSettings, 'given'>> = {
  ...{ model: true, split: true, seed: true, epochs: true, patience: true, batch: true, learningRate: true },
  ...{ optimiser: true, weightDecay: true, clip: true, schedule: true, warmup: true, judge: true, precision: true, final: true },
}
const FUNCTIONS = { onEpoch: true, onFinalEpoch: true, onStep: true } as const
const OPTIONS: KeysOf<TrainOptions> = {
  ...SETTINGS,
  ...FUNCTIONS,
  baselines: true,
  module: true,
  signal: true,
  checkpoint: true,
  resume: true,
}

function resolveSettings(options: TrainOptions): TrainSettings {
  checkOptions('the options of train', options, OPTIONS)
  checkOthers(options)
  const { model, ...given } = defined(options)
  const asked = Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(trainingDefaults, name)))
  const training = trainingOfPart(options.model, asked)
  const settings = { ...defaults, ...given, ...training }
  const { split, seed, precision, final } = settings
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) throw refused('seed', seed, 'a whole number from 0 to 4294967295')
  checkTraining(settings, (name) => `The training option "${name}"`)
  if (!precisions.includes(precision)) throw refused('precision', precision, precisions.map((name) => JSON.stringify(name)).join(' or '))
  if (typeof final !== 'boolean') throw refused('final', final, 'true or false')
  return {
    ...trainingOf(settings),
    ...(options.model.parts && { given: asked }),
    model: options.model,
    split: splitName(split, 'The training option "split"'),
    seed,
    precision,
    final,
  }
}

/** Those that are no settings, and the model. */
function checkOthers(options: TrainOptions): void {
  const { model, baselines = [], checkpoint, resume = false } = options
  const isSpec = (given: ModelSpec): boolean => typeof given?.definition?.build === 'function' && typeof given.options === 'object'
  if (!isSpec(model)) throw refused('model', model, 'what a model’s function gives, such as sasrec() or markov({ window: 3 })')
  if (!(Array.isArray(baselines) && baselines.every(isSpec)))
    throw refused('baselines', baselines, 'a list of what models’ functions give, such as [popularity()]')
  if (checkpoint !== undefined && typeof checkpoint !== 'string') throw refused('checkpoint', checkpoint, 'the path of a file')
  if (typeof resume !== 'boolean') throw refused('resume', resume, 'true or false')
  for (const name of Object.keys(FUNCTIONS) as (keyof typeof FUNCTIONS)[]) {
    const given: unknown = options[name]
    if (given !== undefined && typeof given !== 'function') throw refused(name, given, 'a function')
  }
}

const defined = (options: TrainOptions): Partial<TrainOptions> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

const refused = (name: string, value: unknown, expected: string): FociError =>
  new FociError('OPTION', `The training option "${name}" is ${shown(value)}.`, `It is ${expected}.`)

/** Node 20 starts no worker from TypeScript, so sources train in place. */
const canWork = (): boolean => import.meta.url.endsWith('.js')

/** A step leaves little behind in JavaScript: with the usual room for it, garbage of many steps would lie about. */
const resourceLimits = { maxYoungGenerationSizeMb: 6 }

function inWorker(log: Interactions, settings: TrainSettings, options: TrainOptions): Promise<JobResult> {
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const workerData = order(log, settings, options, stop)
  return new Promise<JobResult>((resolve, reject) => {
    const abort = (): void => void Atomics.store(stop, 0, 1)
    if (options.signal?.aborted) abort()
    options.signal?.addEventListener('abort', abort, { once: true })
    const worker = new Worker(new URL('../train/training-worker.js', import.meta.url), { workerData, resourceLimits })
    worker.on('message', (message: Message) => {
      try {
        if (message.type === 'epoch') options.onEpoch?.(message.epoch)
        if (message.type === 'final epoch') options.onFinalEpoch?.(message.epoch)
        if (message.type === 'step') options.onStep?.(message.step)
      } catch (error) {
        abort()
        reject(error)
      }
      if (message.type === 'done') resolve(message.result)
      if (message.type === 'failed') reject(fromFailure(message))
    })
    worker.on('error', (error: NodeJS.ErrnoException) => reject(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? outOfMemory(error) : error))
    worker.on('exit', (code) => {
      options.signal?.removeEventListener('abort', abort)
      reject(
        new FociError(
          'ENGINE_LOST',
          `The training thread ended with code ${code}.`,
          'Train again, with resume where a checkpoint was kept.',
        ),
      )
    })
  })
}

const outOfMemory = (cause: Error): FociError =>
  new FociError('MEMORY', 'The training thread ran out of memory.', 'Give Node more with --max-old-space-size, or train on fewer rows.', {
    cause,
  })

function order(log: Interactions, settings: TrainSettings, options: TrainOptions, stop: Int32Array): Order {
  const { ids, titles, categories, columns } = log.catalogue
  const named = ({ definition, options: own, training, parts = [] }: ModelSpec): NamedModel => ({
    ...{ name: definition.name, options: own, training },
    parts: parts.map(named),
  })
  return {
    log: { ...log, catalogue: { ids, titles, categories, columns } },
    settings: { ...settings, model: named(settings.model) },
    baselines: (options.baselines ?? baselines()).map(named),
    module: options.module?.toString(),
    checkpoint: options.checkpoint,
    resume: options.resume ?? false,
    stop,
  }
}

async function inPlace(log: Interactions, settings: TrainSettings, options: TrainOptions): Promise<JobResult> {
  const job = {
    log,
    settings,
    baselines: options.baselines ?? baselines(),
    checkpoint: options.checkpoint,
    resume: options.resume ?? false,
  }
  return runJob(await selectEngine(), job, {
    onEpoch: options.onEpoch,
    onFinalEpoch: options.onFinalEpoch,
    onStep: options.onStep,
    aborted: () => options.signal?.aborted ?? false,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  })
}
