import { checkRows } from '../check.ts'
import type { LogOptions, SortedLog } from '../log-options.ts'
import { noRows } from '../row-faults.ts'
import { sortRows } from '../sort.ts'
import type { Session } from './duckdb.ts'
import { openTable } from './open.ts'
import { gatherParquet } from './parquet-log.ts'
import { gatherText } from './text-log.ts'

/** Reads a log from a file: text by records, plain CSV by the addon, Parquet by DuckDB. */
export async function readFileLog(session: Session, path: string, options: LogOptions): Promise<SortedLog> {
  const table = await openTable(session, path, options.delimiter)
  const { gathered, broken, firstFault } = await ('walk' in table ? gatherText(table, options) : gatherParquet(session, table, options))
  const rows = gathered.blocks.reduce((sum, block) => sum + block.rows, 0)
  const checked = checkRows(gathered, options.unit)
  const { unit, counts, first } = checked
  const skipped = { ...broken, ...counts }
  const bad = Object.keys(skipped).some((reason) => reason !== 'blank line')
  if (bad && !options.skipInvalid) throw await firstFault(first, unit)
  const log = await sortRows(gathered, checked)
  const left = Object.values(counts).reduce((sum, count) => sum + count, 0)
  if (log.items.length + left !== rows) throw new Error(`${path}: ${rows} rows became ${log.items.length}, and ${left} were left out`)
  if (log.items.length === 0) throw noRows(path, skipped)
  return { ...log, unit, skipped }
}
