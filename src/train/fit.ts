import type { ArtefactContent } from '../artefact/artefact.ts'
import type { Engine } from '../engine/engine.ts'
import type { BuiltModel, ModelSpec } from '../models/define.ts'
import { type Training, trainingOfPart } from '../models/training.ts'
import { servedOn } from '../recommend/served.ts'
import type { Split } from '../split/split.ts'
import type { Checkpoint, Fitted, Saved, Twin } from './checkpoint.ts'
import { Loop, type LoopHooks } from './loop.ts'
import type { EpochReport, TrainSettings } from './settings.ts'

/** What a model is fitted with. */
export interface Fitting {
  readonly engine: Engine
  readonly settings: TrainSettings
  readonly checkpoint: Checkpoint | undefined
  readonly hooks: Omit<LoopHooks, 'save'>
}

/** What it is fitted on, and from where it goes on; after its `twin`, for as many steps. */
export interface FitOptions {
  readonly split: Split
  readonly content: Omit<ArtefactContent, 'tensors'>
  readonly saved?: Saved
  readonly twin?: Twin
}

/**
 * Fits a model, or in their order those that it is made of.
 * @returns what each came to
 */
export async function fit(fitting: Fitting, built: BuiltModel, options: FitOptions): Promise<readonly Fitted[]> {
  const { settings } = fitting
  if (built.parts.length === 0) return [await fitOne(fitting, built, options, [], settings)]
  const fits: Fitted[] = []
  for (const [i, part] of built.parts.entries()) {
    const spec = settings.model.parts?.[i] as ModelSpec
    const own = { ...settings, ...trainingOfPart(spec, settings.given) }
    const done = options.saved?.fits[i]
    if (done) resume(part, options, done)
    fits.push(done ?? (await fitOne(ofPart(fitting, i), part, options, built.parts.slice(0, i), own, fits)))
  }
  return fits
}

/** Takes what a part came to before the run was stopped; what is counted is counted again. */
function resume({ model: { learner }, variables }: BuiltModel, { split, saved }: FitOptions, { best }: Fitted): void {
  if (learner.by === 'counting') learner.fit(split)
  else if (best && saved) variables.restore(saved.tensors)
}

/** The reports of a part say which it is. */
function ofPart({ hooks, ...fitting }: Fitting, part: number): Fitting {
  const model = fitting.settings.model.parts?.[part].definition.name
  const named = <R extends object>(report: R): R => ({ ...report, model })
  return {
    ...fitting,
    hooks: {
      ...hooks,
      onEpoch: hooks.onEpoch && ((report) => hooks.onEpoch?.(named(report))),
      onFinalEpoch: hooks.onFinalEpoch && ((report) => hooks.onFinalEpoch?.(named(report))),
    },
  }
}

/** @param before the parts that are fitted, and `fits` what they came to: a checkpoint has them too */
async function fitOne(
  { engine, checkpoint, hooks }: Fitting,
  built: BuiltModel,
  { split, content, saved, twin }: FitOptions,
  before: readonly BuiltModel[],
  settings: TrainSettings & Training,
  fits: readonly Fitted[] = [],
): Promise<Fitted> {
  const { learner } = built.model
  if (learner.by === 'parts') throw new TypeError('a composite of composites is refused before')
  if (learner.by === 'counting') {
    learner.fit(split)
    return { epochs: [] }
  }
  learner.count?.(split)
  const done = (): Record<string, unknown> => Object.assign({}, ...before.map(({ variables }) => variables.values()))
  const save: LoopHooks['save'] =
    checkpoint &&
    ((progress, tensors) => checkpoint.save(content, { progress, twin, fits, tensors: { ...done(), ...tensors } as typeof tensors }))
  const after = twin?.fits[fits.length]
  using loop = new Loop(
    servedOn(engine, split, built),
    learner,
    built.variables,
    split,
    settings,
    { ...hooks, save },
    after && afterOf(after),
  )
  if (saved) loop.restore(saved.progress, saved.tensors)
  await loop.run()
  const { bestEpoch, bestStep, epochs } = loop.progress
  return { best: { epochs: bestEpoch, steps: bestStep }, epochs }
}

const afterOf = ({ best, epochs }: Fitted): { readonly steps?: number; readonly epochs: readonly EpochReport[] } => ({
  steps: best?.steps,
  epochs,
})
