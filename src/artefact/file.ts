import { readFile } from 'node:fs/promises'
import { fileError } from '../data/replace-file.ts'
import { FociError } from '../errors.ts'
import { type Artefact, readArtefact } from './artefact.ts'

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
