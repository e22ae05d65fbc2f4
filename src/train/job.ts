import { type ArtefactContent, writeArtefact } from '../artefact/artefact.ts'
import type { Trained } from '../artefact/schema.ts'
import type { Interactions } from '../data/interactions.ts'
import type { Engine, Precision } from '../engine/engine.ts'
import { Profile, type ProfileReport } from '../engine/profile.ts'
import { FociError } from '../errors.ts'
import { evaluate, type ReportRow } from '../evaluate/evaluate.ts'
import { K } from '../evaluate/judged.ts'
import { type BuiltModel, buildSpec, type ModelSpec, needsOf } from '../models/define.ts'
import { trainingOf } from '../models/training.ts'
import { checkNeeds } from '../recommend/log-view.ts'
import { servedOn } from '../recommend/served.ts'
import { cutLog } from '../split/cut.ts'
import { everyRow, type Split } from '../split/split.ts'
import type { Values } from '../tensor/kinds.ts'
import { Variables } from '../tensor/variables.ts'
import { Checkpoint, type Saved, type Twin } from './checkpoint.ts'
import { describe } from './describe.ts'
import { type Fitting, fit } from './fit.ts'
import type { LoopHooks } from './loop.ts'
import type { EpochReport, TrainSettings } from './settings.ts'

/** All that a training thread is given. */
export interface Job {
  readonly log: Interactions
  /** What the run is reported beside. */
  readonly baselines?: readonly ModelSpec[]
  readonly settings: TrainSettings
  readonly checkpoint?: string
  readonly resume: boolean
}

export interface JobResult {
  readonly artefact: Uint8Array<ArrayBuffer>
  /** On the test cases: the model, then the counting models. */
  readonly report: readonly ReportRow[]
  readonly epochs: readonly EpochReport[]
  /** What it was trained in. */
  readonly precision: Precision
  /** Where the time of the steps went; only under FOCI_PROFILE=1. */
  readonly profile?: ProfileReport
}

/** A job at work. */
interface Work extends Fitting {
  readonly baselines: readonly ModelSpec[]
  readonly split: Split
}

/** Trains, evaluates beside the counting models, and writes the artefact. @throws FociError ABORTED, NON_FINITE, RESUME … */
export async function runJob(plain: Engine, job: Job, others: Omit<LoopHooks, 'save'>): Promise<JobResult> {
  const profile = process.env.FOCI_PROFILE === '1' ? new Profile(plain) : undefined
  const [engine, hooks] = [profile?.engine ?? plain, { ...others, profile }]
  const { log, baselines = [] } = job
  const settings = { ...job.settings, precision: precisionOn(engine, job.settings.precision) }
  checkNeeds(log, needsOf(settings.model), settings.model.definition.name)
  const split = cutLog(log, settings.split)
  if (split.test.users.length === 0) throw untestable(split)
  const checkpoint = job.checkpoint === undefined ? undefined : new Checkpoint(job.checkpoint, log, settings)
  const work = { engine, baselines, settings, split, checkpoint, hooks }
  const saved = await checkpoint?.open(job.resume)
  const result = await (settings.final ? trainFinal(work, saved) : trainOnSplit(work, saved))
  return { ...result, precision: settings.precision, profile: profile?.report() }
}

function precisionOn(engine: Engine, wanted: Precision): Precision {
  const has = engine.usePrecision(wanted)
  engine.usePrecision('f32')
  return has ? wanted : 'f32'
}

type Outcome = Omit<JobResult, 'precision' | 'profile'>

async function trainOnSplit(work: Work, saved?: Saved): Promise<Outcome> {
  const { twin, tensors } = await fitOnSplit(work, saved)
  const { trained, ...content } = describe(work.split, work.settings)
  return finish(twin, { ...content, trained: { ...trained, ...stepsOf(twin, work.settings) }, scores: twin.scores, tensors })
}

