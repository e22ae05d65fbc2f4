import { Option } from 'commander'
import { FociError } from '../errors.ts'
import type { Fields, ModelDefinition, ModelOptions } from '../models/define.ts'
import { definitionOf, definitions } from '../models/registry.ts'
import { usage } from './failure.ts'

/** `maxLength` → `--max-length` */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** A model by the name that `--model` gives: a wrong one is wrong usage. */
export function modelNamed(name: string): ModelDefinition {
  try {
    return definitionOf(name)
  } catch (error) {
    throw error instanceof FociError ? usage(error.message, error.hint) : error
  }
}

/** A model's options as flags. */
export function modelFlags({ fields }: ModelDefinition): Option[] {
  return Object.entries(fields).map(([key, field]) => {
    const name = flagName(key)
    const value = field.choices ? 'choice' : field.kind === 'integer' ? 'count' : 'number'
    const help = field.choices ? `${field.help}: ${field.choices.join(', ')}` : field.help
    return new Option(`${name} <${value}>`, `${help} (default: ${field.fallback})`).argParser((text: string) => parse(name, field, text))
  })
}

/** The model's options among all that was parsed. */
export function modelOptions({ fields }: ModelDefinition, parsed: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.keys(fields).map((key) => [key, parsed[key]]))
}

/** What to say to the flags of the models that were not chosen. */
export function strangerHints(chosen: ModelDefinition | undefined): Readonly<Record<string, string>> {
  const hints: Record<string, string> = {}
  for (const { name, fields } of definitions) {
    for (const key of Object.keys(fields)) {
      const more = chosen ? `\`foci models ${chosen.name}\` shows those of ${chosen.name}.` : `Choose the model with \`--model ${name}\`.`
      hints[flagName(key)] ??= `${flagName(key)} is an option of ${name}. ${more}`
    }
  }
  for (const key of Object.keys(chosen?.fields ?? {})) delete hints[flagName(key)]
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
