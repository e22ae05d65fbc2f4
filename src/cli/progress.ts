import type { StepReport } from '../train/settings.ts'

/** A bar on standard error; nothing where that is no terminal. */
export interface Bar {
  /** @param payload what the format names beside value and total */
  show(value: number, total: number, payload?: Readonly<Record<string, unknown>>): void
  /** Takes the bar away, so that a line can be written; the next `show` brings it back. */
  clear(): void
}

export async function barOf(format: string, stream: NodeJS.WriteStream = process.stderr): Promise<Bar> {
  if (!stream.isTTY) return { show: () => undefined, clear: () => undefined }
  const { default: cliProgress } = await import('cli-progress')
  const bar = new cliProgress.SingleBar({ stream, clearOnComplete: true, format })
  let running = false
  const clear = (): void => {
    if (running) bar.stop()
    running = false
  }
  const show: Bar['show'] = (value, total, payload) => {
    if (running) bar.update(value, payload)
    else bar.start(total, value, payload)
    running = true
  }
  return { show, clear }
}

/** The bar of a training run, while an epoch runs. */
export interface Progress extends Pick<Bar, 'clear'> {
  step(report: StepReport): void
}

export async function progress(stream?: NodeJS.WriteStream): Promise<Progress> {
  const { show, clear } = await barOf('{phase} {epoch} [{bar}] {value}/{total} steps, {eta_formatted} left', stream)
  const step = ({ final, epoch, step, steps }: StepReport): void => show(step, steps, { phase: final ? 'all rows, epoch' : 'epoch', epoch })
  return { step, clear }
}
