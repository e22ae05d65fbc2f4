import type { Interactions } from '../data/interactions.ts'
import { nearest } from '../data/nearest.ts'
import { FociError } from '../errors.ts'
import { eventOf, idOf, timeOf } from './door.ts'
import { type At, HistoriesBuilder, type IndexedEvent } from './histories.ts'
import { ListsBuilder } from './lists.ts'
import { type LogView, viewLog } from './log-view.ts'
import type { RankRequest } from './ranking.ts'
import type { Event, Id, Moment, UserRequest } from './request.ts'
import type { Served } from './served.ts'

/** Users who are asked about, as a model's indices. */
export class Asked {
  /** What the model reads of each, oldest first, cut to its length. */
  readonly histories: HistoriesBuilder
  /** What each does not get: the items that the user has seen, and those that the request leaves out. */
  readonly left = new ListsBuilder()
  /** Items that the artefact does not know, by the place of the user who named them. */
  unknown = new Map<number, readonly string[]>()

  constructor({ needs }: Pick<Served, 'needs'>) {
    this.histories = new HistoriesBuilder(needs)
  }

  get users(): number {
    return this.histories.count
  }

  /** What a ranking takes, until more is added. */
  view(): Pick<RankRequest, 'columns' | 'seen'> {
    return { columns: this.histories.view(), seen: this.left.view() }
  }

  clear(): void {
    this.histories.clear()
    this.left.clear()
    if (this.unknown.size > 0) this.unknown = new Map()
  }
}

/** Turns ids of requests, and users of a log, into indices of a model. */
export class Lookup {
  private readonly served: Served
  private readonly log: Interactions | undefined
  private viewed: LogView | undefined
  private users: ReadonlyMap<string, number> | undefined

  constructor(served: Served, log: Interactions | undefined) {
    this.served = served
    this.log = log
  }

  /**
   * @param request as the door gives it; what its lists hold is checked here
   * @throws FociError OPTION; UNKNOWN for a user that the log lacks; NEED for what the model reads and the request lacks
   */
  add({ user, history, seen, exclude, now, scene }: UserRequest, to: Asked): void {
    this.addItems(seen, 'An item of seen', to)
    this.addItems(exclude, 'An item of exclude', to)
    const at = this.atOf({ now, scene })
    if (history !== undefined) this.addHistory(history, { ...at, user: this.ownerOf(user) }, to)
    else {
      const index = this.userOf(idOf(user, 'user'))
      this.addUsers(index, index + 1, at, to)
    }
  }

  /** Whose a given history is, where the model reads users. @throws FociError NEED, OPTION */
  private ownerOf(user: Id | undefined): number {
    const { userOf, name } = this.served
    if (userOf && user !== undefined) return userOf(idOf(user, 'user'))
    if (userOf) throw lacking(name, 'users', 'Say whose the history is: { user, history }.')
    if (user === undefined) return -1
    throw new FociError('OPTION', `Both a user and a history are given, and ${name} does not read users.`, 'Give one of the two.')
  }

  /** Adds users of the log, from an index to before another. */
  addUsers(first: number, end: number, at: At, to: Asked): void {
    const view = this.view(first)
    const { offsets } = view.log
    for (let user = first; user < end; user++) {
      const of = view.users ? { ...at, user: view.users[user] } : at
      this.addRows(view, offsets[user], offsets[user + 1], of, to)
    }
  }

  /** Adds a user of whom the rows `[start, end)` of the log are known. */
  addRows(view: LogView, start: number, end: number, at: At, { histories, left }: Asked): void {
    histories.pushRows(view, start, end)
    histories.close(this.served.model.maxLength, at)
    left.pushSeen(view, start, end)
    left.close()
  }

  /** What is asked beside a history, as indices. @throws FociError OPTION, NEED, UNKNOWN */
  atOf({ now, scene }: Moment): At {
    const { needs, scenes, name } = this.served
    const { request = [] } = needs
    const at = now === undefined ? Date.now() : timeOf(now, 'now')
    if (!request.includes('scene')) return { now: at / 1000 }
    const names = scenes ?? []
    if (scene === undefined) throw lacking(name, 'the scene that is asked for', `Give { scene }, one of ${names.join(', ')}.`)
    return { now: at / 1000, scene: sceneOf(scene, names) }
  }

  private addHistory(history: Iterable<Event>, at: At, { histories, left, unknown }: Asked): void {
    const { catalogue, roles, model } = this.served
    const strange: string[] = []
    const isOf = (names: readonly string[] | undefined, type: string | undefined): boolean =>
      type === undefined || names === undefined || names.includes(type)
    let place = 0
    for (const given of history) {
      const event = eventOf(given)
      const item = catalogue.indexOf(event.item)
      if (item < 0) strange.push(event.item)
      else {
        if (isOf(roles.input, event.event)) histories.push({ item, ...this.columnsOf(event, place) })
        const negative = event.event !== undefined && roles.negative?.includes(event.event)
        if (negative || (roles.seen !== 'none' && isOf(roles.seen, event.event))) left.push(item)
      }
      place++
    }
    if (strange.length > 0) unknown.set(histories.count, strange)
    histories.close(model.maxLength, at)
    left.close()
  }

  /** What the model reads of an event beside its item. */
  private columnsOf({ time, scene, event }: ReturnType<typeof eventOf>, place: number): Omit<IndexedEvent, 'item'> {
    const { needs, name, scenes = [], events = [] } = this.served
    const { events: wanted = [], request = [] } = needs
    const lacks = (what: string, field = what): FociError =>
      lacking(name, `the ${what} of events`, `Give it with the item: { item, ${field} }.`, `the event ${place} of the history`)
    const timed = wanted.includes('time') || request.includes('now')
    if (timed && time === undefined) throw lacks('time')
    if (wanted.includes('scene') && scene === undefined) throw lacks('scene')
    if (wanted.includes('type') && event === undefined) throw lacks('event type', 'event')
    return {
      ...(timed && { time: (time ?? 0) / 1000 }),
      ...(wanted.includes('scene') && { scene: scenes.indexOf(scene ?? '') }),
      ...(wanted.includes('type') && { type: events.indexOf(event ?? '') }),
    }
  }

  private addItems(ids: Iterable<Id> | undefined, field: string, { left }: Asked): void {
    for (const id of ids ?? []) {
      const item = this.served.catalogue.indexOf(idOf(id, field))
      if (item >= 0) left.push(item)
    }
  }

  private view(user: string | number): LogView {
    this.viewed ??= viewLog(this.opened(user), this.served, this.served.needs, this.served.name)
    return this.viewed
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

function sceneOf(scene: string, names: readonly string[]): number {
  const index = names.indexOf(scene)
  if (index >= 0) return index
  const near = nearest(scene, names)
  throw new FociError(
    'UNKNOWN',
    `The model knows no scene "${scene}".`,
    `${near ? `Did you mean "${near}"? ` : ''}It knows ${names.join(', ')}.`,
  )
}

const lacking = (model: string, what: string, hint: string, where = 'the request'): FociError =>
  new FociError('NEED', `${model} reads ${what}, and ${where} has none.`, hint)
