import type { Draw } from '../data/random.ts'
import type { Engine } from '../engine/engine.ts'
import type { Profile } from '../engine/profile.ts'
import { FociError } from '../errors.ts'
import { judged } from '../evaluate/judged.ts'
import type { ExampleSet } from '../examples/examples.ts'
import { scoreOf } from '../models/training.ts'
import type { Served } from '../recommend/served.ts'
import type { Split } from '../split/split.ts'
import { stepsOf, type Windows, windows } from '../split/windows.ts'
import type { Values } from '../tensor/kinds.ts'
import type { Variables } from '../tensor/variables.ts'
import { Optimiser } from './optimiser.ts'
import { rateAt } from './schedule.ts'
import type { EpochReport, FinalEpochReport, StepReport, TrainSettings } from './settings.ts'
import { type Learning, trainStep } from './step.ts'

/** Where a run stands between two steps; with the values, all that it needs to go on. */
export interface Progress {
  /** Epochs done. */
  epoch: number
  /** Steps of the current epoch done. */
  batch: number
  /** Steps done in all. */
  step: number
  /** Σ of the current epoch's losses. */
  loss: number
  bestEpoch: number
  /** Steps behind the best values. */
  bestStep: number
  bestScore: number
  epochs: EpochReport[]
}

export interface LoopHooks {
  onEpoch?(epoch: EpochReport): void
  onFinalEpoch?(epoch: FinalEpochReport): void
  onStep?(step: StepReport): void
  /** Asked between steps. */
  aborted?(): boolean
  /** Given the run's whole state after each epoch and on abort. */
  save?(progress: Progress, values: Record<string, Values>): void | Promise<void>
  /** Watches the steps. */
  profile?: Profile
  /** Awaited between steps, where training shares its thread. */
  pause?(): Promise<void>
}

/** What a step learns from, and what it draws by. */
interface StepExamples {
  readonly examples: ExampleSet
  readonly draw: Draw
  readonly history: Int32Array
}

/** The fit that this one follows: how many steps it took to its best, and what its epochs came to. */
export interface After {
  readonly steps?: number
  readonly epochs: readonly EpochReport[]
}

const BEST = 'best.'

/**
 * Trains a model until its validation stops getting better, and leaves the best epoch's values in its variables. Told how
 * many steps to go, it goes exactly so many and validates nothing.
 * @throws FociError ABORTED, NON_FINITE
 */
export class Loop {
  readonly progress: Progress = { epoch: 0, batch: 0, step: 0, loss: 0, bestEpoch: 0, bestStep: 0, bestScore: -1, epochs: [] }
  private readonly engine: Engine
  private readonly served: Served
  private readonly learning: Learning
  private readonly variables: Variables
  private readonly split: Split
  private readonly settings: TrainSettings
  private readonly hooks: LoopHooks
  private readonly steps: number | undefined
  private readonly after: After | undefined
  private readonly optimiser: Optimiser
  private readonly negatives: number
  private best: Record<string, Values> = {}

  constructor(
    served: Served,
    learner: Learning['learner'],
    variables: Variables,
    split: Split,
    settings: TrainSettings,
    hooks: LoopHooks,
    after?: After,
  ) {
    this.engine = served.engine
    this.served = served
    this.learning = { learner, needs: served.needs, log: split.log }
    this.variables = variables
    this.split = split
    this.settings = settings
    this.hooks = hooks
    this.steps = after?.steps
    this.after = after
    const parameters = variables.all.filter(({ learns }) => learns)
    this.optimiser = new Optimiser(served.engine, parameters, settings)
    this.negatives = learner.negatives ?? 1
  }

  /** Goes on from a saved state instead of the start. */
  restore(progress: Progress, values: Readonly<Record<string, Values>>): void {
    Object.assign(this.progress, progress)
    this.variables.restore(values)
    this.optimiser.restore(values, progress.step)
    const best = Object.entries(values).filter(([name]) => name.startsWith(BEST))
    this.best = Object.fromEntries(best.map(([name, value]) => [name.slice(BEST.length), value]))
  }

  async run(): Promise<void> {
    const rows = windows(this.split, this.served.model.maxLength)
    if (rows.users.length === 0) {
      throw new FociError('DATA', 'No user has two training rows, so there is nothing to learn.', 'Give a log with longer histories.')
    }
    while (!this.isDone()) await this.epoch(rows)
    if (this.progress.bestEpoch > 0) this.variables.restore(this.best)
  }

  [Symbol.dispose](): void {
    this.optimiser[Symbol.dispose]()
  }

  /** Of the epochs so far; in the final fit those of the twin. */
  private get reports(): readonly EpochReport[] {
    return this.after?.epochs ?? this.progress.epochs
  }

