import type { Artefact } from '../artefact/artefact.ts'
import type { Engine } from '../engine/engine.ts'
import { FociError } from '../errors.ts'
import { type BuiltModel, buildSpec, type ModelDefinition, specify } from '../models/define.ts'
import { definitionOf } from '../models/registry.ts'
import { Variables } from '../tensor/variables.ts'

/** A model with an artefact's weights; disposing the variables gives the weights back. */
export interface Loaded extends BuiltModel {
  readonly variables: Variables
}

/** What of an artefact makes its model. */
export type Weights = Pick<Artefact, 'parts' | 'hash' | 'tensors' | 'checkpoint'> & {
  readonly catalogue: { readonly ids: { readonly length: number } }
}

/** How a model is built from an artefact. */
export interface Building {
  /** Definitions that the registry lacks. */
  readonly models?: readonly ModelDefinition[]
  /** Whether searches read item vectors as 8-bit codes. */
  readonly quantized?: boolean
}

/**
 * The one way from an artefact to a model: it checks every tensor, for the file may be anybody's.
 * @throws FociError ARTEFACT where it is the checkpoint of an unfinished run, where its tensors are not those of the model
 * and its options, or break the rules of their kinds; UNKNOWN, OPTION where another foci wrote it
 */
export function buildModel(engine: Engine, artefact: Weights, { models = [], quantized }: Building = {}): Loaded {
  const { checkpoint, parts, hash, tensors } = artefact
  const items = artefact.catalogue.ids.length
  if (checkpoint) {
    throw new FociError('ARTEFACT', 'This is the checkpoint of an unfinished run.', 'Finish the run with resume, then use what it writes.')
  }
  if (parts.length > 1) throw new FociError('ARTEFACT', `The artefact has ${parts.length} models and this foci serves one.`, 'Update foci.')
  if (items === 0) throw new FociError('ARTEFACT', 'The artefact has no items to choose from.', 'Train again on a log that has some.')
  const [part] = parts
  const spec = specify(models.find(({ name }) => name === part.model) ?? definitionOf(part.model), part.options)
  const variables = new Variables(engine, { artefact: hash, tensors })
  try {
    return { ...buildSpec(spec, { engine, items, variables, quantized }), variables }
  } catch (error) {
    variables[Symbol.dispose]()
    throw error
  }
}
