import { type BigIntStats, fstatSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { FociError } from '../errors.ts'
import { fileError } from './file-error.ts'

/** Where a file is to go. */
export interface Place {
  /** Behind all links; a link to nothing is written through. */
  readonly path: string
  /** Of the file that stands there. */
  readonly stats?: BigIntStats
}

/**
 * Looks at what stands at a path before it is written. Only a file is ever replaced by a file.
 * @throws FociError FILE where a folder, a device, a pipe or a socket stands there, or the file that this process prints to
 */
export function placeOf(path: string): Place {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
    if (!stats) return { path: endOfLinks(path) }
    if (stats.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' })
    const reason = unfit(stats)
    if (reason === undefined) return { path: realpathSync(path), stats }
    throw new FociError('FILE', `${path} cannot be written: ${reason}.`, 'Name a file; it can be copied there afterwards.')
  } catch (cause) {
    throw cause instanceof FociError ? cause : fileError(path, 'written', cause)
  }
}

/** Whether two paths lead to one file, by whatever names. */
export const isSameFile = (a: BigIntStats, b: BigIntStats): boolean => a.dev === b.dev && a.ino === b.ino

/**
 * Looks at what a path holds before it is replaced.
 * @param what is written, such as `artefact`
 * @param isOurs whether a file is an earlier one of these
 * @throws FociError FILE where it is anything else, unless it is empty
 */
export function refuseForeign(path: string, what: string, isOurs: (file: string) => boolean, hint: string): void {
  const place = placeOf(path)
  if (!place.stats || place.stats.size === 0n || recognised(place.path, isOurs)) return
  throw new FociError('FILE', `${path} cannot be written: it is there, and holds no ${what} of foci.`, hint)
}

function recognised(path: string, isOurs: (file: string) => boolean): boolean {
  try {
    return isOurs(path)
  } catch {
    return false // what cannot be read is not known to be ours
  }
}

function unfit(stats: BigIntStats): string | undefined {
  if (stats.isFIFO()) return 'it is a pipe'
  if (stats.isSocket()) return 'it is a socket'
  if (!stats.isFile()) return 'it is a device'
  return [1, 2].some((stream) => printsTo(stream, stats)) ? 'it is where this process prints' : undefined
}

function printsTo(stream: number, stats: BigIntStats): boolean {
  try {
    return isSameFile(fstatSync(stream, { bigint: true }), stats)
  } catch {
    return false // it is closed
  }
}

/** Where a path leads that has no file at its end. */
function endOfLinks(path: string): string {
  let link: string
  try {
    link = readlinkSync(path)
  } catch {
    return path
  }
  return endOfLinks(isAbsolute(link) ? link : join(realpathSync(dirname(path)), link))
}