  private isDone(): boolean {
    const { epoch, step, bestEpoch } = this.progress
    if (this.steps !== undefined) return step >= this.steps
    return epoch >= this.settings.epochs || epoch - bestEpoch >= this.settings.patience
  }

  private async epoch(rows: Windows): Promise<void> {
    const started = performance.now()
    const { progress } = this
    const perEpoch = Math.ceil(rows.users.length / this.settings.batch)
    const order = { size: this.settings.batch, seed: this.settings.seed, epoch: progress.epoch }
    const steps = this.examples(rows, stepsOf(rows, order), progress.batch)
    for (const { examples, draw } of this.hooks.profile?.epoch(steps) ?? steps) {
      if (progress.step === this.steps) break
      if (this.hooks.aborted?.()) await this.abort()
      progress.loss += this.step(examples, draw, progress.epoch + progress.batch / perEpoch)
      progress.batch++
      this.reportStep(perEpoch)
      await this.hooks.pause?.()
    }
    this.close((performance.now() - started) / 1000)
    await this.save()
  }

  /** What the steps of an epoch learn from, without those that were taken. */
  private *examples(rows: Windows, steps: Iterable<Int32Array>, taken: number): Generator<StepExamples> {
    const { progress, settings, learning } = this
    let index = 0
    for (const chosen of steps) {
      if (index++ < taken) continue
      const draw = { seed: settings.seed, step: progress.step, epoch: progress.epoch }
      const examples = learning.learner.examples(rows, chosen, draw)
      yield { examples, draw, history: examples.history }
    }
  }

  private reportStep(perEpoch: number): void {
    const { epoch, batch, step } = this.progress
    const of = this.steps === undefined ? { step: batch, steps: perEpoch } : { step, steps: this.steps }
    this.hooks.onStep?.({ final: this.steps !== undefined, epoch: epoch + 1, ...of })
  }

  private step(examples: ExampleSet, draw: Draw, epoch: number): number {
    const step = this.progress.step++
    try {
      const learningRate = rateAt(this.settings, { epoch, reports: this.reports })
      const moving = { optimiser: this.optimiser, learningRate }
      return trainStep(this.engine, this.learning, moving, examples, { draw, precision: this.settings.precision })
    } catch (error) {
      if (!(error instanceof FociError && error.code === 'NON_FINITE')) throw error
      throw new FociError('NON_FINITE', `Step ${step + 1}: ${error.message}`, error.hint, { cause: error })
    }
  }

  /** Ends an epoch, and reports it. */
  private close(seconds: number): void {
    const { progress, steps } = this
    this.checkWeights()
    const report = { epoch: progress.epoch + 1, loss: progress.loss / progress.batch, seconds }
    Object.assign(progress, { epoch: progress.epoch + 1, batch: 0, loss: 0 })
    if (steps === undefined) this.validate(report)
    else this.hooks.onFinalEpoch?.({ final: true, ...report, step: progress.step, steps })
  }

  /** Remembers the values where they are the best so far. */
  private validate(epoch: Pick<EpochReport, 'epoch' | 'loss' | 'seconds'>): void {
    const { progress } = this
    const { judge } = this.settings
    const validation = judged(this.served, this.split, judge, this.negatives)
    const score = scoreOf(judge, validation[judge])
    const best = progress.bestEpoch === 0 || score > progress.bestScore
    if (best) {
      this.best = this.variables.values()
      Object.assign(progress, { bestEpoch: progress.epoch, bestStep: progress.step, bestScore: score })
    }
    const report = { ...epoch, validation, best }
    progress.epochs.push(report)
    this.hooks.onEpoch?.(report)
  }

  /** A loss tells of the weights before its step alone. */
  private checkWeights(): void {
    const bad = this.variables.all.find((variable) => this.engine.finite(variable.id) === 0)
    if (!bad) return
    const message = `Step ${this.progress.step}: the variable "${bad.name}" [${bad.shape.join(', ')}] is no longer finite after adam.`
    throw new FociError('NON_FINITE', message, 'Lower the learning rate, or clip the gradients; start anew, without the checkpoint.')
  }

  private async abort(): Promise<never> {
    await this.save()
    const phase = this.steps === undefined ? '' : ' of the final fit'
    throw new FociError(
      'ABORTED',
      `Training stopped in epoch ${this.progress.epoch + 1}${phase}.`,
      'Train again with resume to go on from there.',
    )
  }

  private async save(): Promise<void> {
    if (!this.hooks.save) return
    const best = Object.entries(this.best).map(([name, value]) => [`${BEST}${name}`, value] as const)
    await this.hooks.save(this.progress, { ...this.variables.values(), ...this.optimiser.state(), ...Object.fromEntries(best) })
  }
}
