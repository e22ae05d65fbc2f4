import type { Precision } from '../engine/engine.ts'
import type { ModelSpec } from '../models/define.ts'
import type { Training } from '../models/training.ts'
import type { SplitName } from '../split/split.ts'

/** What a training run is: equal settings on equal logs give equal artefacts, byte for byte. */
export interface TrainSettings extends Training {
  readonly model: ModelSpec
  /** What of the training was asked for, in the place of what the files of models that one is made of say. */
  readonly given?: Partial<Training>
  readonly split: SplitName
  /** Keys initial values, order, masks and negatives; u32. */
  readonly seed: number
  /**
   * In what numbers a training step multiplies where most of its time goes; sums, weights and all the rest are f32. `bf16` is
   * faster where the CPU has it, and a little less exact. Elsewhere it is f32, and the artefact says which it was.
   */
  readonly precision: Precision
  /**
   * Chooses the number of steps on the split, then fits a fresh model on all rows for as many. The figures are those of
   * its twin, which the split chose them with: nothing is left to judge the final weights by.
   */
  readonly final: boolean
}

export interface TrainOptions extends Partial<Omit<TrainSettings, 'given'>> {
  readonly model: ModelSpec
  /** Module that exports the model, where the registry does not have it: the training thread imports it. */
  readonly module?: URL | string
  /** Counting models that the report stands beside; `popularity()` and `markov()` where absent. */
  readonly baselines?: readonly ModelSpec[]
  /** Called after each epoch. */
  readonly onEpoch?: (epoch: EpochReport) => void
  /** Called after each epoch of the fit on all rows, where `final` asks for it. */
  readonly onFinalEpoch?: (epoch: FinalEpochReport) => void
  /** Called after training steps, at most every 100 ms where a worker trains. */
  readonly onStep?: (step: StepReport) => void
  /** Stops the run between two steps with ABORTED, after a checkpoint where one is kept. */
  readonly signal?: AbortSignal
  /** File that holds the state of the run: written after every epoch and on abort, removed once the artefact is saved. */
  readonly checkpoint?: string
  /** Goes on from `checkpoint` where it exists and belongs to the same run. */
  readonly resume?: boolean
}

export interface StepReport {
  /** Whether this is the fit on all rows. */
  readonly final: boolean
  /** From 1. */
  readonly epoch: number
  /** Of the steps of the epoch; in the final fit, of all its steps. */
  readonly step: number
  readonly steps: number
}

/** An epoch of the fit on all rows; the last one ends where the steps do. */
export interface FinalEpochReport extends StepReport {
  readonly final: true
  /** Mean training loss. */
  readonly loss: number
  readonly seconds: number
}

export interface EpochReport {
  /** Which model it is of, where one is made of several. */
  readonly model?: string
  /** From 1. */
  readonly epoch: number
  /** Mean training loss. */
  readonly loss: number
  /** On the validation cases, judged as served: hr@10, ndcg@10 and mrr@10, and what the run is judged by; or auc, gauc and logloss. */
  readonly validation: Readonly<Record<string, number>>
  /** Whether this is the best epoch so far. */
  readonly best: boolean
  readonly seconds: number
}
