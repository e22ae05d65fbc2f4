import { reportFailure, Stopped } from './failure.ts'
import { note } from './output.ts'

/** Why a run is to stop. */
export interface Reason {
  /** What it ends with. */
  readonly exit: number
  /** Begins the sentence that says so, where the signal does not say it all. */
  readonly because: string
}

/** Signals that ask for an end, by the number that shells add to 128. Windows sends SIGINT, SIGBREAK, and SIGHUP some seconds before it kills. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1, SIGBREAK: 21 } as const
type Signal = keyof typeof SIGNALS
const SIGPIPE = 13

/**
 * For so many milliseconds the first signal may come again and is the same request: npx passes on the Ctrl-C that a terminal has
 * sent to all, and a shell whose terminal is gone the SIGHUP that the system sends too.
 */
const ECHO = 300

let stop: ((reason: Reason) => void) | undefined

/**
 * Calls `how` at the first signal that asks the command to stop, or once nobody reads what it prints; the next signal ends the
 * process at once. Called again, `how` takes the place of the one before; until the first call signals end the process.
 */
export function stopBy(how: (reason: Reason) => void): void {
  if (stop === undefined) for (const signal of Object.keys(SIGNALS) as Signal[]) process.on(signal, heard)
  stop = how
}

/** For `stopBy`, where all that there is to keep is on the disk at any moment. */
export function endBy(failure: (reason: Reason) => Stopped): void {
  stopBy((reason) => {
    const code = reportFailure(failure(reason))
    deafen() // Node waits for the addon's task, as for a large log that is read: the next signal does not
    process.exit(code)
  })
}

/** For `stopBy`, once the file that the command is for is in its place. */
export function endWith(out: string): void {
  endBy((reason) => new Stopped(reason, `the run was stopped once all of ${out} was in its place`, 'There is nothing left to do.'))
}

let asked = false

function ask(reason: Reason): void {
  if (asked) return
  asked = true
  stop?.(reason)
}

let first: number | undefined

function heard(signal: Signal): void {
  if (first === undefined) {
    first = performance.now()
    setTimeout(lastWord, ECHO).unref()
    ask({ exit: 128 + SIGNALS[signal], because: '' })
  } else if (performance.now() - first > ECHO) {
    deafen()
    process.kill(process.pid, signal)
  }
}

/** From here on the system ends the process at the next signal, whatever runs here. */
function lastWord(): void {
  deafen()
  note('stopping after this step; Ctrl-C again ends at once.')
}

function deafen(): void {
  for (const signal of Object.keys(SIGNALS)) process.off(signal, heard)
}

/** Handles what standard output and standard error cannot take. */
export function unwritten(error: NodeJS.ErrnoException): void {
  const closed = error.code === 'EPIPE'
  // A reader that has enough, such as `head`, closes the pipe: no failure of a command whose result is what it prints
  if (stop === undefined) process.exit(closed ? 0 : reportFailure(error))
  if (error.code === 'EIO') return // the terminal is gone: a SIGHUP says so where the run is to end
  if (closed) ask({ exit: 128 + SIGPIPE, because: 'nobody reads the output any more, so ' })
  else ask({ exit: 1, because: `the output cannot be written (${error.message}), so ` })
}
