import { existsSync } from 'node:fs'
import { z } from 'zod/mini'
import { type ArtefactContent, writeArtefact } from '../artefact/artefact.ts'
import { loadArtefact } from '../artefact/file.ts'
import type { Scores } from '../artefact/schema.ts'
import type { Interactions } from '../data/interactions.ts'
import { FociError } from '../errors.ts'
import type { ReportRow } from '../evaluate/evaluate.ts'
import { replaceFile } from '../files/replace-file.ts'
import type { ModelSpec } from '../models/define.ts'
import { type Judge, scoreOf, trainingOfPart } from '../models/training.ts'
import type { Values } from '../tensor/kinds.ts'
import type { Progress } from './loop.ts'
import type { EpochReport, TrainSettings } from './settings.ts'

/** What the fit on the split came to; final weights have no figures but these. */
export interface Twin {
  /** On the test cases: the model, then the counting models. */
  readonly report: readonly ReportRow[]
  readonly scores: Scores
  /** What the model came to, or those that it is made of. */
  readonly fits: readonly Fitted[]
}

/** What a fit came to. */
export interface Fitted {
  /** Epochs and steps behind the best weights; absent where a model is counted. */
  readonly best?: { readonly epochs: number; readonly steps: number }
  readonly epochs: readonly EpochReport[]
}

/** Where a run stands between two steps. */
export interface Saved {
  readonly progress: Progress
  /** Once the final fit goes on. */
  readonly twin?: Twin
  /** The models of a composite that are fitted. */
  readonly fits: readonly Fitted[]
  readonly tensors: Readonly<Record<string, Values>>
}

const count = z.int().check(z.gte(0))
const epochs = z.array(
  z.object({
    model: z.optional(z.string()),
    epoch: z.int().check(z.gte(1)),
    loss: z.number(),
    validation: z.record(z.string(), z.number()),
    best: z.boolean(),
    seconds: z.number(),
  }),
)
const progressSchema: z.ZodMiniType<Progress> = z.strictObject({
  ...{ epoch: count, batch: count, step: count, loss: z.number(), bestEpoch: count, bestStep: count },
  bestScore: z.number(),
  epochs,
})
const fits = z.array(z.strictObject({ best: z.optional(z.strictObject({ epochs: count, steps: count })), epochs }))
const twinSchema = z.object({
  report: z.array(z.looseObject({ model: z.string(), users: count })).check(z.minLength(1)),
  scores: z.record(z.string(), z.looseObject({ users: count })),
  fits,
})

/** The file that holds a run's state between two steps: an artefact with the optimiser's moments and the best weights. */
export class Checkpoint {
  private readonly path: string
  private readonly run: string
  /** What the model is judged by, or those that it is made of. */
  private readonly judges: readonly Judge[]

  /** How long a run may go on is not part of what it is, and it can be resumed with more epochs or patience; unless its rate depends on them. */
  constructor(path: string, log: Interactions, { model, epochs, patience, ...others }: TrainSettings) {
    this.path = path
    this.judges = model.parts?.map((part) => trainingOfPart(part, others.given).judge) ?? [others.judge]
    const { schedule } = others
    const settings = { ...others, ...(schedule === 'cosine' && { epochs }), ...(schedule === 'plateau' && { patience }) }
    const ordered = Object.entries({ ...settings, model: namesOf(model), log: log.hash, roles: log.roles }).sort(([a], [b]) =>
      a < b ? -1 : 1,
    )
    this.run = JSON.stringify([ordered, model.options, ...(model.parts ?? []).map(({ options, training = {} }) => [options, training])])
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
    const progress = this.checked('progress', progressSchema, checkpoint.progress)
    const { epoch, step, bestEpoch, bestStep, bestScore, epochs: reports } = progress
    const done = checkpoint.fits === undefined ? [] : this.checked('fits', fits, parsed(checkpoint.fits))
    const judge = this.judges[done.length]
    const best = reports[bestEpoch - 1]?.validation[judge]
    if (bestEpoch > epoch || bestStep > step || reports.length > epoch) throw this.spoilt('progress')
    if (bestEpoch > 0 && bestScore !== scoreOf(judge, best)) throw this.spoilt('progress.bestScore')
    const run = { progress, fits: done as readonly Fitted[], tensors }
    if (checkpoint.twin === undefined) return run
    return { ...run, twin: this.checked('twin', twinSchema, parsed(checkpoint.twin)) as unknown as Twin }
  }

  private checked<T>(name: string, schema: z.ZodMiniType<T>, value: unknown): T {
    const result = schema.safeParse(value)
    if (result.success) return value as T // as it is: the schema would put its keys into another order
    throw this.spoilt([name, ...result.error.issues[0].path].join('.'))
  }

  private spoilt(place: string): FociError {
    return new FociError(
      'ARTEFACT',
      `${this.path} holds no run that can go on: its ${place} does not fit.`,
      'Remove the file to start anew.',
    )
  }

  async save(content: Omit<ArtefactContent, 'tensors'>, { progress, twin, fits: done, tensors }: Saved): Promise<void> {
    // As text, for canonical JSON would put the metrics of its report into another order
    const told = { ...(twin && { twin: JSON.stringify(twin) }), ...(done.length > 0 && { fits: JSON.stringify(done) }) }
    const state = JSON.parse(JSON.stringify(progress))
    const bytes = await writeArtefact({ ...content, tensors, checkpoint: { run: this.run, progress: state, ...told } })
    await replaceFile(this.path, bytes, true) // `train` holds its lock
  }
}

const namesOf = ({ definition, parts = [] }: ModelSpec): string =>
  [definition, ...parts.map((part) => part.definition)].map(({ name }) => name).join(' ')

/** Undefined where it is no JSON. */
function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return undefined
  }
}
