import type { Catalogue, EventRoles, Interactions } from '../data/interactions.ts'
import { roleTable } from '../data/roles.ts'
import { FociError } from '../errors.ts'
import { seenTable } from '../split/history.ts'
import { idOf, itemOf } from './door.ts'
import { type ListedRows, type Lists, ListsBuilder } from './lists.ts'
import type { Event, Id, UserRequest } from './request.ts'

/** Users who are asked about, as item indices. */
export class Asked {
  /** What the model reads of each, oldest first, cut to its length. */
  readonly histories = new ListsBuilder()
  /** What each does not get: the items that the user has seen, and those that the request leaves out. */
  readonly left = new ListsBuilder()
  /** Items that the artefact does not know, by the place of the user who named them. */
  unknown = new Map<number, readonly string[]>()

  get users(): number {
    return this.histories.count
  }

  /** What a ranking takes, until more is added. */
  view(): { histories: Lists; seen: Lists } {
    return { histories: this.histories.view(), seen: this.left.view() }
  }

  clear(): void {
    this.histories.clear()
    this.left.clear()
    if (this.unknown.size > 0) this.unknown = new Map()
  }
}

/** A log as the artefact sees it. */
interface Rows {
  readonly read: ListedRows
  readonly left: ListedRows
}

/** Turns ids of requests, and users of a log, into item indices of an artefact. */
export class Lookup {
  private readonly catalogue: Catalogue
  private readonly roles: EventRoles
  private readonly maxLength: number
  private readonly log: Interactions | undefined
  private rows: Rows | undefined
  private users: ReadonlyMap<string, number> | undefined

  /**
   * @param roles those of the training: they rule what is read of a log, and what counts as seen
   * @param maxLength events that a history is cut to, the latest ones
   */
  constructor(catalogue: Catalogue, roles: EventRoles, maxLength: number, log: Interactions | undefined) {
    this.catalogue = catalogue
    this.roles = roles
    this.maxLength = maxLength
    this.log = log
  }

  /**
   * @param request as the door gives it; what its lists hold is checked here
   * @throws FociError OPTION, UNKNOWN (a user that the log lacks)
   */
  add({ user, history, seen, exclude }: UserRequest, to: Asked): void {
    this.addItems(seen, 'An item of seen', to)
    this.addItems(exclude, 'An item of exclude', to)
    if (user === undefined) this.addHistory(history, to)
    else {
      const index = this.userOf(idOf(user, 'user'))
      this.addUsers(index, index + 1, to)
    }
  }

  /** Adds users of the log, from an index to before another. */
  addUsers(first: number, end: number, { histories, left }: Asked): void {
    this.rows ??= this.rowsOf(this.opened(first))
    histories.pushUsers(first, end, this.rows.read, this.maxLength)
    left.pushUsers(first, end, this.rows.left)
  }

  private addHistory(history: Iterable<Event>, { histories, left, unknown }: Asked): void {
    const hidden = this.roles.seen !== 'none'
    const strange: string[] = []
    for (const event of history) {
      const id = itemOf(event)
      const item = this.catalogue.indexOf(id)
      if (item < 0) {
        strange.push(id)
        continue
      }
      histories.push(item)
      if (hidden) left.push(item)
    }
    if (strange.length > 0) unknown.set(histories.count, strange)
    histories.close(this.maxLength)
    left.close()
  }

  private addItems(ids: Iterable<Id> | undefined, field: string, { left }: Asked): void {
    for (const id of ids ?? []) {
      const item = this.catalogue.indexOf(idOf(id, field))
      if (item >= 0) left.push(item)
    }
  }

  private rowsOf(given: Interactions): Rows {
    const { offsets, items, events } = given
    const rows = { offsets, items, events, values: this.indicesOf(given.catalogue.ids) }
    const seen = seenTable(given, this.roles)
    const read = roleTable(given, this.roles.input) ?? seen.map(() => true)
    return { read: { ...rows, listed: read }, left: { ...rows, listed: seen } }
  }

  private indicesOf(strange: readonly string[]): Int32Array {
    const indices = new Int32Array(strange.length)
    const { ids } = this.catalogue
    // Most logs begin as the one did that the artefact was trained on: an item's place is its index
    for (let i = 0; i < strange.length; i++) indices[i] = ids[i] === strange[i] ? i : this.catalogue.indexOf(strange[i])
    return indices
  }

  private userOf(id: string): number {
    this.users ??= new Map(this.opened(id).users.map((user, index) => [user, index]))
    const user = this.users.get(id)
    if (user === undefined) throw new FociError('UNKNOWN', `The log has no user "${id}".`, 'User ids are case-sensitive strings.')
    return user
  }

  private opened(user: string | number): Interactions {
    if (this.log) return this.log
    throw new FociError('OPTION', `"${user}" cannot be looked up without a log.`, 'Load with { log }, or give a history.')
  }
}
