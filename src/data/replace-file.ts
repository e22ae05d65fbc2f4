import { copyFile, type FileHandle, open, readdir, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FociError } from '../errors.ts'

/**
 * Puts a file in its place whole or not at all: written beside it, flushed to the disk, then renamed. Whatever fails, and
 * whenever the process ends, `path` holds the old file or the new one.
 * @param content its bytes, or what makes the file that it is given the path of
 * @throws FociError FILE, and what `content` throws of its own
 */
export async function replaceFile(path: string, content: Uint8Array | ((beside: string) => Promise<void>)): Promise<void> {
  const target = await realpath(path).catch(() => path) // a link stays a link
  const folder = dirname(target)
  const partial = join(folder, `.${basename(target)}.${process.pid}.${Math.random().toString(36).slice(2)}.partial`)
  try {
    if (typeof content === 'function') await content(partial)
    await withFile(partial, typeof content === 'function' ? 'r+' : 'wx', async (file) => {
      if (typeof content !== 'function') await file.writeFile(content)
      await file.sync()
    })
    await giveName(partial, target)
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined) // the first failure is the one to tell
    throw cause instanceof FociError ? cause : fileError(path, 'written', cause)
  }
}

/**
 * Puts a file that was written elsewhere in its place, whole or not at all; it is copied where that is on another disk.
 * @throws FociError FILE
 */
export async function moveFile(from: string, path: string): Promise<void> {
  try {
    await withFile(from, 'r+', (file) => file.sync())
    await giveName(from, await realpath(path).catch(() => path))
  } catch (cause) {
    if (codeOf(cause) !== 'EXDEV') throw fileError(path, 'written', cause)
    await replaceFile(path, (beside) => copyFile(from, beside))
  }
}

/** Renames a file that is on the disk, durably. */
async function giveName(file: string, target: string): Promise<void> {
  await rename(file, target)
  const folder = dirname(target)
  // Makes the rename itself durable; where folders cannot be opened (Windows), the system does that
  await withFile(folder, 'r', (handle) => handle.sync()).catch(() => undefined)
  await sweep(folder, basename(target))
}

async function withFile(path: string, flags: string, work: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags)
  try {
    await work(file)
  } finally {
    await file.close()
  }
}

/** Removes what killed processes left beside the file. */
async function sweep(folder: string, name: string): Promise<void> {
  for (const entry of await readdir(folder).catch(() => [])) {
    if (!entry.startsWith(`.${name}.`) || !entry.endsWith('.partial')) continue
    const pid = Number(entry.slice(name.length + 2).split('.')[0])
    if (Number.isSafeInteger(pid) && pid > 0 && !isAlive(pid)) await rm(join(folder, entry), { force: true }).catch(() => undefined)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}

const HINTS: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  ENOENT: ['there is no such file or folder', 'Check the path, and make the folder first where it is missing.'],
  EISDIR: ['it is a folder', 'Give the path of a file.'],
  ENOTDIR: ['a part of the path is a file', 'Check the path.'],
  ENOTEMPTY: ['it is a folder', 'Give the path of a file.'],
  EACCES: ['permission is denied', 'Give yourself the right to it and to its folder, or choose another path.'],
  EPERM: ['permission is denied', 'Give yourself the right to it and to its folder, or choose another path.'],
  EROFS: ['the file system is read-only', 'Choose a path on another one.'],
  ENOSPC: ['the disk is full', 'Free some space, then try again.'],
  EDQUOT: ['the disk quota is used up', 'Free some space, then try again.'],
  ERR_FS_FILE_TOO_LARGE: ['it has more than 2 GiB', 'Give a file that foci wrote; if it did, train with a smaller width.'],
}

/** What the system says of a file, as an error with a next step. @param done such as `read` */
export function fileError(path: string, done: string, cause: unknown): FociError {
  const code = codeOf(cause)
  const [reason, hint] = HINTS[code] ?? [cause instanceof Error ? cause.message : code, 'Check the path and its disk, then try again.']
  return new FociError('FILE', `${path} cannot be ${done}: ${reason}.`, hint, { cause })
}

/** What the system calls an error, such as `ENOENT`. */
export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown')
