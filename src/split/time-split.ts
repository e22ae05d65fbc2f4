import type { Interactions } from '../data/interactions.ts'
import { roleTable } from '../data/roles.ts'
import { sharedInts } from '../data/shared.ts'
import { FociError } from '../errors.ts'
import { type Case, casesOf, type Split, type SplitName } from './split.ts'

/**
 * Cuts a log at two times: those of the rows ⌊A·n⌋ and ⌊B·n⌋ of all n by time. Rows before the first cut train. Whoever
 * has targets between the cuts is asked in validation, with a history of the rows before the first; whoever has some from
 * the second cut on is asked in the test, with all rows before it. Rows of one time stay on one side.
 * @param shares A and B, 0 < A < B < 1
 * @throws FociError DATA where times are positions, or a part would be empty
 */
export function timeSplit(log: Interactions, name: SplitName, [a, b]: readonly [number, number]): Split {
  if (log.unit === 'ordinal') throw withoutTimes(name)
  const { times, offsets } = log
  const sorted = times.slice().sort()
  const [first, second] = [a, b].map((share) => sorted[Math.floor(share * sorted.length)])
  const trainEnd = sharedInts(log.users.length)
  const [validation, test]: [Case[], Case[]] = [[], []]
  for (let user = 0; user < log.users.length; user++) {
    const end = offsets[user + 1]
    trainEnd[user] = firstFrom(times, first, offsets[user], end)
    const middle = firstFrom(times, second, trainEnd[user], end)
    validation.push(caseOf(log, user, trainEnd[user], middle))
    test.push(caseOf(log, user, middle, end))
  }
  const asked = (cases: readonly Case[]) => casesOf(cases.filter(({ relevant }) => relevant.length > 0))
  const split = { name, log, trainEnd, validation: asked(validation), test: asked(test) }
  if (sorted[0] >= first) throw empty(name, `no row stands before the first cut, ${instant(first)}, to train on`)
  if (split.validation.users.length === 0)
    throw empty(name, `nothing to predict stands between the cuts, ${instant(first)} and ${instant(second)}`)
  if (split.test.users.length === 0) throw empty(name, `nothing to predict stands from the second cut on, ${instant(second)}`)
  return split
}

/** The first row of `[start, end)` whose time is not before `time`, or `end`. */
function firstFrom(times: Float64Array, time: number, start: number, end: number): number {
  let row = start
  while (row < end && times[row] < time) row++
  return row
}

/** Asks a user for the distinct items of the target rows of `[start, end)`, in order of time. */
function caseOf(log: Interactions, user: number, start: number, end: number): Case {
  const isTarget = roleTable(log, log.roles.target)
  const rows = Array.from({ length: end - start }, (_, i) => start + i)
  const targets = isTarget === undefined ? rows : rows.filter((row) => isTarget[log.events?.[row] ?? 0])
  return { user, end: start, row: targets[0] ?? start, relevant: [...new Set(targets.map((row) => log.items[row]))] }
}

/** Dates reach further than JavaScript's. */
function instant(time: number): string {
  const date = new Date(1000 * time)
  return Number.isNaN(date.getTime()) ? `${time} s` : date.toISOString()
}

function withoutTimes(name: SplitName): FociError {
  const message = `The log's times are only positions, and ${name} cuts at a time.`
  return new FociError('DATA', message, 'Split by leave-one-out; if they are times, say their unit (unit, --unit on the command line).')
}

function empty(name: SplitName, reason: string): FociError {
  return new FociError('DATA', `${name} leaves a part empty: ${reason}.`, 'Move the cuts, give a longer log, or split by leave-one-out.')
}
