import { checkLog, type Interactions } from '../data/interactions.ts'
import { checkOptions, type KeysOf, shown } from '../data/options.ts'
import type { Engine } from '../engine/engine.ts'
import { FociError } from '../errors.ts'
import type { ModelDefinition } from '../models/define.ts'

/** What a recommender is loaded with beside its artefact. */
export interface LoadOptions {
  /** Lets requests name a user of this log instead of a history. */
  readonly log?: Interactions
  /** The engine to run on; the best that loads where absent. */
  readonly engine?: Engine
  /** Definitions of models that are not foci's own. */
  readonly models?: readonly ModelDefinition[]
  /**
   * What a request reads of a model's item vectors: `int8`, codes that are made when loading and take a quarter of the
   * vectors' memory besides, or the `f32` vectors alone. Items that the codes cannot rule out are scored in f32, so both give
   * the same bits; the codes several times sooner. `int8` where absent.
   */
  readonly table?: 'int8' | 'f32'
}

const LOADING: KeysOf<LoadOptions> = { log: true, engine: true, models: true, table: true }

/** @throws FociError OPTION */
export function checkLoading(options: LoadOptions): void {
  checkOptions('the options of load', options, LOADING)
  const { log, engine, models, table = 'int8' } = options
  const refused = (name: string, value: unknown, hint: string) => new FociError('OPTION', `${name} is ${shown(value)}.`, hint)
  if (log !== undefined) checkLog(log)
  if (engine !== undefined && typeof engine?.topK !== 'function')
    throw refused('engine', engine, 'It is what selectEngine or loadWasm gives, awaited.')
  if (models !== undefined && !Array.isArray(models))
    throw refused('models', models, 'It is a list of definitions, such as [myModel.definition].')
  if (table !== 'int8' && table !== 'f32') throw refused('table', table, 'It is "int8" or "f32".')
}
