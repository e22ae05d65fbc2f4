import { seedOf, uniform } from '../data/random.ts'
import { roleTable } from '../data/roles.ts'
import { type Examples, JaggedRows, masked } from './examples.ts'

/**
 * Slots of a window at random, one at least, whose items are hidden and asked for: BERT4Rec's (Sun et al., CIKM 2019). In every
 * `lastEvery`-th window, by turns, the last slot alone is hidden, as it is when serving.
 * @param rate share of the slots
 */
export const maskedSlots =
  (rate: number, { lastEvery = 10 }: { readonly lastEvery?: number } = {}): Examples =>
  (windows, chosen, { seed, epoch }) => {
    const { log, offsets, inputs, targets } = windows
    const isTarget = log.events && roleTable(log, log.roles.target)
    const mayHide = (row: number): boolean => !isTarget || isTarget[log.events?.[row] ?? 0]
    const [history, rows, asked] = [new JaggedRows(), new JaggedRows(), [] as number[]]
    let length = 0
    for (const window of chosen) {
      const [start, end] = [offsets[window], offsets[window + 1]]
      // The events of a window, the last target with them
      const events = Int32Array.of(...inputs.subarray(start, end), targets[end - 1])
      const last = (window + epoch) % lastEvery === 0
      const slots = Array.from(events.keys()).filter((slot) => (last ? slot === events.length - 1 : mayHide(events[slot])))
      const hidden = last ? slots : drawSlots(slots, rate, seedOf(seed, `window ${window}`), epoch)
      rows.push(Int32Array.from(hidden, (slot) => events[slot]))
      for (const slot of hidden) {
        asked.push(length + slot)
        events[slot] = masked(events[slot])
      }
      history.push(events)
      length += events.length
    }
    const [read, about] = [history.join(), rows.join()]
    return { history: read.values, offsets: read.offsets, asked: Int32Array.from(asked), rows: about.values, rowOffsets: about.offsets }
  }

/** Each with the chance of `rate`; one of them where none is drawn. */
function drawSlots(slots: readonly number[], rate: number, seed: number, epoch: number): readonly number[] {
  const drawn = slots.filter((slot) => uniform(seed, epoch, slot + 1) < rate)
  return drawn.length > 0 ? drawn : [slots[Math.floor(uniform(seed, epoch, 0) * slots.length)]]
}
