import { FociError } from '../errors.ts'
import type { EventRoles, Interactions } from './interactions.ts'
import { nearest } from './nearest.ts'
import { checkOptions, type KeysOf, shown } from './options.ts'

/** For each event type whether the role names it; undefined where every row has the role. */
export function roleTable({ eventNames }: Interactions, names: readonly string[] | undefined): readonly boolean[] | undefined {
  if (eventNames === undefined || names === undefined) return undefined
  return eventNames.map((name) => names.includes(name))
}

/** For each event type, whether the seen filter removes the items of its rows; one entry for a log without event types. */
export function seenTable(log: Interactions, { seen, negative } = log.roles): readonly boolean[] {
  const isSeen = seen === 'none' ? undefined : roleTable(log, seen)
  const isNegative = roleTable(log, negative)
  const types = log.eventNames ?? ['any']
  return types.map((_, type) => (seen !== 'none' && (isSeen?.[type] ?? true)) || (isNegative?.[type] ?? false))
}

const ROLES: KeysOf<EventRoles> = { target: true, input: true, weight: true, shown: true, negative: true, seen: true }

/**
 * The roles among some options; each event type they name must be one of the log's.
 * @throws FociError OPTION, UNKNOWN, COLUMN
 */
export function rolesOf({ target, input, weight, shown, negative, seen }: EventRoles, there: readonly string[] | undefined): EventRoles {
  checkRoles({ target, input, weight, shown, negative, seen })
  const lists = { target, input, shown, negative, seen: seen === 'none' ? undefined : seen, weight: weight && Object.keys(weight) }
  for (const [role, names] of Object.entries(lists)) {
    for (const name of names ?? []) checkEvent(role, name, there)
  }
  const given = Object.entries({ target, input, weight, shown, negative, seen }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given)
}

function checkEvent(role: string, name: string, there: readonly string[] | undefined): void {
  if (there === undefined) {
    throw new FociError(
      'COLUMN',
      `${role} names the event type "${name}", but the log has no event column`,
      'Name the column with columns: { event: … }.',
    )
  }
  if (there.includes(name)) return
  const guess = nearest(name, there)
  const list = there.map((each) => `"${each}"`).join(', ')
  throw new FociError(
    'UNKNOWN',
    `${role} names the event type "${name}"; the log has ${list}`,
    guess ? `Did you mean "${guess}"?` : 'Name one of these.',
  )
}

/** @throws FociError OPTION */
export function checkRoles(given: unknown): asserts given is EventRoles {
  checkOptions('the roles of event types', given, ROLES)
  const { weight, ...lists } = given as EventRoles
  for (const [role, names] of Object.entries(lists)) {
    if (names === undefined || (role === 'seen' && names === 'none')) continue
    const isList = Array.isArray(names) && names.every((name) => typeof name === 'string')
    const hint = `It is a list of event types${role === 'seen' ? ', or "none"' : ''}.`
    if (!isList) throw new FociError('OPTION', `${role} is ${shown(names)}.`, hint)
  }
  if (weight === undefined) return
  if (Object.prototype.toString.call(weight) !== '[object Object]') {
    throw new FociError('OPTION', `weight is ${shown(weight)}.`, 'It is an object of numbers by event type.')
  }
  for (const [event, value] of Object.entries(weight)) {
    if (!(Number.isFinite(value) && value >= 0))
      throw new FociError('OPTION', `The weight of "${event}" is ${shown(value)}.`, 'It is a number from 0.')
  }
}
