import { FociError } from '../../errors.ts'
import { badRow } from '../faults.ts'
import { isOutOfMemory, type Session, sqlPath } from './duckdb.ts'
import type { Table } from './table.ts'

/** A Parquet file; old writers leave texts unmarked, so bytes are read as texts. */
export async function openParquet(session: Session, path: string): Promise<Table> {
  const scan = `read_parquet(${sqlPath(path)}, binary_as_string = true, hive_partitioning = false)`
  const described = await session.rows(`DESCRIBE SELECT * FROM ${scan}`).catch((cause: unknown) => {
    throw unreadable(path, cause)
  })
  const header = described.map(([name]) => String(name))
  return {
    header,
    types: described.map(([, type]) => String(type)),
    from: `${scan} AS t(${header.map((_, i) => `c${i}`).join(', ')})`,
    async complete(reading) {
      const read = await reading.catch((cause: unknown) => {
        throw unreadable(path, cause)
      })
      return { read, broken: {} }
    },
    firstFault: async (found) => badRow({ reason: 'unreadable', ...found, source: path, place: `row ${found?.row}` }),
  }
}

function unreadable(path: string, cause: unknown): unknown {
  if (cause instanceof FociError || isOutOfMemory(cause)) return cause
  const [message] = String(cause instanceof Error ? cause.message : cause).split('\n')
  return new FociError(
    'DATA',
    `${path}: ${message}`,
    'Fetch or write the Parquet file again: it is damaged, cut off or another kind of file.',
    { cause },
  )
}
