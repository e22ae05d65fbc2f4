import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { FociError } from '../../src/errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'foci-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The test's own folder, removed after it. */
export const folderOf = () => folder

let files = 0

/** Writes a file for one test and gives its path. */
export function write(content: string | Uint8Array, name = `${files++}.csv`): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** The FociError that a call ends in; anything else fails the test. */
export async function failure(call: Promise<unknown>): Promise<FociError> {
  const error = await call.then(
    () => new Error('no error'),
    (reason: unknown) => reason,
  )
  if (error instanceof FociError) return error
  throw error
}
