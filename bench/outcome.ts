/** What a measured process is told and what it prints; bench/peers/outcome.py is the same for Python. */
import { readFileSync } from 'node:fs'

/** What a measured process prints as its last line. */
export interface Outcome<Answer = unknown> {
  /** Measurements by unit, such as `{ 's/epoch': [4.2, 4.1] }`. */
  readonly figures: Readonly<Record<string, readonly number[]>>
  readonly peakMiB: number
  /** Of the library that was measured. */
  readonly version: string
  /** What it computed, to be compared with the other sides. */
  readonly answer: Answer
}

/** What the bench asks of this process. */
export const job = <Job>(): Job => JSON.parse(process.argv[2]) as Job

export function report(version: string, figures: Outcome['figures'], answer: unknown = null): void {
  console.log(JSON.stringify({ figures, peakMiB: peakMiB(), version, answer } satisfies Outcome))
}

export const fociVersion: string = JSON.parse(readFileSync('package.json', 'utf8')).version

/** Times of single calls, after one that warms up. */
export function milliseconds(call: () => unknown, { seconds = 2, least = 3, most = 200 } = {}): number[] {
  call()
  const times: number[] = []
  const end = performance.now() + seconds * 1000
  while (times.length < least || (times.length < most && performance.now() < end)) {
    const start = performance.now()
    call()
    times.push(performance.now() - start)
  }
  return times
}

/** maxRSS may be that of the process that started this one; VmHWM is not. */
function peakMiB(): number {
  try {
    return Math.round(Number(readFileSync('/proc/self/status', 'utf8').match(/VmHWM:\s+(\d+)/)?.[1]) / 1024)
  } catch {
    return Math.round(process.resourceUsage().maxRSS / 1024)
  }
}
