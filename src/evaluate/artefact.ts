import { type Artefact, readArtefact } from '../artefact/artefact.ts'
import { loadArtefact } from '../artefact/file.ts'
import { cutLog } from '../data/cut.ts'
import type { EventRoles, Interactions } from '../data/interactions.ts'
import type { Engine } from '../engine/engine.ts'
import { selectEngine } from '../engine/select.ts'
import { FociError } from '../errors.ts'
import type { ModelDefinition } from '../models/define.ts'
import { buildModel } from '../recommend/build.ts'
import { evaluate, type ReportRow } from './evaluate.ts'

export interface EvaluateOptions {
  readonly on?: 'test' | 'validation'
  /** Length of the lists that are judged; 10 where absent. */
  readonly k?: number
  readonly engine?: Engine
  /** Roles of the event types; the artefact's where absent. */
  readonly roles?: EventRoles
  /** Definitions of models that are not foci's own. */
  readonly models?: readonly ModelDefinition[]
}

/**
 * An artefact's figures on a log, cut as in its training.
 * @param source path of an artefact, its bytes, or what was read from them
 * @throws FociError FILE; ARTEFACT, also for one whose weights are final; OPTION; DATA where the log's items are not those of the artefact
 */
export async function evaluateArtefact(
  source: string | Uint8Array | Artefact,
  log: Interactions,
  options: EvaluateOptions = {},
): Promise<ReportRow> {
  const { on = 'test', k = 10 } = options
  if (!(Number.isInteger(k) && k >= 1)) throw new FociError('OPTION', `k is ${k}.`, 'It is a whole number from 1.')
  const artefact = await artefactOf(source)
  refuseFinal(artefact)
  checkCatalogue(artefact, log)
  const engine = options.engine ?? (await selectEngine())
  const { model, variables } = buildModel(engine, artefact, options.models)
  try {
    const split = cutLog({ ...log, roles: options.roles ?? artefact.roles }, artefact.trained.split)
    return evaluate(engine, artefact.parts[0].model, model, split, on, k)
  } finally {
    variables[Symbol.dispose]()
  }
}

/** @throws FociError ARTEFACT where the weights have seen the rows that they would be judged by */
export function refuseFinal({ trained, checkpoint }: Artefact): void {
  if (!trained.final || checkpoint) return
  const message = 'The weights of this artefact are final: they were fitted on every row, so no row is left to judge them by.'
  throw new FociError('ARTEFACT', message, 'Its scores are those of its twin, fitted on the split alone: `foci inspect` shows them.')
}

async function artefactOf(source: string | Uint8Array | Artefact): Promise<Artefact> {
  if (typeof source === 'string') return loadArtefact(source)
  return source instanceof Uint8Array ? readArtefact(source) : source
}

function checkCatalogue({ catalogue }: Artefact, log: Interactions): void {
  const differs = log.catalogue.ids.findIndex((id, index) => catalogue.ids[index] !== id)
  if (differs < 0 && log.catalogue.size === catalogue.ids.length) return
  const message = `The log has ${log.catalogue.size} items and the artefact ${catalogue.ids.length}, or they stand in another order.`
  throw new FociError('DATA', message, 'Evaluate on the log that the artefact was trained on.')
}
