import { nearest } from '../data/nearest.ts'
import { FociError } from '../errors.ts'
import { blend } from './blend.ts'
import { comirec } from './comirec.ts'
import type { ModelDefinition, ModelSpec } from './define.ts'
import { specify } from './define.ts'
import { din } from './din.ts'
import { markov } from './markov.ts'
import { miSa } from './mi-sa.ts'
import { pipeline } from './pipeline.ts'
import { popularity } from './popularity.ts'
import { sasrec } from './sasrec.ts'

/** The models that artefacts and the command line know by name. */
export const definitions: readonly ModelDefinition[] = [popularity, markov, sasrec, comirec, miSa, din, pipeline, blend].map(
  (factory) => factory.definition,
)

/**
 * A model by name.
 * @throws FociError UNKNOWN with the nearest name
 */
export function definitionOf(name: string): ModelDefinition {
  const found = definitions.find((definition) => definition.name === name)
  if (found) return found
  const names = definitions.map((definition) => definition.name)
  const near = nearest(name, names)
  throw new FociError('UNKNOWN', `There is no model "${name}".`, `${near ? `Did you mean "${near}"? ` : ''}There are ${names.join(', ')}.`)
}

/** A model with its options, by name. */
export function specOf(name: string, options: Readonly<Record<string, unknown>>): ModelSpec {
  return specify(definitionOf(name), options)
}
