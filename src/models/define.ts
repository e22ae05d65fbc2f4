import { z } from 'zod/mini'
import { nearest } from '../data/nearest.ts'
import { shown } from '../data/options.ts'
import { FociError } from '../errors.ts'
import type { Variables } from '../tensor/variables.ts'
import type { Model, ModelContext, Needs } from './contracts.ts'
import { checkTraining, settledTraining, type Training, trainingDefaults } from './training.ts'

/** One option of a model: its check, its default and how to explain it. The only source of flags, types and pages. */
export interface Field<T> {
  readonly kind: 'integer' | 'number' | 'choice'
  readonly schema: z.ZodMiniType<T>
  readonly fallback: T
  readonly help: string
  readonly choices?: readonly string[]
}

interface Bounds {
  readonly min?: number
  readonly max?: number
  readonly help: string
}

const bounds = ({ min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER }: Bounds) => [z.gte(min), z.lte(max)] as const

/** A whole number. */
export function integer(fallback: number, options: Bounds): Field<number> {
  return { kind: 'integer', schema: z.int().check(...bounds(options)), fallback, help: options.help }
}

/** A real number. */
export function number(fallback: number, options: Bounds): Field<number> {
  return { kind: 'number', schema: z.number().check(...bounds(options)), fallback, help: options.help }
}

/** One of a few words. */
export function choice<const C extends readonly [string, ...string[]]>(choices: C, options: { help: string }): Field<C[number]> {
  return { kind: 'choice', schema: z.enum(choices) as z.ZodMiniType<C[number]>, fallback: choices[0], help: options.help, choices }
}

export type Fields = Readonly<Record<string, Field<string> | Field<number>>>
export type OptionsOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never }
export type ModelOptions = Readonly<Record<string, string | number>>

/** A model's name, its options and how it is built. */
export interface ModelDefinition {
  readonly name: string
  /** What it is, in one sentence. */
  readonly summary: string
  readonly fields: Fields
  /** What a model with these options reads. */
  needs(options: ModelOptions): Needs
  /** How it is trained, where nobody says otherwise. */
  readonly training: Training
  /** What the models are for that it is made of; none for a model of its own. */
  readonly roles: readonly string[]
  /** @param parts the models that it is made of, one for each role */
  build(options: ModelOptions, context: ModelContext, parts?: readonly BuiltModel[]): Model
}

/** A model, and what it reads. */
export interface BuiltModel {
  readonly name: string
  readonly model: Model
  readonly needs: Needs
  /** Number of items V. */
  readonly items: number
  readonly variables: Variables
  /** The models that it is made of. */
  readonly parts: readonly BuiltModel[]
}

/** A model with its options resolved: what `train` takes and an artefact records. */
export interface ModelSpec {
  readonly definition: ModelDefinition
  readonly options: ModelOptions
  /** How it is trained, where that is another way than its file's. */
  readonly training?: Partial<Training>
  /** The models that it is made of. */
  readonly parts?: readonly ModelSpec[]
}

/** Makes a spec from some of the options and of the training settings; the rest are the model's. */
export type ModelFactory<F extends Fields> = ((options?: Partial<OptionsOf<F>>, training?: Partial<Training>) => ModelSpec) & {
  readonly definition: ModelDefinition
}

/** What a model's file says of it beside how it is built. */
export interface ModelTraits<F extends Fields> {
  /** What it reads beside items; by its options where they decide. */
  readonly needs?: Needs | ((options: OptionsOf<F>) => Needs)
  /** How its paper trains it, where that is another way than most. */
  readonly training?: Partial<Training>
}

/**
 * Defines a model.
 * @param build makes the model from whole options and its context
 */
export function defineModel<const F extends Fields>(
  name: string,
  summary: string,
  fields: F,
  build: (options: OptionsOf<F>, context: ModelContext) => Model,
  { needs = {}, training = {} }: ModelTraits<F> = {},
): ModelFactory<F> {
  const definition: ModelDefinition = {
    ...{ name, summary, fields },
    needs: (options) => (typeof needs === 'function' ? needs(options as OptionsOf<F>) : needs),
    training: { ...trainingDefaults, ...training },
    roles: [],
    build: (options, context) => build(options as OptionsOf<F>, context),
  }
  return Object.assign((options: Partial<OptionsOf<F>> = {}, own?: Partial<Training>) => specify(definition, options, own), { definition })
}

