import type { Training } from '../models/training.ts'
import type { EpochReport } from './settings.ts'

/** Where a step stands. */
export interface Moment {
  /** Epochs before it, with the part of the current one that is done. */
  readonly epoch: number
  /** What the epochs before it came to. */
  readonly reports: readonly Pick<EpochReport, 'best'>[]
}

const PLATEAU = Math.sqrt(0.1)

/** The learning rate of a step. It depends on the settings and on where the step stands alone, so that a run can go on. */
export function rateAt({ learningRate, schedule, warmup, epochs, patience }: Training, { epoch, reports }: Moment): number {
  const rising = warmup > 0 ? Math.min(1, epoch / warmup) : 1
  const whole = Math.floor(epoch)
  const factor = {
    constant: () => 1,
    halving: () => 0.5 ** whole,
    cosine: () => (1 + Math.cos((Math.PI * Math.min(epoch, epochs)) / epochs)) / 2,
    plateau: () => PLATEAU ** plateaus(reports.slice(0, whole), Math.max(1, Math.floor(patience / 2))),
  }[schedule]()
  return learningRate * rising * factor
}

/** How often `length` epochs passed without a better validation than any before, or than at the time of the last such. */
function plateaus(reports: readonly Pick<EpochReport, 'best'>[], length: number): number {
  let [count, waiting] = [0, 0]
  for (const { best } of reports) {
    waiting = best ? 0 : waiting + 1
    if (waiting < length) continue
    count++
    waiting = 0
  }
  return count
}
