import { readFile } from 'node:fs/promises'
import { newHash } from '../data/hash.ts'
import { fileError } from '../data/replace-file.ts'
import { FociError } from '../errors.ts'
import { type Artefact, readHashed } from './artefact.ts'

/**
 * Reads and checks a file.
 * @param reading its bytes, where it is being read already
 * @throws FociError FILE where it cannot be read, ARTEFACT where it is no sound artefact; both name the path
 */
export async function loadArtefact(path: string, reading: Promise<Uint8Array> = readFile(path)): Promise<Artefact> {
  const bytes = await reading.catch((cause) => {
    throw fileError(path, 'read', cause)
  })
  try {
    return await readHashed(bytes, sha256)
  } catch (error) {
    if (error instanceof FociError) throw new FociError(error.code, `${path}: ${error.message}`, error.hint, { cause: error })
    throw error
  }
}

function sha256(bytes: Uint8Array): string {
  const hash = newHash()
  hash.update(bytes)
  return hash.digest('hex')
}
