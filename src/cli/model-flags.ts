import { Option } from 'commander'
import { FociError } from '../errors.ts'
import { blend } from '../models/blend.ts'
import type { Fields, ModelDefinition, ModelOptions } from '../models/define.ts'
import { pipeline } from '../models/pipeline.ts'
import { definitionOf, definitions } from '../models/registry.ts'
import { usage } from './failure.ts'

/** `maxLength` → `--max-length` */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** A model by a name that is given: a wrong one is wrong usage. */
export function modelNamed(name: string): ModelDefinition {
  try {
    return definitionOf(name)
  } catch (error) {
    throw error instanceof FociError ? usage(error.message, error.hint) : error
  }
}

/** The same of `--model` and its like, which name models of their own. */
export function ownModelNamed(name: string): ModelDefinition {
  const definition = modelNamed(name)
  if (definition.roles.length === 0) return definition
  throw usage(`${name} is made of two models (${definition.roles.join(', ')})`, `Name both: ${namesOf(definition)}.`)
}

/** How a model is named to `foci train`. */
export function namesOf(definition: ModelDefinition): string {
  const joint = joints.find((flag) => jointOf(flag) === definition)
  return joint ? `--model sasrec --${joint} NAME` : `--model ${definition.name}`
}

/** A model's options as flags, each with a head where it is that of a second model: `--then-dim`. */
export function modelFlags({ fields }: ModelDefinition, head = ''): Option[] {
  return Object.entries(fields).map(([key, field]) => {
    const name = `--${head}${flagName(key).slice(2)}`
    const value = field.choices ? 'choice' : field.kind === 'integer' ? 'count' : 'number'
    const help = field.choices ? `${field.help}: ${field.choices.join(', ')}` : field.help
    return new Option(`${name} <${value}>`, `${help} (default: ${field.fallback})`).argParser((text: string) => parse(name, field, text))
  })
}

/** The model's options among all that was parsed. */
export function modelOptions(
  { fields }: ModelDefinition,
  parsed: Readonly<Record<string, unknown>>,
  head = '',
): Readonly<Record<string, unknown>> {
  return valuesOf(Object.keys(fields), parsed, head)
}

/** What was parsed under some names, each with a head. */
export function valuesOf(keys: readonly string[], parsed: Readonly<Record<string, unknown>>, head = ''): Readonly<Record<string, unknown>> {
  const named = (key: string): string => (head === '' ? key : `${head.slice(0, -1)}${key[0].toUpperCase()}${key.slice(1)}`)
  return Object.fromEntries(keys.map((key) => [key, parsed[named(key)]]))
}

/** How a second model is joined to the first, by the flag that names it. */
export const joints = ['then', 'with'] as const
export type Joint = (typeof joints)[number]
export const jointOf = (flag: Joint): ModelDefinition => (flag === 'then' ? pipeline : blend).definition

/** What to say to the flags of the models that were not chosen. */
export function strangerHints(chosen: readonly (ModelDefinition | undefined)[]): Readonly<Record<string, string>> {
  const hints: Record<string, string> = {}
  const own = chosen.flatMap((each) => (each ? [each] : []))
  for (const definition of definitions) {
    const { name, fields } = definition
    for (const key of Object.keys(fields)) {
      const more = own[0]
        ? `\`foci models ${own[0].name}\` shows those of ${own[0].name}.`
        : `Choose the model with \`${namesOf(definition)}\`.`
      hints[flagName(key)] ??= `${flagName(key)} is an option of ${name}. ${more}`
    }
  }
  for (const { fields } of own) for (const key of Object.keys(fields)) delete hints[flagName(key)]
  return hints
}

function parse(flag: string, field: Fields[string], text: string): ModelOptions[string] {
  const value = field.kind === 'choice' || text.trim() === '' ? text : Number(text)
  const result = field.schema.safeParse(value)
  if (result.success) return result.data
  const kinds = { integer: 'a whole number', number: 'a number', choice: `one of ${field.choices?.join(', ')}` }
  const [issue] = result.error.issues
  const bound = issue.code === 'too_small' ? `, at least ${issue.minimum}` : issue.code === 'too_big' ? `, at most ${issue.maximum}` : ''
  throw usage(`${flag} is ${JSON.stringify(text)}`, `It is ${field.help}: ${kinds[field.kind]}${bound}.`)
}
