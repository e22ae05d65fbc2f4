import type { TimeUnit } from '../data/interactions.ts'
import type { ColumnNames } from './columns.ts'

/** How a log is read. */
export interface LogOptions {
  /** Names of the columns where they are not user, item, timestamp, scene, event, value. */
  readonly columns?: ColumnNames
  /** Unit of the timestamps; detected where absent. */
  readonly unit?: TimeUnit
  /** Leave bad rows out and count them by reason, instead of stopping at the first. */
  readonly skipInvalid?: boolean
  /** One character between the columns of a CSV file; taken from its header where absent. */
  readonly delimiter?: string
  /**
   * What may be held in memory while a source is read, such as `512MB`: its rows and ids, or by DuckDB where it is Parquet. No
   * more than twice of it is taken while the rows are sorted.
   */
  readonly memory?: string
}

/** The rows of a log by user, time and order in the source; what the catalogue, the roles and the hash are made from. */
export interface SortedLog {
  readonly users: readonly string[]
  /** Ids of the log's items by first appearance. */
  readonly itemIds: readonly string[]
  readonly offsets: Int32Array
  readonly items: Int32Array
  readonly times: Float64Array
  readonly unit: TimeUnit
  readonly scenes?: Int32Array
  readonly sceneNames?: readonly string[]
  readonly events?: Int32Array
  readonly eventNames?: readonly string[]
  /** NaN where a row has none. */
  readonly values?: Float32Array
  readonly skipped: Readonly<Record<string, number>>
}
