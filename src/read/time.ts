import type { TimeUnit } from '../data/interactions.ts'
import { fault } from './row-faults.ts'

/** Seconds of one step of a unit; ordinal positions stay as they are. */
export const secondsPer: Readonly<Record<TimeUnit, number>> = {
  seconds: 1,
  milliseconds: 1e3,
  microseconds: 1e6,
  nanoseconds: 1e9,
  iso: 1,
  ordinal: 1,
}

/** |t| up to which a number reads as seconds, milliseconds, microseconds: the year 5138 in each. Above the last: nanoseconds. */
export const bandLimits = [1e11, 1e14, 1e17] as const
const bandUnits = ['seconds', 'milliseconds', 'microseconds', 'nanoseconds'] as const

/** Positions in a history stay below this; as seconds it would be the first eleven days of 1970. */
export const ordinalLimit = 1e6

/** What a column of times holds, counted over its sound rows. */
export interface TimeCounts {
  /** Finite numbers, and ISO texts or dates. */
  readonly numbers: number
  readonly isos: number
  /** Numbers by band of magnitude. */
  readonly bands: readonly number[]
  /** Numbers that are non-negative integers below `ordinalLimit`. */
  readonly positions: number
}

/** The one unit of a column: that of its median by magnitude; `ordinal` where all are small whole numbers. */
export function detectUnit({ numbers, isos, bands, positions }: TimeCounts): TimeUnit {
  if (isos > numbers) return 'iso'
  if (positions === numbers) return 'ordinal'
  let below = 0
  const band = bands.findIndex((count) => {
    below += count
    return below * 2 >= numbers
  })
  return bandUnits[band]
}

/** What is wrong with a time in a column of this unit. `dated`: it was written as a date, and `time` is its seconds. */
export function timeFaults(unit: TimeUnit): (time: number, dated: boolean) => number {
  const ordinal = (time: number) => (time >= 0 && Math.floor(time) === time ? fault.none : fault.noPosition)
  const limit = bandLimits[0] * secondsPer[unit]
  const absolute = (time: number) => (Math.abs(time) > limit ? fault.outOfRange : fault.none)
  const check = unit === 'ordinal' ? ordinal : absolute
  return (time, dated) => (dated === (unit === 'iso') ? check(time) : fault.noTime)
}

/** What to do about a time that does not fit its column's unit. */
export const unitHint = (unit: TimeUnit): string =>
  `The column was read as ${unit}; write all times in one unit, say which it is (unit, --unit on the command line), or skip such rows (skipInvalid, --skip-invalid).`

/** Decimal numbers, as they may stand in a text column. */
const numberText = /^[ \t\n\v\f\r]*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[ \t\n\v\f\r]*$/
const notFiniteText = /^[ \t\n\v\f\r]*[+-]?(nan|inf|infinity)[ \t\n\v\f\r]*$/i

/** The number that a text spells: NaN where it is none, ±Infinity where it is `nan`, `inf` or beyond the doubles. */
export function parseNumber(text: string): number {
  if (numberText.test(text)) return Number(text)
  return notFiniteText.test(text) ? Number.POSITIVE_INFINITY : Number.NaN
}

/** By what a whole number beyond the doubles' precision exceeds the double nearest to it; 0 where that is far off, as of no time. */
export function restOf(nearest: number, written: string): number {
  const whole = written.trim().replace(/^\+/, '')
  if (!Number.isFinite(nearest) || !/^-?\d+$/.test(whole)) return 0
  const rest = Number(BigInt(whole) - BigInt(nearest))
  return Math.abs(rest) < 2 ** 15 ? rest : 0
}

/** Dates with or without a time and an offset; without an offset the time is UTC. Read alike here and by DuckDB. */
export const isoPattern =
  '([1-9][0-9]{3})-([0-9]{2})-([0-9]{2})' +
  '(?:[ T]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\\.([0-9]{1,6}))?)?(Z|[+-][01][0-9](?::?[0-5][0-9])?)?)?'
const isoText = new RegExp(`^${isoPattern}$`)

/** Seconds since 1970 of an ISO text, or NaN. */
export function parseIso(text: string): number {
  const found = isoText.exec(text)
  if (found === null) return Number.NaN
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0))
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return Number.NaN
  const micros = Number((found[7] ?? '').padEnd(6, '0'))
  return (date.getTime() * 1e3 - offsetMinutes(found[8]) * 6e7 + micros) / 1e6
}

/** Minutes east of UTC: `+02:30` is 150. */
function offsetMinutes(text: string | undefined): number {
  if (text === undefined || text === 'Z') return 0
  const digits = text.slice(1).replace(':', '').padEnd(4, '0')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))
  return text[0] === '-' ? -minutes : minutes
}
