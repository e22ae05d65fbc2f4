import { type ArtefactContent, writeArtefact } from '../artefact/artefact.ts'
import type { Trained } from '../artefact/schema.ts'
import { cutLog } from '../data/cut.ts'
import type { Interactions } from '../data/interactions.ts'
import type { Split } from '../data/split.ts'
import type { Engine } from '../engine/engine.ts'
import { FociError } from '../errors.ts'
import { evaluate, type ReportRow } from '../evaluate/evaluate.ts'
import type { Model } from '../models/contracts.ts'
import type { ModelSpec } from '../models/define.ts'
import { markov } from '../models/markov.ts'
import { popularItems, popularity } from '../models/popularity.ts'
import { Variables } from '../tensor/variables.ts'
import { Checkpoint } from './checkpoint.ts'
import { K, Loop, type LoopHooks } from './loop.ts'
import type { EpochReport, TrainSettings } from './options.ts'

/** All that a training thread is given. */
export interface Job {
  readonly log: Interactions
  readonly settings: TrainSettings
  readonly checkpoint?: string
  readonly resume: boolean
}

export interface JobResult {
  readonly artefact: Uint8Array<ArrayBuffer>
  /** On the test cases: the model, then the counting models. */
  readonly report: readonly ReportRow[]
  readonly epochs: readonly EpochReport[]
}

/** Trains, evaluates beside the counting models, and writes the artefact. @throws FociError ABORTED, NON_FINITE, RESUME … */
export async function runJob(engine: Engine, job: Job, hooks: Omit<LoopHooks, 'save'>): Promise<JobResult> {
  const split = cutLog(job.log, job.settings.split)
  if (split.test.users.length === 0) throw untestable(split)
  const { model: spec, seed } = job.settings
  using variables = new Variables(engine, { seed })
  const model = build(engine, spec, split, variables)
  const content = describe(split, job.settings)
  const { epochs, steps } = await fit(engine, model, variables, split, job, hooks, content)
  stopIfAborted(hooks)
  const own = evaluateOn(engine, spec.definition.name, model, split)
  stopIfAborted(hooks)
  const report = [own.test, ...baselines(engine, split, spec)]
  const trained = { ...content.trained, ...(steps > 0 && { epochs: epochs.findLastIndex((epoch) => epoch.best) + 1, steps }) }
  const scores = Object.fromEntries(Object.values(own).map(({ on, users, metrics }) => [on, { users, metrics }]))
  const artefact = await writeArtefact({ ...content, trained, scores, tensors: variables.values() })
  return { artefact, report, epochs }
}

function build(engine: Engine, { definition, options }: ModelSpec, split: Split, variables: Variables): Model {
  return definition.build(options, { engine, items: split.log.catalogue.size, variables })
}

async function fit(
  engine: Engine,
  model: Model,
  variables: Variables,
  split: Split,
  job: Job,
  hooks: Omit<LoopHooks, 'save'>,
  content: Omit<ArtefactContent, 'tensors'>,
): Promise<{ epochs: readonly EpochReport[]; steps: number }> {
  if (model.kind === 'scorer') {
    model.fit(split)
    return { epochs: [], steps: 0 }
  }
  if (job.log.roles.weight) throw unweighted(job.settings.model)
  const checkpoint = job.checkpoint === undefined ? undefined : new Checkpoint(job.checkpoint, job.log, job.settings)
  const save: LoopHooks['save'] = checkpoint && ((progress, tensors) => checkpoint.save(content, progress, tensors))
  using loop = new Loop(engine, model, variables, split, job.settings, { ...hooks, save })
  if (job.resume) await checkpoint?.resume(loop)
  else checkpoint?.refuseToReplace()
  await loop.run()
  return { epochs: loop.progress.epochs, steps: loop.progress.step }
}

function stopIfAborted({ aborted }: Pick<LoopHooks, 'aborted'>): void {
  if (aborted?.())
    throw new FociError('ABORTED', 'Training stopped before its artefact was written.', 'Train again with resume to go on from there.')
}

function untestable({ log }: Split): FociError {
  const message = `None of the ${log.users.length} users has three rows: one to learn from, one to validate on, one to test on.`
  return new FociError('DATA', message, 'Give a log with longer histories.')
}

function unweighted({ definition: { name } }: ModelSpec): FociError {
  return new FociError('NEED', `${name} weighs all events alike.`, 'Read the log without weights, or train a counting model.')
}

function evaluateOn(engine: Engine, name: string, model: Model, split: Split) {
  const on = (part: ReportRow['on']) => evaluate(engine, name, model, split, part, K)
  return { validation: on('validation'), test: on('test') }
}

/** Counting models stand in every table: a neural model below them is a bug or undertrained. */
function baselines(engine: Engine, split: Split, beside: ModelSpec): ReportRow[] {
  const others = [popularity(), markov()].filter(({ definition }) => definition.name !== beside.definition.name)
  return others.map((spec) => {
    using variables = new Variables(engine, { seed: 0 })
    const model = build(engine, spec, split, variables)
    if (model.kind === 'scorer') model.fit(split)
    return evaluate(engine, spec.definition.name, model, split, 'test', K)
  })
}

/** What the artefact says of its making, before there are weights. */
function describe(split: Split, { model, seed }: TrainSettings): Omit<ArtefactContent, 'tensors'> {
  const { log } = split
  const popular = popularItems(split)
  return {
    parts: [{ model: model.definition.name, options: model.options }],
    roles: log.roles,
    trained: trainedOn(split, popular.length, seed),
    scores: {},
    catalogue: log.catalogue,
    popular,
  }
}

function trainedOn({ name, log, trainEnd }: Split, items: number, seed: number): Trained {
  let [rows, users, first, last] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  trainEnd.forEach((end, user) => {
    const start = log.offsets[user]
    rows += end - start
    if (end === start) return
    users++
    first = Math.min(first, log.times[start])
    last = Math.max(last, log.times[end - 1])
  })
  const time = rows > 0 ? { time: { first, last, unit: log.unit } } : {}
  return { rows, users, items, ...time, split: name, seed, log: log.hash, precision: 'f32' }
}
