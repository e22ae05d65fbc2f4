import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
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

/** Runs SQL in DuckDB, such as a COPY that writes a file; `$1` in it stands for the path of a new file, which is given back. */
export async function writeBy(sql: string, name = `${files++}.parquet`): Promise<string> {
  const path = join(folder, name)
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    await connection.run(sql.replaceAll('$1', `'${path}'`))
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
  return path
}
