import { FociError } from '../errors.ts'
import type { Field } from './columns.ts'

/** What can be wrong with a row whose structure is sound. The numbers pass through SQL. */
export const fault = {
  none: 0,
  user: 1,
  item: 2,
  timestamp: 3,
  noTime: 4,
  notFinite: 5,
  outOfRange: 6,
  noPosition: 7,
  scene: 8,
  event: 9,
  value: 10,
  unicode: 11,
  noText: 12,
  noObject: 13,
  unsafe: 14,
  fraction: 15,
} as const

/** The column a fault belongs to, and its reason: the key under which `skipped` counts it. */
export const faults: Readonly<Record<number, { readonly column?: Field; readonly reason: string }>> = {
  [fault.user]: { column: 'user', reason: 'empty user' },
  [fault.item]: { column: 'item', reason: 'empty item' },
  [fault.timestamp]: { column: 'timestamp', reason: 'empty timestamp' },
  [fault.noTime]: { column: 'timestamp', reason: 'timestamp is no time' },
  [fault.notFinite]: { column: 'timestamp', reason: 'timestamp is not finite' },
  [fault.outOfRange]: { column: 'timestamp', reason: 'timestamp out of range' },
  [fault.noPosition]: { column: 'timestamp', reason: 'timestamp is no position' },
  [fault.scene]: { column: 'scene', reason: 'empty scene' },
  [fault.event]: { column: 'event', reason: 'empty event' },
  [fault.value]: { column: 'value', reason: 'value is no number' },
  [fault.unicode]: { reason: 'id is invalid Unicode' },
  [fault.noText]: { reason: 'id is neither text nor number' },
  [fault.noObject]: { reason: 'row is no object' },
  [fault.unsafe]: { reason: 'id is a number that doubles do not tell from its neighbours' },
  [fault.fraction]: { reason: 'id is a number with a fraction' },
}

/** Where a bad row stands and why it is one. */
export interface BadRow {
  readonly source: string
  /** `line 3` of a file (the header is line 1), `row 3` of rows in memory (the first is row 0). */
  readonly place: string
  readonly column?: string
  readonly reason: string
  readonly value?: string | number
  /** More of the reason. */
  readonly detail?: string
  /** What to do next, where it is something else than skipping the row. */
  readonly hint?: string
}

const skipHint = 'Mend the row, or leave such rows out and have them counted: skipInvalid, --skip-invalid on the command line.'

export function badRow({ source, place, column, reason, value, detail, hint }: BadRow): FociError {
  const where = [source, place, ...(column === undefined ? [] : [`column "${column}"`])].join(', ')
  const more = value === undefined ? detail : shorten(JSON.stringify(value))
  const what = more === undefined ? reason : `${reason}: ${more}`
  return new FociError('DATA', `${where}: ${what}`, hint ?? skipHint)
}

const shorten = (text: string) => (text.length > 80 ? `${text.slice(0, 79)}…` : text)

/** No row is left to read. */
export function noRows(source: string, skipped: Readonly<Record<string, number>>): FociError {
  const reasons = Object.entries(skipped).map(([reason, count]) => `${count} × ${reason}`)
  const why = reasons.length === 0 ? 'no rows' : `no rows left, skipped ${reasons.join(', ')}`
  return new FociError('DATA', `${source}: ${why}`, 'Give a log with at least one row: user, item and timestamp.')
}
