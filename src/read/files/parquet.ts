import { FociError } from '../../errors.ts'
import { isOutOfMemory, type Session, sqlPath } from './duckdb.ts'
import { mostColumns, tooMany } from './text-table.ts'

/** A Parquet file as a table of DuckDB. */
export interface ParquetTable {
  readonly path: string
  /** Column names. */
  readonly header: readonly string[]
  /** DuckDB's types of the columns. */
  readonly types: readonly string[]
  /** What stands after FROM: the rows in file order, with the columns c0, c1, … */
  readonly from: string
  /** How many the file says that there are. */
  readonly rows: number
}

/** Opens a Parquet file; old writers leave texts unmarked, so bytes are read as texts. */
export async function openParquet(session: Session, path: string): Promise<ParquetTable> {
  const scan = `read_parquet(${sqlPath(path)}, binary_as_string = true, hive_partitioning = false)`
  try {
    const described = await session.rows(`DESCRIBE SELECT * FROM ${scan}`)
    const [[rows]] = await session.rows(`SELECT num_rows::DOUBLE FROM parquet_file_metadata(${sqlPath(path)})`)
    if (described.length > mostColumns) throw tooMany(path, `${described.length} columns`)
    const header = described.map(([name]) => String(name))
    const types = described.map(([, type]) => String(type))
    return { path, header, types, from: `${scan} AS t(${header.map((_, i) => `c${i}`).join(', ')})`, rows: Number(rows) }
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

export function unreadable(path: string, cause: unknown): unknown {
  if (cause instanceof FociError || isOutOfMemory(cause)) return cause
  const [message] = String(cause instanceof Error ? cause.message : cause).split('\n')
  return new FociError(
    'DATA',
    `${path}: ${message}`,
    'Fetch or write the Parquet file again: it is damaged, cut off or another kind of file.',
    { cause },
  )
}
