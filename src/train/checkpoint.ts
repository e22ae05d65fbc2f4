import { existsSync } from 'node:fs'
import { type ArtefactContent, writeArtefact } from '../artefact/artefact.ts'
import { loadArtefact } from '../artefact/file.ts'
import type { Scores } from '../artefact/schema.ts'
import type { Interactions } from '../data/interactions.ts'
import { replaceFile } from '../data/replace-file.ts'
import { FociError } from '../errors.ts'
import type { ReportRow } from '../evaluate/evaluate.ts'
import type { Values } from '../tensor/kinds.ts'
import type { Progress } from './loop.ts'
import type { EpochReport, TrainSettings } from './options.ts'

/** What the fit on the split came to; final weights have no figures but these. */
export interface Twin {
  /** On the test cases: the model, then the counting models. */
  readonly report: readonly ReportRow[]
  readonly scores: Scores
  readonly epochs: readonly EpochReport[]
  /** Epochs and steps behind the best weights; absent where a model is counted. */
  readonly best?: { readonly epochs: number; readonly steps: number }
}

/** Where a run stands between two steps. */
export interface Saved {
  readonly progress: Progress
  /** Once the final fit goes on. */
  readonly twin?: Twin
  readonly tensors: Readonly<Record<string, Values>>
}

/** The file that holds a run's state between two steps: an artefact with the optimiser's moments and the best weights. */
export class Checkpoint {
  private readonly path: string
  private readonly run: string

  /** How long a run may go on is not part of what it is: it can be resumed with more epochs or patience. */
  constructor(path: string, log: Interactions, { model, epochs: _, patience: __, ...settings }: TrainSettings) {
    this.path = path
    const ordered = Object.entries({ ...settings, model: model.definition.name, log: log.hash, roles: log.roles }).sort(([a], [b]) =>
      a < b ? -1 : 1,
    )
    this.run = JSON.stringify([ordered, model.options])
  }

  /**
   * Where the run stood, if there is a file.
   * @throws FociError RESUME where it holds another run, or nobody asks to go on with it: its state would be lost; ARTEFACT
   */
  async open(resume: boolean): Promise<Saved | undefined> {
    if (!existsSync(this.path)) return undefined
    if (!resume)
      throw new FociError('RESUME', `${this.path} holds an unfinished run.`, 'Go on from it with resume, or remove it to start anew.')
    const { checkpoint, tensors } = await loadArtefact(this.path)
    if (checkpoint?.run !== this.run) {
      const message = `${this.path} belongs to a run on another log, or with other settings.`
      throw new FociError(
        'RESUME',
        message,
        'Resume with the settings and event roles it was started with, or remove the file to start anew.',
      )
    }
    const { progress, twin } = checkpoint
    return { progress: progress as unknown as Progress, ...(typeof twin === 'string' && { twin: JSON.parse(twin) }), tensors }
  }

  async save(content: Omit<ArtefactContent, 'tensors'>, { progress, twin, tensors }: Saved): Promise<void> {
    // As text, for canonical JSON would put the metrics of its report into another order
    const told = twin && { twin: JSON.stringify(twin) }
    const state = JSON.parse(JSON.stringify(progress))
    const bytes = await writeArtefact({ ...content, tensors, checkpoint: { run: this.run, progress: state, ...told } })
    await replaceFile(this.path, bytes, true) // `train` holds its lock
  }
}
