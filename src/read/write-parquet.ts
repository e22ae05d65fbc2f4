import { resolve } from 'node:path'
import { sqlPath, sqlText, withDuckDB } from './files/duckdb.ts'

/** Types of a table's columns, in order, as DuckDB names them. */
export type Columns = Readonly<Record<string, 'VARCHAR' | 'INTEGER' | 'FLOAT'>>

/**
 * Writes a CSV file without a heading as a Parquet file, with its rows in order, in bounded memory. A file that is there is written
 * over, and keeps its mode.
 * @throws FociError MEMORY
 */
export async function writeParquet(csv: string, columns: Columns, path: string): Promise<void> {
  await withDuckDB({}, async (session) => {
    const types = Object.entries(columns).map(([name, type]) => `'${name}': '${type}'`)
    await session.rows(`COPY (SELECT * FROM read_csv(${sqlPath(csv)}, auto_detect = false, header = false,
      columns = {${types.join(', ')}}, delim = ',', quote = '"', escape = '"', hive_partitioning = false,
      max_line_size = ${LONGEST})) TO ${sqlText(resolve(path))} (FORMAT parquet, USE_TMP_FILE false)`)
  })
}

/** Bytes of the longest row: ids are as long as a log's may be. */
const LONGEST = 8_000_000
