import type { Artefact } from '../artefact/artefact.ts'
import type { Engine } from '../engine/engine.ts'
import { FociError } from '../errors.ts'
import type { Model } from '../models/contracts.ts'
import { type ModelDefinition, specify } from '../models/define.ts'
import { definitionOf } from '../models/registry.ts'
import { Variables } from '../tensor/variables.ts'

/** A model with an artefact's weights; disposing the variables gives the weights back. */
export interface Built {
  readonly model: Model
  readonly variables: Variables
}

/** What of an artefact makes its model. */
export type Weights = Pick<Artefact, 'parts' | 'hash' | 'tensors' | 'checkpoint'> & {
  readonly catalogue: { readonly ids: { readonly length: number } }
}

/**
 * @param models definitions that the registry lacks
 * @throws FociError ARTEFACT where it is the checkpoint of an unfinished run; UNKNOWN, OPTION where another foci wrote it
 */
export function buildModel(engine: Engine, artefact: Weights, models: readonly ModelDefinition[] = []): Built {
  if (artefact.checkpoint) {
    throw new FociError('ARTEFACT', 'This is the checkpoint of an unfinished run.', 'Finish the run with resume, then use what it writes.')
  }
  const [part] = artefact.parts
  const definition = models.find(({ name }) => name === part.model) ?? definitionOf(part.model)
  const { options } = specify(definition, part.options)
  const variables = new Variables(engine, { artefact: artefact.hash, tensors: artefact.tensors })
  try {
    return { model: definition.build(options, { engine, items: artefact.catalogue.ids.length, variables }), variables }
  } catch (error) {
    variables[Symbol.dispose]()
    throw error
  }
}
