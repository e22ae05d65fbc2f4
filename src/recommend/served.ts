import type { Artefact } from '../artefact/artefact.ts'
import { catalogueOf } from '../data/catalogue.ts'
import type { Engine } from '../engine/engine.ts'
import type { BuiltModel } from '../models/define.ts'
import { popularItems } from '../models/popularity.ts'
import type { Split } from '../split/split.ts'
import { Bits } from './bits.ts'
import type { Names } from './log-view.ts'

/** A model and all that it is served by: evaluation, early stopping and requests rank with the same. */
export interface Served extends BuiltModel, Names {
  readonly engine: Engine
  /** Items that it may show, the most popular first: those that are targets of training rows. */
  readonly popular: Int32Array
  /** The same as bits. */
  readonly trained: Bits
}

/** What an artefact's model is served by. */
export function servedBy(engine: Engine, artefact: Artefact, built: BuiltModel): Served {
  const { ids, titles, categories, columns } = artefact.catalogue
  const { popular, roles, scenes, events, users } = artefact
  const trained = Bits.of(ids.length, popular)
  return {
    ...built,
    engine,
    catalogue: catalogueOf(ids, titles, categories, columns),
    roles,
    scenes,
    events,
    userOf: users && indexOfUser(users.ids),
    popular,
    trained,
  }
}

/** What a model that is being trained on a split will be served by. */
export function servedOn(engine: Engine, { log, ...split }: Split, built: BuiltModel): Served {
  const popular = popularItems({ log, ...split })
  const { catalogue, roles, sceneNames: scenes, eventNames: events } = log
  const userOf = built.needs.users && indexOfUser(log.users)
  return { ...built, engine, catalogue, roles, scenes, events, userOf, popular, trained: Bits.of(catalogue.size, popular) }
}

function indexOfUser(ids: readonly string[]): (id: string) => number {
  const indices = new Map(ids.map((id, index) => [id, index]))
  return (id) => indices.get(id) ?? -1
}
