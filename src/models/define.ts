import { z } from 'zod/mini'
import { nearest } from '../data/nearest.ts'
import { shown } from '../data/options.ts'
import { FociError } from '../errors.ts'
import type { Model, ModelContext, Needs } from './contracts.ts'
import { type Training, trainingDefaults } from './training.ts'

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
  build(options: ModelOptions, context: ModelContext): Model
}

/** A model, and what it reads. */
export interface BuiltModel {
  readonly model: Model
  readonly needs: Needs
  /** Number of items V. */
  readonly items: number
}

/** A model with its options settled: what `train` takes and an artefact records. */
export interface ModelSpec {
  readonly definition: ModelDefinition
  readonly options: ModelOptions
}

/** Makes a spec from some of the options; the rest are defaults. */
export type ModelFactory<F extends Fields> = ((options?: Partial<OptionsOf<F>>) => ModelSpec) & { readonly definition: ModelDefinition }

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
    build: (options, context) => build(options as OptionsOf<F>, context),
  }
  return Object.assign((options: Partial<OptionsOf<F>> = {}) => specify(definition, options), { definition })
}

/**
 * Whole, checked options from some given by name.
 * @throws FociError OPTION for a name that the model lacks or a value that its field refuses
 */
export function specify(definition: ModelDefinition, given: Readonly<Record<string, unknown>>): ModelSpec {
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
  return { definition, options: Object.fromEntries(options) }
}

/** A spec's model. All that it holds must be declared while it is built: what an artefact has beside that is refused. */
export function buildSpec({ definition, options }: ModelSpec, context: ModelContext): BuiltModel {
  const model = definition.build(options, context)
  context.variables.close()
  return { model, needs: definition.needs(options), items: context.items }
}

function checked(model: string, key: string, field: Field<string> | Field<number>, value: unknown): string | number {
  if (value === undefined) return field.fallback
  const result = field.schema.safeParse(value)
  if (result.success) return result.data
  const message = `${model}'s option "${key}" is ${shown(value)}: ${result.error.issues[0].message}.`
  throw new FociError('OPTION', message, `It is ${field.help}; the default is ${field.fallback}.`)
}
