import { FociError } from '../errors.ts'
import { printable } from './escape.ts'

/** What a command line can be told: usage is 2, what stopped it says its own, and everything else that goes wrong is 1. */
const EXIT = { failure: 1, usage: 2 } as const

/** The end of a run that was asked to stop. */
export class Stopped extends FociError {
  readonly exit: number

  /** @param reason `because` begins the sentence */
  constructor({ exit, because }: { readonly exit: number; readonly because: string }, what: string, hint: string) {
    super('ABORTED', because + what, hint)
    this.exit = exit
  }
}

/** The error of a command line that can't be understood. */
export function usage(message: string, hint: string): FociError {
  return new FociError('OPTION', message, hint)
}

/**
 * Tells on standard error what went wrong and what to do next; a stack only where FOCI_DEBUG is set.
 * @returns the exit code
 */
export function reportFailure(error: unknown): number {
  const { message, hint, exit } = describe(error)
  process.stderr.write(`error: ${sentence(message)}\nhint: ${printable(hint)}\n`)
  if (process.env.FOCI_DEBUG && error instanceof Error) process.stderr.write(`${error.stack?.split('\n').map(printable).join('\n')}\n`)
  return exit
}

function describe(error: unknown): { message: string; hint: string; exit: number } {
  if (error instanceof FociError) return { message: error.message, hint: error.hint, exit: exitOf(error) }
  if (error instanceof Error && 'syscall' in error && 'code' in error) return { ...describeSystem(error), exit: EXIT.failure }
  const message = `foci met a bug of its own: ${error instanceof Error ? error.message : String(error)}`
  return {
    message,
    hint: 'Run the command again with FOCI_DEBUG=1 set, and report what it prints with `foci --version`.',
    exit: EXIT.failure,
  }
}

function exitOf(error: FociError): number {
  if (error instanceof Stopped) return error.exit
  return error.code === 'OPTION' ? EXIT.usage : EXIT.failure
}

const systemHints: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path.',
  EACCES: 'Check who may read and write there.',
  EPERM: 'Check who may read and write there.',
  EISDIR: 'Name a file, not a folder.',
  ENOTDIR: 'A part of the path is a file, not a folder.',
  EROFS: 'Name a place that can be written.',
  ENOSPC: 'Free some space on the disk, or name a place on another.',
  EMFILE: 'Raise the number of open files, for example with `ulimit -n 4096`.',
}

function describeSystem(error: Error & { code?: unknown; path?: unknown }): { message: string; hint: string } {
  const path = typeof error.path === 'string' && !error.message.includes(error.path) ? `${error.path}: ` : ''
  return { message: path + error.message, hint: systemHints[String(error.code)] ?? 'Check the disk and the path.' }
}

/** With a full stop, which hints do without where they end in a command to copy. */
function sentence(text: string): string {
  const line = printable(text)
  return /[.!?:)`]$/.test(line) ? line : `${line}.`
}
