import { copyFile, type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FociError } from '../errors.ts'
import { codeOf, fileError } from './file-error.ts'
import { type Lock, lockOutput, programName } from './lock.ts'
import { type Place, placeOf } from './place.ts'

/** A file to write: its bytes, or what makes the file that it is given the path of, which is there and empty. */
export interface Replacement {
  readonly path: string
  readonly content: Uint8Array | ((beside: string) => Promise<void>)
}

/** Milliseconds that a write waits for another one of the same file. */
const PATIENCE = 5000

/**
 * Puts a file in its place whole or not at all: written beside it, flushed to the disk, then renamed. Whatever fails, and
 * whenever the process ends, `path` holds the old file or the new one. The new one has the mode and, where we may give it, the
 * owner and group of the old one.
 * @param locked whether the caller holds the file's lock; else it is taken for the moment of writing, and waited for up to 5 s
 * @throws FociError FILE, BUSY, and what `content` throws of its own
 */
export async function replaceFile(path: string, content: Replacement['content'], locked = false): Promise<void> {
  await replaceFiles([{ path, content }], locked)
}

/** The same for files that belong together: none is put in its place before all are on the disk. */
export async function replaceFiles(files: readonly Replacement[], locked = false): Promise<void> {
  const locks: Lock[] = []
  const written: { readonly beside: string; readonly place: Place; readonly path: string }[] = []
  try {
    if (!locked) for (const { path } of files) locks.push(await lockOutput(path, programName(), PATIENCE))
    for (const { path, content } of files) {
      const place = placeOf(path)
      const beside = join(dirname(place.path), `.${basename(place.path)}.${newId()}.partial`)
      written.push({ beside, place, path })
      await told(path, () => writeBeside(beside, place, content))
    }
    for (const { beside, place, path } of written) await told(path, () => giveName(beside, place.path))
  } catch (error) {
    for (const { beside } of written) await rm(beside, { force: true }).catch(() => undefined) // the first failure is the one to tell
    throw error
  } finally {
    for (const lock of locks) lock.release()
  }
}

/**
 * Puts a file that was written elsewhere in its place, whole or not at all; it is copied where that is on another disk.
 * @param locked as for `replaceFile`
 * @throws FociError FILE, BUSY
 */
export async function moveFile(from: string, path: string, locked = false): Promise<void> {
  const lock = locked ? undefined : await lockOutput(path, programName(), PATIENCE)
  try {
    const place = placeOf(path)
    await withFile(from, 'r+', (file) => finish(file, place))
    await giveName(from, place.path)
  } catch (cause) {
    if (codeOf(cause) !== 'EXDEV') throw cause instanceof FociError ? cause : fileError(path, 'written', cause)
    await replaceFile(path, (beside) => copyFile(from, beside), true)
  } finally {
    lock?.release()
  }
}

/** The mode of a file beside its place: never one that shows more than the file that it replaces. */
export const modeFor = ({ stats }: Place): number => (stats ? (Number(stats.mode) & 0o777) | 0o600 : 0o666)

async function writeBeside(beside: string, place: Place, content: Replacement['content']): Promise<void> {
  const bytes = typeof content === 'function' ? undefined : content
  await withFile(
    beside,
    'wx',
    async (file) => {
      if (!bytes) return
      await file.writeFile(bytes)
      await finish(file, place)
    },
    modeFor(place),
  )
  if (typeof content !== 'function') return
  await content(beside)
  await withFile(beside, 'r+', (file) => finish(file, place))
}

/** Gives a file what the one has that it replaces, and flushes it. */
async function finish(file: FileHandle, { stats }: Place): Promise<void> {
  if (stats) {
    // Where we may not, or the file system knows no owners or modes, it stays as we made it
    const [owner, group] = [Number(stats.uid), Number(stats.gid)]
    await file
      .chown(owner, group)
      .catch(() => file.chown(-1, group))
      .catch(() => undefined)
    await file.chmod(Number(stats.mode) & 0o777).catch(() => undefined)
  }
  await file.sync()
}

/** Renames a file that is on the disk, durably. */
async function giveName(file: string, target: string): Promise<void> {
  await rename(file, target)
  const folder = dirname(target)
  // Makes the rename itself durable; where folders cannot be opened (Windows), the system does that
  await withFile(folder, 'r', (handle) => handle.sync()).catch(() => undefined)
  await sweep(folder, basename(target))
}

async function withFile(path: string, flags: string, work: (file: FileHandle) => Promise<void>, mode?: number): Promise<void> {
  const file = await open(path, flags, mode)
  try {
    await work(file)
  } finally {
    await file.close()
  }
}

/** Removes what killed processes left beside the file: its lock is held, so that nobody else writes there. */
async function sweep(folder: string, name: string): Promise<void> {
  for (const entry of await readdir(folder).catch(() => [])) {
    const ours = entry.startsWith(`.${name}.`) && ID.test(entry.slice(name.length + 2))
    if (ours) await rm(join(folder, entry), { force: true }).catch(() => undefined)
  }
}

/** Of one length and without dots, so that the rest of a file's name is that of its output. */
const newId = (): string => Math.random().toString(16).slice(2).padEnd(14, '0').slice(0, 12)
const ID = /^[0-9a-f]{12}\.partial$/

async function told(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    throw cause instanceof FociError ? cause : fileError(path, 'written', cause)
  }
}
