import type { Artefact } from '../artefact/artefact.ts'
import { type ArtefactSource, artefactOf } from '../artefact/source.ts'
import { checkLog, type EventRoles, type Interactions } from '../data/interactions.ts'
import { checkOptions, type KeysOf, shown } from '../data/options.ts'
import { checkRoles, rolesOf } from '../data/roles.ts'
import type { Engine } from '../engine/engine.ts'
import { selectEngine } from '../engine/select.ts'
import { FociError } from '../errors.ts'
import type { ModelDefinition } from '../models/define.ts'
import { buildModel } from '../recommend/build.ts'
import { checkCount } from '../recommend/door.ts'
import { type Served, servedBy } from '../recommend/served.ts'
import { cutLog } from '../split/cut.ts'
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

const OPTIONS: KeysOf<EvaluateOptions> = { on: true, k: true, engine: true, roles: true, models: true }

/**
 * An artefact's figures on a log, cut as in its training; items are matched by id.
 * @param source path or file URL of an artefact, its bytes, or what was read from them
 * @throws FociError FILE; ARTEFACT, also for one whose weights are final; OPTION; NEED where the log lacks what the model reads;
 * DATA where nobody is asked, or the log shares no item with the artefact
 */
export async function evaluateArtefact(source: ArtefactSource, log: Interactions, options: EvaluateOptions = {}): Promise<ReportRow> {
  checkOptions('the options of evaluateArtefact', options, OPTIONS)
  checkLog(log)
  const { on = 'test', k = 10 } = options
  checkCount(k)
  if (on !== 'test' && on !== 'validation') throw new FociError('OPTION', `on is ${shown(on)}.`, 'It is "test" or "validation".')
  const artefact = await artefactOf(source)
  refuseFinal(artefact)
  if (options.roles !== undefined) checkRoles(options.roles)
  const roles = options.roles === undefined ? artefact.roles : rolesOf(options.roles, log.eventNames)
  const engine = options.engine ?? (await selectEngine())
  const built = buildModel(engine, artefact, { models: options.models })
  try {
    const served = { ...servedBy(engine, artefact, built), roles }
    checkStrangers(served, log)
    return evaluate(served, cutLog({ ...log, roles }, artefact.trained.split), on, k)
  } finally {
    built.variables[Symbol.dispose]()
  }
}

/** @throws FociError ARTEFACT where the weights have seen the rows that they would be judged by */
export function refuseFinal({ trained, checkpoint }: Artefact): void {
  if (!trained.final || checkpoint) return
  const message = 'The weights of this artefact are final: they were fitted on every row, so no row is left to judge them by.'
  throw new FociError('ARTEFACT', message, 'Its scores are those of its twin, fitted on the split alone: `foci inspect` shows them.')
}

function checkStrangers({ catalogue }: Served, { catalogue: { ids } }: Interactions): void {
  if (ids.some((id) => catalogue.indexOf(id) >= 0)) return
  const message = `None of the log's ${ids.length} items is among the artefact's ${catalogue.size}: "${ids[0]}" is not, "${catalogue.ids[0]}" is.`
  throw new FociError('DATA', message, 'Evaluate on a log of the same items.')
}
