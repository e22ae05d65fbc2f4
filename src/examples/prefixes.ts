import { permutation, seedOf } from '../data/random.ts'
import { type Examples, JaggedRows } from './examples.ts'

/**
 * Prefixes of a window, each with the target that follows it: for models that see a history as a whole. The last prefix, and
 * others drawn anew each epoch.
 * @param count prefixes of a window at most
 */
export const prefixes =
  (count: number): Examples =>
  (windows, chosen, draw) => {
    const { offsets, inputs, targets } = windows
    const [history, rows, asked] = [new JaggedRows(), new JaggedRows(), [] as number[]]
    let length = 0
    for (const window of chosen) {
      const start = offsets[window]
      for (const place of drawPlaces(offsets[window + 1] - start, count, draw.seed, draw.epoch, window)) {
        history.push(inputs.subarray(start, start + place + 1))
        rows.push(targets.subarray(start + place, start + place + 1))
        length += place + 1
        asked.push(length - 1)
      }
    }
    const [read, about] = [history.join(), rows.join()]
    return { history: read.values, offsets: read.offsets, asked: Int32Array.from(asked), rows: about.values, rowOffsets: about.offsets }
  }

/** Distinct places of `0 .. length`, ascending: the last, and others at random. */
export function drawPlaces(length: number, count: number, seed: number, epoch: number, window: number): Int32Array {
  if (length <= count) return Int32Array.from({ length }, (_, i) => i)
  const others = permutation(length - 1, seedOf(seed, `window ${window}`), epoch).subarray(0, count - 1)
  return Int32Array.from([...others, length - 1]).sort()
}
