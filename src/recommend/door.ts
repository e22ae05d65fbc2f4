/**
 * What callers hand over, checked before anything is done with it: types hold for those who compile theirs alone. Each field
 * is read once, since a getter may give another value the next time.
 */
import { checkOptions, type KeysOf, shown } from '../data/options.ts'
import { FociError } from '../errors.ts'
import { Filter, type Id, type ListOptions, type Moment, type RankingRequest, type Request, type UserRequest } from './request.ts'

const USER: KeysOf<UserRequest> = { user: true, history: true, seen: true, exclude: true, now: true, scene: true }
const LIST: KeysOf<ListOptions> = { k: true, filter: true }
const REQUEST: KeysOf<Request> = { ...USER, ...LIST, diversity: true, explain: true }

const RANK: KeysOf<RankingRequest> = { user: true, history: true, now: true, scene: true, items: true }

const HISTORY = 'An event is an item id, or an object with one: { item }.'

/** A request whose fields were read and checked, but for what its lists hold. */
export interface Asking {
  readonly whom: UserRequest
  readonly list: Listing
  readonly diversity: number
  readonly explain: boolean
}

export interface Listing extends ListOptions {
  readonly k: number
}

/** @throws FociError OPTION */
export function readRequest(given: Request): Asking {
  checkOptions('the fields of a request', given, REQUEST)
  const { diversity = 0, explain = false } = given
  if (!(Number.isFinite(diversity) && diversity >= 0)) throw refused('diversity', diversity, 'It is a number from 0.')
  if (typeof explain !== 'boolean') throw refused('explain', explain, 'It is true or false.')
  return { whom: whomOf(given), list: listingOf(given), diversity, explain }
}

/** @throws FociError OPTION */
export function readUser(given: UserRequest): UserRequest {
  checkOptions('the fields of a request for one of many users', given, USER)
  return whomOf(given)
}

/** @throws FociError OPTION */
export function readListing(given: ListOptions): Listing {
  checkOptions('the options of recommendMany', given, LIST)
  return listingOf(given)
}

/** @throws FociError OPTION */
export function readRanking(given: RankingRequest): { readonly whom: UserRequest; readonly items: Iterable<Id> } {
  checkOptions('the fields of a request to rank', given, RANK)
  const { items } = given
  if (!isList(items)) throw refused('items', items, 'It is a list of item ids.')
  return { whom: whomOf(given), items }
}

function whomOf({ user, history, seen, exclude, now, scene }: UserRequest): UserRequest {
  checkList('seen', seen, 'It is a list of item ids.')
  checkList('exclude', exclude, 'It is a list of item ids.')
  const moment: Moment = { now, scene }
  if (now !== undefined) timeOf(now, 'now')
  if (scene !== undefined && typeof scene !== 'string') throw refused('scene', scene, 'It is the name of a scene of the log.')
  if (history !== undefined) {
    checkList('history', history, `It is a list, oldest first. ${HISTORY}`)
    return { user, history, seen, exclude, ...moment }
  }
  if (user !== undefined) return { user, seen, exclude, ...moment }
  throw new FociError('OPTION', 'Neither a user nor a history is given.', 'Give one of the two.')
}

function listingOf({ k = 10, filter }: ListOptions): Listing {
  checkCount(k)
  if (filter !== undefined && !(filter instanceof Filter))
    throw refused('filter', filter, 'Make one of a predicate: recommender.filter((item) => …).')
  return { k, filter }
}

/** @throws FociError OPTION */
export function checkCount(k: number): void {
  if (!(Number.isInteger(k) && k >= 1)) throw refused('k', k, 'It is a whole number from 1.')
}

/**
 * An id of a user or an item: a text, or a whole number, which is its decimal text.
 * @param field where it stands
 * @throws FociError OPTION
 */
export function idOf(id: unknown, field: string, hint = 'An id is a text, or a whole number.'): string {
  if (typeof id === 'string') return id
  if (typeof id !== 'number') throw new FociError('OPTION', `${field} is ${shown(id)}.`, hint)
  if (Number.isSafeInteger(id)) return String(id)
  throw new FociError('OPTION', `${field} is ${id}, which is no whole number that is told from its neighbours.`, 'Give ids as texts.')
}

/** Milliseconds. @throws FociError OPTION */
export function timeOf(time: number | Date, field: string): number {
  const value = Number(time)
  if ((typeof time === 'number' || Object.prototype.toString.call(time) === '[object Date]') && Number.isFinite(value)) return value
  throw refused(field, time, 'It is in milliseconds, as Date.now(), or a date.')
}

/** A history's event, its time in milliseconds. @throws FociError OPTION */
export function eventOf(event: unknown): {
  readonly item: string
  readonly time?: number
  readonly scene?: string
  readonly event?: string
} {
  if (typeof event !== 'object' || event === null) return { item: idOf(event, 'An event of the history', HISTORY) }
  const { item, time, scene, event: type } = event as { readonly [field: string]: unknown }
  const named = { scene, event: type }
  for (const [field, value] of Object.entries(named)) {
    if (value !== undefined && typeof value !== 'string')
      throw refused(`The ${field} of an event of the history`, value, 'It is a text, as in the log.')
  }
  if (item === undefined || item === null) throw refused('An event of the history', event, HISTORY)
  return {
    item: idOf(item, 'The item of an event of the history', HISTORY),
    ...(time !== undefined && { time: timeOf(time as number, 'The time of an event of the history') }),
    ...(named as { readonly scene?: string; readonly event?: string }),
  }
}

/** An array, a set: whatever gives its entries, but not a text, which would give letters. */
export const isList = (value: unknown): value is Iterable<Id> => typeof value === 'object' && value !== null && Symbol.iterator in value

function checkList(field: string, value: Iterable<unknown> | undefined, hint: string): void {
  if (value !== undefined && !isList(value)) throw refused(field, value, hint)
}

const refused = (field: string, value: unknown, hint: string): FociError => new FociError('OPTION', `${field} is ${shown(value)}.`, hint)
