import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LogAddon, logAddon } from '../engine/log-addon.ts'
import { FociError } from '../errors.ts'
import { codeOf, fileError } from './file-error.ts'
import { placeOf } from './place.ts'

/**
 * The right to write an output and what stands beside it: one holder of all processes has it, and of all runs in one. It is a
 * file beside the output, `.NAME.lock`, which says who holds it. With the addon the system keeps it, on shared volumes too, and
 * takes it from a process that ends. Without, the file is the lock: it counts while its process lives, and on another host until
 * somebody removes it. Each kind respects the other.
 */
export interface Lock {
  /** Lets go, at once. */
  release(): void
}

/** What the file says. */
interface Holder {
  /** By whom the lock is kept: by the system, or by the file's being there. */
  readonly keptBy: 'system' | 'file'
  readonly host: string
  readonly pid: number
  readonly since: string
  readonly program: string
}

/** Milliseconds that a run waits: what a single write, or the writing of a holder's name, may take. */
const MOMENT = 100

/** Holds the lock of an output while something is done. @throws FociError BUSY, and as `lockOutput` does */
export async function whileLocked<T>(path: string, program: string, body: () => Promise<T>): Promise<T> {
  const lock = await lockOutput(path, program)
  try {
    return await body()
  } finally {
    lock.release()
  }
}

/**
 * @param program what others are told of the holder
 * @param patience milliseconds for which it is waited for
 * @throws FociError BUSY where another holds it, whom the message names; FILE
 */
export async function lockOutput(path: string, program: string, patience = MOMENT): Promise<Lock> {
  const target = placeOf(path).path
  const file = join(dirname(target), `.${basename(target)}.lock`)
  const holder: Holder = { keptBy: 'file', host: hostname(), pid: process.pid, since: new Date().toISOString(), program }
  const end = performance.now() + patience
  for (let pause = 1; ; pause = Math.min(2 * pause, 50)) {
    const taken = attempt(path, () => take(file, holder))
    if ('release' in taken) return heldUntilExit(taken)
    if (performance.now() >= end) throw busy(path, file, taken.by)
    await sleep(pause)
  }
}

type Taken = Lock | { readonly by: Holder | undefined }

function take(file: string, holder: Holder): Taken {
  const addon = logAddon()
  try {
    if (addon) return takeFromSystem(file, holder, addon.LockFile)
  } catch (error) {
    if (codeOf(error) !== 'ENOTSUP') throw error // a file system without locks
  }
  return takeByFile(file, holder)
}

function takeFromSystem(file: string, holder: Holder, { hold }: LogAddon['LockFile']): Taken {
  const lock = hold(file)
  if (!lock) return { by: holderIn(file) }
  try {
    const text = lock.read()
    const before = text === null ? undefined : parsed(text)
    if (text !== null && (text === '' ? isNew(file) : !before || (before.keptBy === 'file' && isAlive(before)))) {
      lock.leave()
      return { by: before }
    }
    // Without the addon another may just have removed what a killed process left
    if (!lock.write(textOf({ ...holder, keptBy: 'system' }))) {
      lock.leave()
      return { by: undefined }
    }
  } catch (error) {
    lock.remove()
    throw error
  }
  return { release: () => lock.remove() }
}

function takeByFile(file: string, holder: Holder): Taken {
  const text = textOf(holder)
  for (;;) {
    try {
      writeFileSync(file, text, { flag: 'wx' })
      return { release: () => textIn(file) === text && rmSync(file, { force: true }) }
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    const before = textIn(file)
    const by = parsed(before ?? '')
    if (before !== undefined && (!by || isAlive(by))) return { by }
    if (before !== undefined) removeStale(file, before)
  }
}

/** Another may have removed it as well and taken its place by now: then that one's is put back. */
function removeStale(file: string, text: string): void {
  const aside = `${file}.${process.pid}`
  try {
    renameSync(file, aside)
    if (textIn(aside) === text) rmSync(aside)
    else renameSync(aside, file)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

/** What others are told of a program that has no better name. */
export const programName = (): string => basename(process.argv[1] ?? 'node')

const textOf = (holder: Holder): string => `${JSON.stringify({ foci: 'lock', ...holder })}\n`

/** Undefined where it is half written, or no lock of ours. */
function parsed(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text)
    return value?.foci === 'lock' ? value : undefined
  } catch {
    return undefined
  }
}

function textIn(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

const holderIn = (file: string): Holder | undefined => parsed(textIn(file) ?? '')

/** Whether its maker may be about to write who it is. */
const isNew = (file: string): boolean => Date.now() - statSync(file).mtimeMs < MOMENT / 2

function isAlive({ host, pid }: Holder): boolean {
  if (host !== hostname()) return true
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}

function attempt<T>(path: string, body: () => T): T {
  try {
    return body()
  } catch (cause) {
    throw fileError(path, 'written', cause)
  }
}

function busy(path: string, file: string, by: Holder | undefined): FociError {
  const who = by ? `${by.program}, process ${by.pid} on ${by.host}, since ${by.since}` : 'another run'
  const watched = by?.keptBy === 'system' || by?.host === hostname()
  const hint = `Wait until it has ended, or name another file.${watched ? '' : ` If it no longer runs, remove ${file}.`}`
  return new FociError('BUSY', `${path} is being written by ${who}.`, hint)
}

const held = new Set<Lock>()
let watching = false

/** A process that ends in the midst of a run leaves no lock. */
function heldUntilExit(lock: Lock): Lock {
  held.add(lock)
  if (!watching) process.on('exit', () => held.forEach((each) => void each.release()))
  watching = true
  return {
    release: () => {
      if (held.delete(lock)) lock.release()
    },
  }
}
