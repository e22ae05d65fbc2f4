import type { Catalogue, EventRoles, Interactions } from '../data/interactions.ts'
import { roleTable, seenTable } from '../data/roles.ts'
import { FociError } from '../errors.ts'
import type { Needs } from '../models/contracts.ts'

/** What a model's indices mean. */
export interface Names {
  readonly catalogue: Catalogue
  /** Those of the training: they rule what is read of a log, and what counts as seen. */
  readonly roles: EventRoles
  /** By index, where the model reads scenes. */
  readonly scenes?: readonly string[]
  /** Event types by index, where the model reads them. */
  readonly events?: readonly string[]
  /** Index of a user id, or −1, where the model reads users. */
  readonly userOf?: (id: string) => number
}

/** A log as a model sees it: its ids become the model's indices, by name, whatever stands where. */
export interface LogView {
  readonly log: Interactions
  /** Index of each of the log's items, or −1 for one that the model does not know. */
  readonly items: Int32Array
  /** Index of each of the log's scenes and event types, or −1, where the model reads them. */
  readonly scenes?: Int32Array
  readonly types?: Int32Array
  /** Index of each of the log's users, or −1, where the model reads users. */
  readonly users?: Int32Array
  /** Whether rows stand in a history, by event type. */
  readonly read: readonly boolean[]
  /** Whether the seen filter removes the items of rows, by event type. */
  readonly seen: readonly boolean[]
}

/**
 * @param model whose needs they are, for errors
 * @throws FociError NEED where the log lacks a column that the model reads
 */
export function viewLog(log: Interactions, { catalogue, roles, scenes, events, userOf }: Names, needs: Needs, model: string): LogView {
  checkNeeds(log, needs, model)
  const seen = seenTable(log, roles)
  return {
    log,
    items: indicesOf(log.catalogue.ids, catalogue),
    scenes: scenes && indicesAmong(log.sceneNames, scenes),
    types: events && indicesAmong(log.eventNames, events),
    users: userOf && Int32Array.from(log.users, userOf),
    read: roleTable(log, roles.input) ?? seen.map(() => true),
    seen,
  }
}

function indicesOf(strange: readonly string[], { ids, indexOf }: Catalogue): Int32Array {
  const indices = new Int32Array(strange.length)
  // Most logs begin as the one did that the artefact was trained on: an item's place is its index
  for (let i = 0; i < strange.length; i++) indices[i] = ids[i] === strange[i] ? i : indexOf(strange[i])
  return indices
}

const indicesAmong = (strange: readonly string[] = [], names: readonly string[]): Int32Array =>
  Int32Array.from(strange, (name) => names.indexOf(name))

/** @throws FociError NEED where a log lacks a column that a model reads */
export function checkNeeds(log: Interactions, { events = [], request = [] }: Needs, model: string): void {
  const lacks = (what: string, hint: string): FociError => new FociError('NEED', `${model} reads ${what}, and the log has none.`, hint)
  const timed = events.includes('time') || request.includes('now')
  if (timed && log.unit === 'ordinal')
    throw lacks('times of events', 'Its times are only positions; if they are times, say their unit: --unit (unit: …).')
  if ((events.includes('scene') || request.includes('scene')) && !log.scenes)
    throw lacks('scenes', 'Name their column: --scene-column (columns: { scene: … }).')
  if (events.includes('type') && !log.events) throw lacks('event types', 'Name their column: --event-column (columns: { event: … }).')
}
