import { FociError } from '../errors.ts'
import { nearest } from './nearest.ts'

/** The keys of some options; the type has the compiler name all of them. */
export type KeysOf<T> = Readonly<Record<keyof T & string, true>>

/**
 * Options are an object, all of whose keys somebody reads: one that is misspelt would be passed over, and the run be another
 * than was asked for. A key whose value is undefined is absent.
 * @param what names them, as in "the options of train"
 * @throws FociError OPTION
 */
export function checkOptions<T>(what: string, given: unknown, known: KeysOf<T>): void {
  // A Map, a promise or a date has no keys, and would pass for options that say nothing
  if (Object.prototype.toString.call(given) !== '[object Object]') {
    throw new FociError('OPTION', `Where ${what} are due, ${shown(given)} is given.`, `Give an object: its keys are ${listed(known)}.`)
  }
  for (const key in given as object) {
    if (!Object.hasOwn(known, key) && (given as Readonly<Record<string, unknown>>)[key] !== undefined) throw stranger(what, key, known)
  }
}

function stranger(what: string, key: string, known: Readonly<Record<string, true>>): FociError {
  const guess = nearest(key, Object.keys(known))
  return new FociError(
    'OPTION',
    `There is no "${key}" among ${what}.`,
    `${guess ? `Did you mean "${guess}"? ` : ''}The keys are ${listed(known)}.`,
  )
}

const listed = (known: object): string => Object.keys(known).join(', ')

/** Any value as a message shows it. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return `the function ${value.name}`.trimEnd()
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') return String(value)
  try {
    const text = JSON.stringify(value) ?? String(value)
    return text.length > 80 ? `${text.slice(0, 80)}…` : text
  } catch {
    return Object.prototype.toString.call(value)
  }
}
