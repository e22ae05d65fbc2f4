import { FociError } from '../errors.ts'
import type { Ranked } from './ranking.ts'

/** Places that are ranked for each item to choose, and how much longer the next ranking is where they do not settle it. */
const GROWTH = 8

/** Whether two items are of one category. */
export type Alike = (a: number, b: number) => boolean

/** Items are alike where they share a category at least; one without categories is unlike every other. */
export function alikeBy(categories: readonly (readonly string[])[] | undefined): Alike {
  if (categories?.some((names) => names.length > 0)) return (a, b) => categories[a].some((name) => categories[b].includes(name))
  throw new FociError(
    'NEED',
    'The artefact has no categories of items, by which diversity is measured.',
    'Train again with an items table that has categories: --items FILE, or the option items.',
  )
}

/**
 * ComiRec's greedy choice: k times the item with the greatest f(i) − λ · |{j chosen : j is alike i}|, ties to the one that
 * ranks first. It approaches the set with the greatest Σ f(i) + λ · |{pairs of the set that are not alike}|.
 * Cen et al., "Controllable Multi-Interest Framework for Recommendation", KDD 2020.
 *
 * The paper takes candidates of a fixed number; here they are as many as the greedy over the whole catalogue needs.
 * @param rank the best items by f, as many as asked for and there are
 * @returns k places in the order of choice, with f as their scores; absent ones as `rank` gives them
 */
export function diversify(rank: (count: number) => Ranked, k: number, weight: number, alike: Alike): Ranked {
  for (let count = GROWTH * k; ; count *= GROWTH) {
    const ranked = rank(count)
    const { items, scores } = ranked
    const end = items.indexOf(-1)
    const whole = end >= 0 || items.length < count
    const places = greedy(items.subarray(0, end < 0 ? items.length : end), scores, whole, k, weight, alike)
    if (places) return pick(ranked, places, k)
  }
}

/** The places chosen; nothing where an item that stands behind all of these could have won. */
function greedy(
  items: Int32Array,
  scores: Float32Array,
  whole: boolean,
  k: number,
  weight: number,
  alike: Alike,
): readonly number[] | undefined {
  const chosen: number[] = []
  const counts = new Int32Array(items.length) // chosen items that are alike
  const compared = new Int32Array(items.length) // chosen items that were looked at for it
  const taken = new Uint8Array(items.length)
  while (chosen.length < Math.min(k, items.length)) {
    let best = -1
    let most = Number.NEGATIVE_INFINITY
    for (let place = 0; place < items.length; place++) {
      if (best >= 0 && scores[place] <= most) break // no later f can win
      if (taken[place]) continue
      for (; compared[place] < chosen.length; compared[place]++) {
        if (alike(items[place], items[chosen[compared[place]]])) counts[place]++
      }
      const value = scores[place] - weight * counts[place]
      if (best < 0 || value > most) [best, most] = [place, value]
    }
    if (!whole && scores[items.length - 1] > most) return undefined
    chosen.push(best)
    taken[best] = 1
  }
  return chosen
}

function pick({ items, scores, interests }: Ranked, places: readonly number[], k: number): Ranked {
  const of = { length: k }
  return {
    items: Int32Array.from(of, (_, i) => (i < places.length ? items[places[i]] : -1)),
    scores: Float32Array.from(of, (_, i) => (i < places.length ? scores[places[i]] : Number.NEGATIVE_INFINITY)),
    interests: Int32Array.from(of, (_, i) => (i < places.length ? interests[places[i]] : -1)),
  }
}
