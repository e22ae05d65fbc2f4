import type { TimeUnit } from '../data/interactions.ts'
import type { Block, Gathered, Limits } from './gathered.ts'
import { fault, faults } from './row-faults.ts'
import { bandLimits, detectUnit, ordinalLimit, type TimeCounts, timeFaults } from './time.ts'

/** What the whole column of times says of its rows. */
export interface Checked {
  readonly unit: TimeUnit
  /** Rows with a fault, by reason. */
  readonly counts: Readonly<Record<string, number>>
  /** The first row with a fault. */
  readonly first?: Fault
}

export interface Fault {
  /** From 0, in the order of the source. */
  readonly row: number
  readonly code: number
  /** Its time, where the row is sound by itself and does not fit its column's unit. */
  readonly unfit?: number
}

/** Finds the unit of the times where it is not given, and the rows that don't fit it. */
export function checkRows(gathered: Gathered, given?: TimeUnit): Checked {
  const { blocks } = gathered
  const limits = blocks.map((block) => block.limits ?? limitsOf(block))
  const unit = given ?? detectUnit(countTimes(blocks, limits))
  const found = new Int32Array(Math.max(...Object.values(fault)) + 1)
  const faultOf = timeFaults(unit)
  let first: Fault | undefined
  let start = 0
  for (const [at, { rows, times, dated, faults: known }] of blocks.entries()) {
    if (isSound(limits[at], unit, faultOf)) {
      start += rows
      continue
    }
    for (let i = 0; i < rows; i++) {
      const sound = known[i] === fault.none
      if (sound) known[i] = faultOf(times[i], dated[i] === 1)
      const code = known[i]
      if (code === fault.none) continue
      found[code]++
      first ??= { row: start + i, code, ...(sound && { unfit: times[i] }) }
    }
    start += rows
  }
  const counts = Array.from(found, (count, code) => [faults[code]?.reason, count] as const).filter(([, count]) => count > 0)
  return { unit, counts: Object.fromEntries(counts), first }
}

function limitsOf({ rows, times, dated, faults }: Block): Limits | undefined {
  let [least, most, odd, whole] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, true]
  for (let i = 0; i < rows; i++) {
    const time = times[i]
    odd |= dated[i] | faults[i]
    if (time < least) least = time
    if (time > most) most = time
    if ((time | 0) !== time) whole = false
  }
  return odd === 0 ? { least, most, whole } : undefined
}

/** Whether the limits show that no row of a block has a fault; others have to be looked at one by one. */
function isSound(limits: Limits | undefined, unit: TimeUnit, faultOf: ReturnType<typeof timeFaults>): boolean {
  if (limits === undefined || (unit === 'ordinal' && !limits.whole)) return false
  return faultOf(limits.least, false) === fault.none && faultOf(limits.most, false) === fault.none
}

function countTimes(blocks: readonly Block[], limits: readonly (Limits | undefined)[]): TimeCounts {
  const bands = [0, 0, 0, 0]
  let [numbers, isos, positions] = [0, 0, 0]
  for (const [at, { rows, times, dated, faults: known }] of blocks.entries()) {
    const { least, most, whole } = limits[at] ?? { least: Number.NaN, most: Number.NaN, whole: false }
    const positioned = whole && least >= 0 && most < ordinalLimit
    if (positioned || (least >= ordinalLimit && bandOf(least) === bandOf(most))) {
      numbers += rows
      bands[bandOf(least)] += rows
      if (positioned) positions += rows
      continue
    }
    for (let i = 0; i < rows; i++) {
      if (known[i] !== fault.none) continue
      if (dated[i] === 1) {
        isos++
        continue
      }
      numbers++
      const time = times[i]
      bands[bandOf(time)]++
      if (time >= 0 && time < ordinalLimit && Math.floor(time) === time) positions++
    }
  }
  return { numbers, isos, bands, positions }
}

function bandOf(time: number): number {
  const size = Math.abs(time)
  return size < bandLimits[0] ? 0 : size < bandLimits[1] ? 1 : size < bandLimits[2] ? 2 : 3
}
