import type { StepReport } from '../train/options.ts'

/** A bar on standard error while an epoch runs; nothing where that is no terminal. */
export interface Progress {
  step(report: StepReport): void
  /** Takes the bar away, so that a line can be written; the next step brings it back. */
  clear(): void
}

export async function progress(stream: NodeJS.WriteStream = process.stderr): Promise<Progress> {
  if (!stream.isTTY) return { step: () => undefined, clear: () => undefined }
  const { default: cliProgress } = await import('cli-progress')
  const bar = new cliProgress.SingleBar({
    stream,
    clearOnComplete: true,
    format: '{phase} {epoch} [{bar}] {value}/{total} steps, {eta_formatted} left',
  })
  let running = false
  const clear = (): void => {
    if (running) bar.stop()
    running = false
  }
  const step = ({ final, epoch, step, steps }: StepReport): void => {
    const now = { phase: final ? 'all rows, epoch' : 'epoch', epoch }
    if (!running) bar.start(steps, step, now)
    else bar.update(step, now)
    running = true
  }
  return { step, clear }
}