/** First the twin, on the split; then all rows, for as many steps. */
async function trainFinal(work: Work, saved?: Saved): Promise<Outcome> {
  const twin = saved?.twin ?? (await fitOnSplit(work, saved)).twin
  const split = everyRow(work.split)
  const { trained, ...rest } = describe(split, work.settings)
  const { epochs: _, ...steps } = stepsOf(twin, work.settings)
  const content = { ...rest, trained: { ...trained, ...steps, final: true }, scores: twin.scores }
  using variables = new Variables(work.engine, { seed: work.settings.seed })
  const built = build(work.engine, work.settings.model, split, variables)
  await fit(work, built, { split, content, saved: saved?.twin && saved, twin })
  stopIfAborted(work.hooks)
  return finish(twin, { ...content, tensors: variables.values() })
}

/** How steps were taken, of all models that took some. */
function stepsOf({ fits }: Twin, settings: TrainSettings): Pick<Trained, 'epochs' | 'steps' | 'training'> {
  const taken = fits.flatMap(({ best }) => best ?? [])
  const sum = (of: 'epochs' | 'steps'): number => taken.reduce((total, each) => total + each[of], 0)
  return taken.length > 0 ? { epochs: sum('epochs'), steps: sum('steps'), training: { ...trainingOf(settings) } } : {}
}

async function finish({ report, fits }: Twin, content: ArtefactContent): Promise<Outcome> {
  return { artefact: await writeArtefact(content), report, epochs: fits.flatMap(({ epochs }) => epochs) }
}

/** Fits on the training rows of the split, and judges by the others. */
async function fitOnSplit(work: Work, saved?: Saved): Promise<{ twin: Twin; tensors: Record<string, Values> }> {
  const { engine, settings, split, hooks } = work
  using variables = new Variables(engine, { seed: settings.seed })
  const built = build(engine, settings.model, split, variables)
  const fits = await fit(work, built, { split, content: describe(split, settings), saved })
  const judge = (model: BuiltModel, on: ReportRow['on']): ReportRow => {
    stopIfAborted(hooks)
    return evaluate(servedOn(engine, split, model), split, on, K)
  }
  const own = [judge(built, 'validation'), judge(built, 'test')]
  const scores = Object.fromEntries(own.map(({ on, users, metrics }) => [on, { users, metrics }]))
  // A composite stands beside those that it is made of, where they can search
  const alone = built.parts.filter(({ model }) => model.best).map((part) => judge(part, 'test'))
  return { twin: { report: [own[1], ...alone, ...baselineRows(work)], scores, fits }, tensors: variables.values() }
}

function build(engine: Engine, spec: ModelSpec, { log }: Split, variables: Variables): BuiltModel {
  const { catalogue, users: ids, userColumns: columns } = log
  return buildSpec(spec, { engine, items: catalogue.size, catalogue, users: { ids, columns }, variables })
}

/** Counting models stand in every table: a neural model below them is a bug or undertrained. */
function baselineRows({ engine, baselines, settings, split }: Work): ReportRow[] {
  const { model } = settings
  const own = [model, ...(model.parts ?? [])].map(({ definition }) => definition.name)
  const others = baselines.filter(({ definition }) => !own.includes(definition.name))
  return others.map((spec) => {
    using variables = new Variables(engine, { seed: 0 })
    const built = build(engine, spec, split, variables)
    const { learner } = built.model
    if (learner.by !== 'counting') throw needsSteps(spec)
    learner.fit(split)
    return evaluate(servedOn(engine, split, built), split, 'test', K)
  })
}

function stopIfAborted({ aborted }: Pick<LoopHooks, 'aborted'>): void {
  if (aborted?.())
    throw new FociError('ABORTED', 'Training stopped before its artefact was written.', 'Train again with resume to go on from there.')
}

function untestable({ log }: Split): FociError {
  const message = `None of the ${log.users.length} users has three rows: one to learn from, one to validate on, one to test on.`
  return new FociError('DATA', message, 'Give a log with longer histories.')
}

function needsSteps({ definition: { name } }: ModelSpec): FociError {
  return new FociError('OPTION', `${name} takes training steps, and a baseline is counted.`, 'Train it in a run of its own.')
}