/** Makes a spec from one for each role, and some of the options. */
export type CompositeFactory<F extends Fields> = ((parts: readonly ModelSpec[], options?: Partial<OptionsOf<F>>) => ModelSpec) & {
  readonly definition: ModelDefinition
}

/**
 * Defines a model made of models, each of which is trained by itself.
 * @param roles what each is for, in one word
 */
export function defineComposite<const F extends Fields>(
  name: string,
  summary: string,
  roles: readonly string[],
  fields: F,
  compose: (options: OptionsOf<F>, context: ModelContext, parts: readonly BuiltModel[]) => Omit<Model, 'learner'>,
): CompositeFactory<F> {
  const definition: ModelDefinition = {
    ...{ name, summary, fields, roles, training: trainingDefaults },
    needs: () => ({}),
    build: (options, context, parts = []) => ({ ...compose(options as OptionsOf<F>, context, parts), learner: { by: 'parts' } }),
  }
  const make = (parts: readonly ModelSpec[], options: Partial<OptionsOf<F>> = {}): ModelSpec =>
    assemble(specify(definition, options), parts)
  return Object.assign(make, { definition })
}

/** A composite with the models that it is made of. @throws FociError OPTION where it needs another number of them, or one is a composite */
export function assemble(spec: ModelSpec, parts: readonly ModelSpec[]): ModelSpec {
  const { name, roles } = spec.definition
  if (parts.length !== roles.length) {
    const message = `${name} is made of ${roles.length} models (${roles.join(', ') || 'none'}), and ${parts.length} are given.`
    throw new FociError('OPTION', message, `Give one for each: ${name}([sasrec(), …]).`)
  }
  const nested = parts.find(({ definition }) => definition.roles.length > 0)
  if (nested) {
    const message = `${name} is to be made of ${nested.definition.name}, which is made of models itself.`
    throw new FociError('OPTION', message, 'Give models of their own.')
  }
  return parts.length > 0 ? { ...spec, parts } : spec
}

/** All that a spec reads: its own, and that of the models it is made of. */
export function needsOf({ definition, options, parts = [] }: ModelSpec): Needs {
  const all = [definition.needs(options), ...parts.map(needsOf)]
  const union = <K extends keyof Needs>(key: K) => [...new Set(all.flatMap((needs) => needs[key] ?? []))] as unknown as Needs[K]
  const users = all.some((needs) => needs.users) && { users: union('users') }
  return { events: union('events'), request: union('request'), items: union('items'), ...users }
}

/**
 * Whole, checked options from some given by name.
 * @throws FociError OPTION for a name that the model lacks or a value that its field refuses
 */
export function specify(definition: ModelDefinition, given: Readonly<Record<string, unknown>>, training?: Partial<Training>): ModelSpec {
  const { name, fields } = definition
  if (typeof given !== 'object' || given === null) {
    throw new FociError('OPTION', `Where options of ${name} are due, ${shown(given)} is given.`, 'Give an object, such as {}.')
  }
  const stranger = Object.keys(given).find((key) => !Object.hasOwn(fields, key))
  if (stranger !== undefined) {
    const guess = nearest(stranger, Object.keys(fields))
    const hint = `${guess ? `Did you mean "${guess}"? ` : ''}Its options are ${Object.keys(fields).join(', ') || 'none'}.`
    throw new FociError('OPTION', `${name} has no option "${stranger}".`, hint)
  }
  const options = Object.entries(fields).map(([key, field]) => [key, checked(name, key, field, given[key])])
  if (training) checkTraining(settledTraining(definition.training, training), (key) => `${name}'s training setting "${key}"`)
  return { definition, options: Object.fromEntries(options), ...(training && { training }) }
}

/** A spec's model. All that it holds must be declared while it is built: what an artefact has beside that is refused. */
export function buildSpec(spec: ModelSpec, context: ModelContext): BuiltModel {
  const { definition, options } = spec
  const { variables, items } = context
  const parts = (spec.parts ?? []).map((part, i) => buildSpec(part, { ...context, variables: variables.within(`${i}/`) }))
  const model = definition.build(options, context, parts)
  variables.close()
  return { name: definition.name, model, needs: needsOf(spec), items, variables, parts }
}

function checked(model: string, key: string, field: Field<string> | Field<number>, value: unknown): string | number {
  if (value === undefined) return field.fallback
  const result = field.schema.safeParse(value)
  if (result.success) return result.data
  const message = `${model}'s option "${key}" is ${shown(value)}: ${result.error.issues[0].message}.`
  throw new FociError('OPTION', message, `It is ${field.help}; the default is ${field.fallback}.`)
}
