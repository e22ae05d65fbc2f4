import type { Interactions } from '../data/interactions.ts'
import { type LogView, viewLog } from '../recommend/log-view.ts'
import { Asked, Lookup } from '../recommend/lookup.ts'
import { fillUp, present, rankItems, usersAtOnce } from '../recommend/ranking.ts'
import type { Served } from '../recommend/served.ts'
import type { Cases, Split } from '../split/split.ts'
import { hitRanks } from './metrics.ts'

/** What a user's list holds of what is relevant. */
export interface Found {
  /** Ranks, from 1, of the relevant items among the first k, ascending. */
  readonly hits: readonly number[]
  /** How many items are relevant. */
  readonly relevant: number
  /** How many of them the model does not know, may not show, and does not show again. */
  readonly unknown: number
  readonly untrained: number
  readonly seen: number
  /** Whether the user has a history that the model can read. */
  readonly warm: boolean
}

/**
 * What each case finds among the first k that serving would show: of the items that the model may show, without those that the
 * user has seen, and popular ones where the model has no answer. A target that is none of these is a miss. An item's rank is
 * 1 + the items that score higher + the equal ones that stand earlier in the catalogue.
 */
export function findTargets(served: Served, { log }: Split, cases: Cases, k: number): Found[] {
  const { relevant, relevantOffsets } = cases
  const places = Int32Array.from(cases.users.keys())
  const found: Found[] = []
  for (const { asked, of, view } of askAbout(served, log, cases, places)) {
    for (const [b, list] of ranked(served, asked, k).entries()) {
      const wanted = relevant.subarray(relevantOffsets[of[b]], relevantOffsets[of[b] + 1])
      found.push(
        foundIn(
          list,
          Array.from(wanted, (item) => view.items[item]),
          served,
          k,
        ),
      )
    }
  }
  return found
}

/** Some cases as a model is asked about them. */
export interface AskedCases {
  /** Until the next are asked about. */
  readonly asked: Asked
  /** Which cases they are. */
  readonly of: Int32Array
  readonly view: LogView
}

/** Cases, as many at a time as the model takes. @param places those that are wanted, ascending */
export function* askAbout(served: Served, log: Interactions, { users, ends, rows }: Cases, places: Int32Array): Generator<AskedCases> {
  const view = viewLog(log, served, served.needs, served.name)
  const lookup = new Lookup(served, undefined)
  const asked = new Asked(served)
  const size = usersAtOnce(served)
  for (let first = 0, end = 0; first < places.length; first = end) {
    asked.clear()
    for (let events = 0; end < places.length && end - first < size; end++) {
      const i = places[end]
      events += Math.min(served.model.maxLength, ends[i] - log.offsets[users[i]])
      if (end > first && events > EVENTS) break
      const scene = log.scenes && view.scenes ? view.scenes[log.scenes[rows[i]]] : undefined
      lookup.addRows(view, log.offsets[users[i]], ends[i], { now: log.times[rows[i]], scene, user: view.users?.[users[i]] }, asked)
    }
    yield { asked, of: places.subarray(first, end), view }
  }
}

/** Events of histories that are asked about at once, if a single history is no longer: they bound the memory of a batch. */
const EVENTS = 8192

interface RankedUser {
  readonly items: Int32Array
  readonly hidden: ReadonlySet<number>
  readonly warm: boolean
}

/** The lists of those who are asked, as `recommend` makes them. */
function ranked(served: Served, asked: Asked, k: number): RankedUser[] {
  const { engine, trained, popular, items: V } = served
  const places = Math.min(k, V)
  const lists = asked.view()
  const found = rankItems(engine, served, { ...lists, k: places, allowed: trained.mask })
  fillUp(found, lists, trained, popular)
  const { columns, seen } = lists
  return Array.from({ length: asked.users }, (_, b) => ({
    items: present(found.items.subarray(b * places, (b + 1) * places)),
    hidden: new Set(seen.values.subarray(seen.offsets[b], seen.offsets[b + 1])),
    warm: columns.offsets[b] < columns.offsets[b + 1],
  }))
}

/** @param wanted indices of the model, −1 where it has none */
function foundIn({ items, hidden, warm }: RankedUser, wanted: readonly number[], { trained }: Served, k: number): Found {
  const known = wanted.filter((item) => item >= 0)
  return {
    hits: hitRanks(items, new Set(known), k),
    relevant: wanted.length,
    unknown: wanted.length - known.length,
    untrained: wanted.length - known.filter((item) => trained.has(item)).length,
    seen: known.filter((item) => hidden.has(item)).length,
    warm,
  }
}
