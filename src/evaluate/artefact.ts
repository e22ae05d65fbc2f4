import { type Artefact, readArtefact } from '../artefact/artefact.ts'
import { loadArtefact } from '../artefact/file.ts'
import type { Interactions } from '../data/interactions.ts'
import { leaveOneOut } from '../data/split.ts'
import type { Engine } from '../engine/engine.ts'
import { selectEngine } from '../engine/select.ts'
import { FociError } from '../errors.ts'
import { buildModel } from '../recommend/build.ts'
import { evaluate, type ReportRow } from './evaluate.ts'

export interface EvaluateOptions {
  readonly on?: 'test' | 'validation'
  /** Length of the lists that are judged; 10 where absent. */
  readonly k?: number
  readonly engine?: Engine
}

/**
 * An artefact's figures on a log, cut as in its training.
 * @param source path of an artefact, or its bytes
 * @throws FociError FILE, ARTEFACT; DATA where the log's items are not those of the artefact
 */
export async function evaluateArtefact(source: string | Uint8Array, log: Interactions, options: EvaluateOptions = {}): Promise<ReportRow> {
  const { on = 'test', k = 10 } = options
  const artefact = typeof source === 'string' ? await loadArtefact(source) : await readArtefact(source)
  checkCatalogue(artefact, log)
  const engine = options.engine ?? (await selectEngine())
  const { model, variables } = buildModel(engine, artefact)
  try {
    return evaluate(engine, artefact.parts[0].model, model, leaveOneOut(log), on, k)
  } finally {
    variables[Symbol.dispose]()
  }
}

function checkCatalogue({ catalogue }: Artefact, log: Interactions): void {
  const differs = log.catalogue.ids.findIndex((id, index) => catalogue.ids[index] !== id)
  if (differs < 0 && log.catalogue.size === catalogue.ids.length) return
  const message = `The log has ${log.catalogue.size} items and the artefact ${catalogue.ids.length}, or they stand in another order.`
  throw new FociError('DATA', message, 'Evaluate on the log that the artefact was trained on.')
}
