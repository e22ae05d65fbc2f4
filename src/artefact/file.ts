import { closeSync, openSync, readSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { FociError } from '../errors.ts'
import { fileError } from '../files/file-error.ts'
import { newHash } from '../read/log-hash.ts'
import { type Artefact, readHashed } from './artefact.ts'
import { MAX_HEADER } from './container.ts'

/**
 * Reads and checks a file.
 * @param reading its bytes, where it is being read already
 * @throws FociError FILE where it cannot be read, ARTEFACT where it is no sound artefact; both name the path
 */
export async function loadArtefact(path: string, reading: Promise<Uint8Array> = bytesOf(path)): Promise<Artefact> {
  const bytes = await reading.catch((cause) => {
    throw cause instanceof FociError ? cause : fileError(path, 'read', cause)
  })
  try {
    return await readHashed(bytes, sha256)
  } catch (error) {
    if (error instanceof FociError) throw new FociError(error.code, `${path}: ${error.message}`, error.hint, { cause: error })
    throw error
  }
}

/** Of files alone: a pipe that nobody writes to would be waited for without end. */
async function bytesOf(path: string): Promise<Uint8Array> {
  const stats = await stat(path).catch(() => undefined) // reading tells why
  if (!stats || stats.isFile() || stats.isDirectory()) return readFile(path)
  throw new FociError('FILE', `${path} cannot be read: it is a pipe, a socket or a device.`, 'Write it to a file first, and name that.')
}

function sha256(bytes: Uint8Array): string {
  const hash = newHash()
  hash.update(bytes)
  return hash.digest('hex')
}

/**
 * Whether a file is an artefact that a run has finished, by its header alone: what a run may replace.
 * @throws where it cannot be read, or has no such header
 */
export function isFinished(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const length = Buffer.alloc(8)
    readSync(file, length)
    const bytes = Number(length.readBigUInt64LE())
    if (bytes > MAX_HEADER) return false
    const header = Buffer.alloc(bytes)
    readSync(file, header, 0, bytes, 8)
    const about = JSON.parse(JSON.parse(header.toString()).__metadata__.foci)
    return typeof about.version === 'number' && about.checkpoint === undefined
  } finally {
    closeSync(file)
  }
}
