import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { FociError } from '../../errors.ts'

/** One DuckDB in memory that spills to a folder of its own; both are gone when the work is done. */
export interface Session {
  readonly connection: DuckDBConnection
  /** Runs a query whose result is small. */
  rows(sql: string): Promise<unknown[][]>
  /** The path as an SQL text. DuckDB would expand `*`, `?` and `[` in it, so such a file gets a plain name first. */
  sqlPath(path: string): Promise<string>
}

/** @param memory what DuckDB may hold before it spills, such as `512MB`; half of the machine up to 4 GB where absent */
export async function withDuckDB<T>(memory: string | undefined, work: (session: Session) => Promise<T>): Promise<T> {
  if (memory !== undefined && !/^[0-9.]+ *[KMGT]i?B$/.test(memory)) {
    throw new FociError('OPTION', `memory ${JSON.stringify(memory)} is no amount`, 'Give one such as 512MB or 4GB.')
  }
  const { DuckDBInstance } = await loadDuckDB()
  const folder = await mkdtemp(join(tmpdir(), 'foci-'))
  try {
    const limit = memory ?? `${Math.floor(Math.min(totalmem() / 2, 4 * 2 ** 30) / 2 ** 20)}MiB`
    const instance = await DuckDBInstance.create(':memory:', { temp_directory: folder, memory_limit: limit })
    const connection = await instance.connect()
    try {
      return await work(sessionOf(connection, folder))
    } finally {
      connection.closeSync()
      instance.closeSync()
    }
  } catch (cause) {
    throw explained(cause)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** DuckDB's lack of memory or disk as a FociError; other errors as they are. */
function explained(cause: unknown): unknown {
  const message = cause instanceof Error ? cause.message : ''
  if (cause instanceof FociError || !/out of memory|no space|disk space/i.test(message)) return cause
  const [first] = message.split('\n')
  return new FociError('MEMORY', `DuckDB: ${first}`, `Let it hold more (the option memory), or free space in ${tmpdir()}.`, { cause })
}

function sessionOf(connection: DuckDBConnection, folder: string): Session {
  let links = 0
  return {
    connection,
    rows: async (sql) => (await connection.runAndReadAll(sql)).getRowsJS(),
    async sqlPath(path) {
      if (!/[*?[\]]/.test(resolve(path))) return sqlText(resolve(path))
      const link = join(folder, `${links++}.csv`)
      await symlink(resolve(path), link)
      return sqlText(link)
    },
  }
}

async function loadDuckDB(): Promise<typeof import('@duckdb/node-api')> {
  try {
    return await import('@duckdb/node-api')
  } catch (cause) {
    throw new FociError(
      'FILE',
      'files are read by DuckDB, and @duckdb/node-api could not be loaded',
      'Install it (npm install @duckdb/node-api), or give the rows in memory.',
      { cause },
    )
  }
}

export const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`
