import { epochBatches, type TrainingBatch, windows } from '../data/batches.ts'
import type { Split } from '../data/split.ts'
import type { Engine } from '../engine/engine.ts'
import { FociError } from '../errors.ts'
import { findTargets, means } from '../evaluate/evaluate.ts'
import type { Batch, Encoder } from '../models/contracts.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { Values, Variables } from '../tensor/variables.ts'
import { Adam } from './optimiser.ts'
import type { EpochReport, StepReport, TrainSettings } from './options.ts'
import { trainStep } from './step.ts'

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
  bestScore: number
  epochs: EpochReport[]
}

export interface LoopHooks {
  onEpoch?(epoch: EpochReport): void
  onStep?(step: StepReport): void
  /** Asked between steps. */
  aborted?(): boolean
  /** Given the run's whole state after each epoch and on abort. */
  save?(progress: Progress, values: Record<string, Values>): void | Promise<void>
  /** Awaited between steps, where training shares its thread. */
  pause?(): Promise<void>
}

/** Length of the lists that training judges itself by. */
export const K = 10
const BEST = 'best.'

/**
 * Trains an encoder until its validation NDCG@10 stops rising, and leaves the best epoch's values in its variables.
 * @throws FociError ABORTED, NON_FINITE
 */
export class Loop {
  readonly progress: Progress = { epoch: 0, batch: 0, step: 0, loss: 0, bestEpoch: 0, bestScore: -1, epochs: [] }
  private readonly engine: Engine
  private readonly model: Encoder
  private readonly variables: Variables
  private readonly split: Split
  private readonly settings: TrainSettings
  private readonly hooks: LoopHooks
  private readonly optimiser: Adam
  private best: Record<string, Values> = {}

  constructor(engine: Engine, model: Encoder, variables: Variables, split: Split, settings: TrainSettings, hooks: LoopHooks) {
    this.engine = engine
    this.model = model
    this.variables = variables
    this.split = split
    this.settings = settings
    this.hooks = hooks
    this.optimiser = new Adam(engine, variables.all, settings)
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
    const { epochs, patience } = this.settings
    const batches = windows(this.split, this.model.maxLength)
    if (batches.users.length === 0) {
      throw new FociError('DATA', 'No user has two training rows, so there is nothing to learn.', 'Give a log with longer histories.')
    }
    while (this.progress.epoch < epochs && this.progress.epoch - this.progress.bestEpoch < patience) await this.epoch(batches)
    if (this.progress.bestEpoch > 0) this.variables.restore(this.best)
  }

  [Symbol.dispose](): void {
    this.optimiser[Symbol.dispose]()
  }

  private async epoch(rows: ReturnType<typeof windows>): Promise<void> {
    const started = performance.now()
    const { progress } = this
    const steps = Math.ceil(rows.users.length / this.settings.batch)
    const order = { size: this.settings.batch, seed: this.settings.seed, epoch: progress.epoch }
    let index = 0
    for (const batch of epochBatches(rows, order)) {
      if (index++ < progress.batch) continue
      if (this.hooks.aborted?.()) await this.abort()
      progress.loss += this.step(batch)
      progress.batch++
      this.hooks.onStep?.({ epoch: progress.epoch + 1, step: progress.batch, steps })
      await this.hooks.pause?.()
    }
    this.close(steps, (performance.now() - started) / 1000)
    await this.save()
  }

  private step(rows: TrainingBatch): number {
    const { seed } = this.settings
    const step = this.progress.step++
    const batch = (): Batch => ({
      histories: { items: Tensor.int32(this.engine, rows.items), offsets: Tensor.int32(this.engine, rows.offsets), times: rows.times },
      requests: {},
      targets: Tensor.int32(this.engine, rows.targets),
      draw: { seed, step },
    })
    try {
      return trainStep(this.engine, this.model, this.optimiser, batch)
    } catch (error) {
      if (!(error instanceof FociError && error.code === 'NON_FINITE')) throw error
      throw new FociError('NON_FINITE', `Step ${step + 1}: ${error.message}`, error.hint, { cause: error })
    }
  }

  /** Validates, remembers the best values, reports. */
  private close(steps: number, seconds: number): void {
    const { progress } = this
    this.checkWeights()
    const found = findTargets(this.engine, this.model, this.split, this.split.validation, K)
    const validation = means(found, K) as EpochReport['validation']
    const best = validation['ndcg@10'] > progress.bestScore
    const report = { epoch: progress.epoch + 1, loss: progress.loss / steps, validation, best, seconds }
    progress.epoch++
    if (best) {
      this.best = this.variables.values()
      Object.assign(progress, { bestEpoch: progress.epoch, bestScore: validation['ndcg@10'] })
    }
    progress.epochs.push(report)
    Object.assign(progress, { batch: 0, loss: 0 })
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
    throw new FociError('ABORTED', `Training stopped in epoch ${this.progress.epoch + 1}.`, 'Train again with resume to go on from there.')
  }

  private async save(): Promise<void> {
    if (!this.hooks.save) return
    const best = Object.entries(this.best).map(([name, value]) => [`${BEST}${name}`, value] as const)
    await this.hooks.save(this.progress, { ...this.variables.values(), ...this.optimiser.state(), ...Object.fromEntries(best) })
  }
}
