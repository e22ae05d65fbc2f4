import { Option } from 'commander'
import { usage } from './failure.ts'

interface NumberFlag {
  readonly min?: number
  readonly max?: number
  readonly fallback?: number
}

/** A flag that takes a whole number, such as `--epochs <count>`. */
export function wholeFlag(flags: string, help: string, bounds: NumberFlag): Option {
  return numberOption(flags, help, 'a whole number', /^[-+]?\d+$/, bounds)
}

/** A flag that takes a real number, such as `--learning-rate <rate>`. */
export function realFlag(flags: string, help: string, bounds: NumberFlag): Option {
  return numberOption(flags, help, 'a number', /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i, bounds)
}

function numberOption(flags: string, help: string, kind: string, form: RegExp, { min, max, fallback }: NumberFlag): Option {
  const option = new Option(flags, help).argParser((text: string) => {
    const value = form.test(text) ? Number(text) : Number.NaN
    if (value >= (min ?? Number.MIN_SAFE_INTEGER) && value <= (max ?? Number.MAX_SAFE_INTEGER)) return value
    throw usage(`${flagOf(option)} is ${JSON.stringify(text)}`, `It must be ${kind}${range(min, max)}: ${help}.`)
  })
  return fallback === undefined ? option : option.default(fallback)
}

function range(min: number | undefined, max: number | undefined): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`
  return min === undefined ? '' : ` of at least ${min}`
}

/** A flag that takes one of a few words. `choices()` of commander lists them but suggests nothing. */
export function choiceFlag(flags: string, help: string, choices: readonly string[], fallback?: string): Option {
  const option = new Option(flags, `${help}: ${choices.join(', ')}`).argParser((text: string) => {
    if (choices.includes(text)) return text
    throw usage(`${flagOf(option)} is ${JSON.stringify(text)}`, `It is one of ${choices.join(', ')}.`)
  })
  return fallback === undefined ? option : option.default(fallback)
}

/** A flag that may be given several times, each time with one value. */
export function listFlag(flags: string, help: string): Option {
  return new Option(flags, help).argParser((text: string, before: string[] = []) => [...before, text])
}

/** The name by which people know a flag: the long one where it has one. */
function flagOf(option: Option): string {
  return option.long ?? option.short ?? option.flags
}

export function jsonFlag(): Option {
  return new Option('--json', 'print one JSON document on standard output, and nothing else there')
}
