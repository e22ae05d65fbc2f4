/**
 * Canonical JSON (after RFC 8785): keys in order of UTF-16 code units, no white space, numbers and strings as
 * `JSON.stringify` writes them. Equal values are equal text, so a reader may demand that text and value agree exactly.
 */
import type { Fail } from './unsound.ts'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** Containers within containers; ours need 3, a model's options a few more. */
const MAX_DEPTH = 32

/**
 * @param value what JSON can hold; entries of an object that are `undefined` are left out
 * @throws what `fail` makes, for anything else: NaN, a typed array, half a surrogate pair, the key `__proto__`, a cycle
 */
export function canonicalJson(value: unknown, fail: Fail, depth = 0): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return canonicalString(value, fail)
  if (typeof value === 'number') return canonicalNumber(value, fail)
  if (depth === MAX_DEPTH) throw fail(`JSON is nested more than ${MAX_DEPTH} deep`)
  if (Array.isArray(value)) return `[${Array.from(value, (entry) => canonicalJson(entry, fail, depth + 1)).join(',')}]`
  if (!isObject(value)) throw fail(`JSON has no form for ${Object.prototype.toString.call(value)}`)
  const keys = Object.keys(value).filter((key) => value[key] !== undefined)
  if (keys.includes('__proto__')) throw fail('an object has the key "__proto__"')
  return `{${keys
    .sort()
    .map((key) => `${canonicalString(key, fail)}:${canonicalJson(value[key], fail, depth + 1)}`)
    .join(',')}}`
}

/** The value of `text`, which must be canonical to the byte: that also rules out duplicate keys. `what` names it in errors. */
export function parseCanonical(text: string, what: string, fail: Fail): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw fail(`${what} is not JSON`)
  }
  if (canonicalJson(value, fail) !== text) throw fail(`${what} is not canonical JSON: keys out of order or repeated, or other spelling`)
  return value
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]'
}

/** True where UTF-8 can't hold the string: half of a surrogate pair stands alone. */
export const isIllFormed = (text: string): boolean => /[\ud800-\udfff]/.test(text) && /\p{Surrogate}/u.test(text)

function canonicalString(text: string, fail: Fail): string {
  if (isIllFormed(text)) throw fail(`the string ${JSON.stringify(text.slice(0, 80))} holds half a surrogate pair`)
  return JSON.stringify(text)
}

function canonicalNumber(value: number, fail: Fail): string {
  if (!Number.isFinite(value)) throw fail(`${value} is a number that JSON cannot hold`)
  return JSON.stringify(value)
}
