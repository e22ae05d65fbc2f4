import type { Artefact } from '../artefact/artefact.ts'
import type { Described } from '../data/table-columns.ts'
import type { Engine } from '../engine/engine.ts'
import { FociError } from '../errors.ts'
import type { KnownUsers } from '../models/contracts.ts'
import { assemble, type BuiltModel, buildSpec, type ModelDefinition, specify } from '../models/define.ts'
import { definitionOf } from '../models/registry.ts'
import { Variables } from '../tensor/variables.ts'

/** What of an artefact makes its model. */
export type Weights = Pick<Artefact, 'parts' | 'hash' | 'tensors' | 'checkpoint'> & {
  readonly catalogue: Described & { readonly ids: { readonly length: number } }
  readonly users?: KnownUsers
}

/** How a model is built from an artefact. */
export interface Building {
  /** Definitions that the registry lacks. */
  readonly models?: readonly ModelDefinition[]
  /** Whether searches read item vectors as 8-bit codes. */
  readonly quantized?: boolean
}

/**
 * The one way from an artefact to a model, whose variables give the weights back when they are disposed: it checks every tensor, for the file may be anybody's.
 * @throws FociError ARTEFACT where it is the checkpoint of an unfinished run, where its tensors are not those of the model
 * and its options, or break the rules of their kinds; UNKNOWN, OPTION where another foci wrote it
 */
export function buildModel(engine: Engine, artefact: Weights, { models = [], quantized }: Building = {}): BuiltModel {
  const { checkpoint, parts, hash, tensors } = artefact
  const items = artefact.catalogue.ids.length
  if (checkpoint) {
    throw new FociError('ARTEFACT', 'This is the checkpoint of an unfinished run.', 'Finish the run with resume, then use what it writes.')
  }
  if (items === 0) throw new FociError('ARTEFACT', 'The artefact has no items to choose from.', 'Train again on a log that has some.')
  const [spec, ...others] = parts.map(({ model, options }) =>
    specify(models.find(({ name }) => name === model) ?? definitionOf(model), options),
  )
  const { name, roles } = spec.definition
  if (others.length !== roles.length) {
    const message = `The artefact has ${parts.length} models, and ${name} is made of ${roles.length}.`
    throw new FociError('ARTEFACT', message, 'Copy the artefact again from where it was made, or train again.')
  }
  const variables = new Variables(engine, { artefact: hash, tensors })
  try {
    return buildSpec(assemble(spec, others), { engine, items, catalogue: artefact.catalogue, users: artefact.users, variables, quantized })
  } catch (error) {
    variables[Symbol.dispose]()
    throw error
  }
}
