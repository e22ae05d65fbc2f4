import type { FociError } from '../../errors.ts'
import type { Dialect } from './dialect.ts'

/** A file as a table of DuckDB. */
export interface Table {
  /** Column names. */
  readonly header: readonly string[]
  /** DuckDB's types of the columns; every column of a CSV file is VARCHAR, of JSON lines JSON. */
  readonly types: readonly string[]
  /** What stands after FROM: the rows in file order, with the columns c0, c1, … */
  readonly from: string
  /** A condition under which a row is no row at all. */
  readonly noRow?: string
  /** How it is written where it is a CSV file. */
  readonly csv?: Dialect
  /** Waits for what reads the rows, and gives what stands in the file beside them, by reason. */
  complete<T>(reading: Promise<T>): Promise<{ readonly read: T; readonly broken: Readonly<Record<string, number>> }>
  /** The error of the first record that is no row, or of the row that the caller found fault with where that is earlier. */
  firstFault(found?: RowFault): Promise<FociError>
}

export interface RowFault {
  /** Among the rows, from 0. */
  readonly row: number
  readonly column?: string
  readonly reason: string
  readonly value?: string
  readonly hint?: string
}

export interface TableOptions {
  /** Of this table alone in the session. */
  readonly name: string
  /** Of a CSV file; taken from its first line where absent. */
  readonly delimiter?: string
}
