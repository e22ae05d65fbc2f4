import type { Interactions } from '../data/interactions.ts'
import { integers, seedOf } from '../data/random.ts'
import { roleTable } from '../data/roles.ts'
import { type Examples, JaggedRows } from './examples.ts'
import { drawPlaces } from './prefixes.ts'

export interface Labelling {
  /** Prefixes of a window at most. */
  readonly prefixes: number
  /** Items drawn beside each target, uniformly; one that is the target is drawn as the item after it. */
  readonly negatives: number
}

/**
 * Candidates with labels, for rankers: after each prefix the target, which is wanted, and negatives, which are not. Where the
 * log has events that say what was shown (`roles.shown`), the negatives are those that were shown after the prefix and before
 * the target; where none were, or the log has no such events, they are drawn.
 */
export const labelled =
  ({ prefixes, negatives }: Labelling): Examples =>
  (windows, chosen, draw) => {
    const { log, offsets, inputs, targets } = windows
    const shown = shownBetween(log)
    const [history, rows, items, labels] = [new JaggedRows(), new JaggedRows(), new JaggedRows(), [] as number[]]
    for (const window of chosen) {
      const start = offsets[window]
      for (const place of drawPlaces(offsets[window + 1] - start, prefixes, draw.seed, draw.epoch, window)) {
        const target = targets[start + place]
        const item = log.items[target]
        const wrong = shown(inputs[start + place], target, negatives)
        const unwanted = wrong.length > 0 ? wrong : drawItems(negatives, log.catalogue.size, item, draw.seed, draw.epoch, window, place)
        history.push(inputs.subarray(start, start + place + 1))
        rows.push(new Int32Array(1 + unwanted.length).fill(target))
        items.push(Int32Array.of(item, ...unwanted))
        labels.push(1, ...unwanted.map(() => 0))
      }
    }
    const [read, about] = [history.join(), rows.join()]
    return {
      ...{ history: read.values, offsets: read.offsets, rows: about.values, rowOffsets: about.offsets },
      ...{ targets: items.join().values, labels: Float32Array.from(labels) },
    }
  }

/** The last items that a log says were shown between two rows of a user, another than the later row's. */
export function shownBetween(log: Interactions): (after: number, before: number, most: number) => number[] {
  const { events, items } = log
  const isShown = roleTable(log, log.roles.shown)
  if (!isShown || !events) return () => []
  return (after, before, most) => {
    const found = new Set<number>()
    for (let row = before - 1; row > after && found.size < most; row--) {
      if (isShown[events[row]] && items[row] !== items[before]) found.add(items[row])
    }
    return [...found]
  }
}

function drawItems(count: number, V: number, target: number, seed: number, epoch: number, window: number, place: number): number[] {
  if (V < 2) return []
  const drawn = integers(count, V - 1, seedOf(seed, `negatives ${window} ${place}`), epoch)
  return Array.from(drawn, (item) => (item < target ? item : item + 1))
}
