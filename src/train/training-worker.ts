import { parentPort, workerData } from 'node:worker_threads'
import { catalogueOf } from '../data/catalogue.ts'
import type { Interactions } from '../data/interactions.ts'
import { selectEngine } from '../engine/select.ts'
import { type Failure, FociError, toFailure } from '../errors.ts'
import { assemble, type ModelDefinition, type ModelSpec, specify } from '../models/define.ts'
import { definitionOf, definitions } from '../models/registry.ts'
import type { Training } from '../models/training.ts'
import { type JobResult, runJob } from './job.ts'
import type { EpochReport, FinalEpochReport, StepReport, TrainSettings } from './settings.ts'

/** A model as it crosses: found again by its name. */
export interface NamedModel {
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
  readonly training?: Partial<Training>
  readonly parts: readonly NamedModel[]
}

/** A job as it crosses to the worker: no functions, and the log's columns in shared memory. */
export interface Order {
  readonly log: Omit<Interactions, 'catalogue'> & {
    readonly catalogue: Pick<Interactions['catalogue'], 'ids' | 'titles' | 'categories' | 'columns'>
  }
  readonly settings: Omit<TrainSettings, 'model'> & { readonly model: NamedModel }
  readonly baselines: readonly NamedModel[]
  /** Module that exports a model which is not in the registry. */
  readonly module?: string
  readonly checkpoint?: string
  readonly resume: boolean
  /** Not 0: stop between two steps. */
  readonly stop: Int32Array
}

export type Message =
  | { readonly type: 'epoch'; readonly epoch: EpochReport }
  | { readonly type: 'final epoch'; readonly epoch: FinalEpochReport }
  | { readonly type: 'step'; readonly step: StepReport }
  | { readonly type: 'done'; readonly result: JobResult }
  | ({ readonly type: 'failed' } & Failure)

/** Steps are reported at most this often, in milliseconds. */
const STEP_INTERVAL = 100

if (parentPort) work(workerData as Order, (message, transfer) => parentPort?.postMessage(message, transfer))

async function work(order: Order, post: (message: Message, transfer?: ArrayBuffer[]) => void): Promise<void> {
  let reported = 0
  const onStep = (step: StepReport): void => {
    if (performance.now() - reported < STEP_INTERVAL) return
    reported = performance.now()
    post({ type: 'step', step })
  }
  try {
    const { ids, titles, categories, columns } = order.log.catalogue
    const log: Interactions = { ...order.log, catalogue: catalogueOf(ids, titles, categories, columns) }
    const { module, checkpoint, resume } = order
    const settings = { ...order.settings, model: await findModel(order.settings.model, module) }
    const baselines = await Promise.all(order.baselines.map((each) => findModel(each, module)))
    const hooks = {
      onStep,
      onEpoch: (epoch: EpochReport) => post({ type: 'epoch', epoch }),
      onFinalEpoch: (epoch: FinalEpochReport) => post({ type: 'final epoch', epoch }),
      aborted: () => Atomics.load(order.stop, 0) !== 0,
    }
    const result = await runJob(await selectEngine(), { log, settings, baselines, checkpoint, resume }, hooks)
    post({ type: 'done', result }, [result.artefact.buffer])
  } catch (error) {
    post({ type: 'failed', ...toFailure(error) })
  }
}

async function findModel({ name, options, training, parts }: NamedModel, module: string | undefined): Promise<ModelSpec> {
  const spec = specify(await definitionNamed(name, module), options, training)
  return assemble(spec, await Promise.all(parts.map((part) => findModel(part, module))))
}

async function definitionNamed(name: string, module: string | undefined): Promise<ModelDefinition> {
  if (module === undefined || definitions.some((definition) => definition.name === name)) return definitionOf(name)
  const exported: Partial<Record<'definition', ModelDefinition>>[] = Object.values(await import(module))
  const definition = exported.map((value) => value?.definition).find((found) => found?.name === name)
  if (!definition) throw new FociError('UNKNOWN', `${module} exports no model "${name}".`, 'Export what defineModel returns.')
  return definition
}
