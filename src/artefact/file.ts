import { randomUUID } from 'node:crypto'
import { open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FociError } from '../errors.ts'
import { type Artefact, readArtefact } from './artefact.ts'

/**
 * Writes a file whole or not at all: beside its place, flushed to the disk, then renamed. Whatever fails, and whenever the
 * process ends, `path` holds the old file or the new one.
 * @throws FociError FILE
 */
export async function saveArtefact(path: string, bytes: Uint8Array): Promise<void> {
  const target = await realpath(path).catch(() => path) // a link stays a link
  const folder = dirname(target)
  const partial = join(folder, `.${basename(target)}.${process.pid}.${randomUUID()}.partial`)
  try {
    await writeFlushed(partial, bytes)
    await rename(partial, target)
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined) // the first failure is the one to tell
    throw fileError(path, 'written', cause)
  }
  await flushFolder(folder)
  await sweep(folder, basename(target))
}

/**
 * Reads and checks a file.
 * @throws FociError FILE where it cannot be read, ARTEFACT where it is no sound artefact; both name the path
 */
export async function loadArtefact(path: string): Promise<Artefact> {
  const bytes = await readFile(path).catch((cause) => {
    throw fileError(path, 'read', cause)
  })
  try {
    return await readArtefact(bytes)
  } catch (error) {
    if (error instanceof FociError) throw new FociError(error.code, `${path}: ${error.message}`, error.hint, { cause: error })
    throw error
  }
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes the rename itself durable; where folders cannot be opened (Windows), the system does that. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close().catch(() => undefined)
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

function fileError(path: string, done: string, cause: unknown): FociError {
  const code = codeOf(cause)
  const [reason, hint] = HINTS[code] ?? [cause instanceof Error ? cause.message : code, 'Check the path and its disk, then try again.']
  return new FociError('FILE', `${path} cannot be ${done}: ${reason}.`, hint, { cause })
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown')
