import { seenTable } from '../data/history.ts'
import type { Catalogue, EventRoles, Interactions } from '../data/interactions.ts'
import { roleTable } from '../data/roles.ts'
import { FociError } from '../errors.ts'
import { type Lists, ListsBuilder } from './lists.ts'
import type { Event, UserRequest } from './request.ts'

/** Users who are asked about, as item indices. */
export class Asked {
  /** What the model reads of each, oldest first, cut to its length. */
  readonly histories = new ListsBuilder()
  /** What each does not get: the items that the user has seen, and those that the request leaves out. */
  readonly left = new ListsBuilder()
  /** Items of each request that the artefact does not know. */
  unknown: (readonly string[])[] = []

  get users(): number {
    return this.unknown.length
  }

  /** What a ranking takes, until more is added. */
  view(): { histories: Lists; seen: Lists } {
    return { histories: this.histories.view(), seen: this.left.view() }
  }

  clear(): void {
    this.histories.clear()
    this.left.clear()
    this.unknown = []
  }
}

/** A log as the artefact sees it. */
interface Rows {
  readonly log: Interactions
  /** The artefact's index of each item of the log, or −1. */
  readonly known: Int32Array
  /** For each event type; all where absent. */
  readonly isInput: readonly boolean[] | undefined
  readonly isSeen: readonly boolean[]
}

const NONE: readonly string[] = []

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

  /** @throws FociError OPTION, UNKNOWN (a user that the log lacks) */
  add(request: UserRequest, to: Asked): void {
    const unknown = request.user === undefined ? this.addHistory(request.history, to) : this.addRows(this.userOf(request.user), to)
    this.addItems(request.seen, to)
    this.addItems(request.exclude, to)
    this.close(to, unknown)
  }

  /** Adds a user of the log by index. */
  addUser(user: number, to: Asked): void {
    this.close(to, this.addRows(user, to))
  }

  private close({ histories, left, unknown }: Asked, strange: readonly string[]): void {
    histories.close(this.maxLength)
    left.close()
    unknown.push(strange)
  }

  private addHistory(history: readonly Event[] | undefined, { histories, left }: Asked): readonly string[] {
    if (!Array.isArray(history)) throw new FociError('OPTION', 'Neither a user nor a history is given.', 'Give one of the two.')
    const hidden = this.roles.seen !== 'none'
    const unknown: string[] = []
    for (const event of history) {
      const id = idOf(event)
      const item = this.catalogue.indexOf(id)
      if (item < 0) {
        unknown.push(id)
        continue
      }
      histories.push(item)
      if (hidden) left.push(item)
    }
    return unknown
  }

  private addRows(user: number, { histories, left }: Asked): readonly string[] {
    this.rows ??= this.rowsOf(this.opened(user))
    const { log, known, isInput, isSeen } = this.rows
    for (let row = log.offsets[user]; row < log.offsets[user + 1]; row++) {
      const item = known[log.items[row]]
      const event = log.events?.[row] ?? 0
      if (item < 0) continue
      if (isInput?.[event] ?? true) histories.push(item)
      if (isSeen[event]) left.push(item)
    }
    return NONE
  }

  private addItems(ids: readonly string[] | undefined, { left }: Asked): void {
    for (const id of ids ?? NONE) {
      const item = this.catalogue.indexOf(id)
      if (item >= 0) left.push(item)
    }
  }

  private rowsOf(given: Interactions): Rows {
    const log = { ...given, roles: this.roles }
    // Most logs begin as the one did that the artefact was trained on: an item's place is its index
    const { ids } = this.catalogue
    const known = Int32Array.from(log.catalogue.ids, (id, place) => (ids[place] === id ? place : this.catalogue.indexOf(id)))
    return { log, known, isInput: roleTable(log, this.roles.input), isSeen: seenTable(log) }
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

function idOf(event: Event): string {
  const id: unknown = typeof event === 'string' ? event : event?.item
  if (typeof id === 'string') return id
  throw new FociError(
    'OPTION',
    `An event of the history is ${JSON.stringify(event)}.`,
    'It is an item id, or an object with one: { item }.',
  )
}
