import { FociError } from '../../errors.ts'
import type { Field } from '../columns.ts'
import { type IdField, idFields } from '../gathered.ts'
import { fault } from '../row-faults.ts'
import { idExpression, isBlank, timeExpression, valueExpression } from './expressions.ts'
import type { ParquetTable } from './parquet.ts'

export type Places = Partial<Record<Field, number>>

/** A query for a log's rows, and where its columns are. */
export interface Selection {
  readonly sql: string
  readonly ids: Readonly<Partial<Record<IdField, number>>>
  readonly value?: number
}

/** INTEGER: the row's fault, `datedBit` where its time is a date, and the rest of its time times `restUnit`. */
export const stateColumn = 0
export const datedBit = 128
export const restUnit = 256
/** DOUBLE: the time as a number, or the seconds of a date. */
export const timeColumn = 1

/** What to ask of a table to get a log's rows. */
export function selectLog(table: ParquetTable, places: Places): Selection {
  const fields = idFields.filter((field) => places[field] !== undefined)
  const state = `fault + CASE WHEN number IS NULL THEN ${datedBit} ELSE 0 END + ${restUnit} * rest::INTEGER`
  const columns = [state, 'coalesce(number, date, 0)', ...fields.map((field) => `${field}_id`)]
  const value = places.value === undefined ? undefined : columns.push(`coalesce(value, 'nan'::DOUBLE)`) - 1
  const ids = Object.fromEntries(fields.map((field, i) => [field, timeColumn + 1 + i]))
  return { sql: `SELECT ${columns.join(', ')} FROM ${rowsOf(table, places, fields)}`, ids, value }
}

/** What stands after FROM: the rows with user_id, item_id, scene_id, event_id, number, date, rest, value and fault. */
function rowsOf(table: ParquetTable, places: Places, fields: readonly IdField[]): string {
  const ids = fields.map((field) => [field, typed(idExpression, table, places, field)] as const)
  const time = typed(timeExpression, table, places, 'timestamp')
  const value = places.value === undefined ? undefined : typed(valueExpression, table, places, 'value')
  const idFaults = (of: readonly IdField[]) =>
    ids.flatMap(([field, { faults }]) => {
      if (!of.includes(field)) return []
      const odd = faults.map(([when, what]) => `WHEN ${when} THEN ${what}`)
      return [...odd, `WHEN ${isBlank(`${field}_id`)} THEN ${fault[field]}`]
    })
  const faults = [
    ...idFaults(['user', 'item']),
    `WHEN number IS NULL AND date IS NULL THEN CASE WHEN ${time.empty} THEN ${fault.timestamp} ELSE ${fault.noTime} END`,
    `WHEN NOT isfinite(coalesce(number, date)) THEN ${fault.notFinite}`,
    ...idFaults(['scene', 'event']),
    ...(value ? [`WHEN ${value.odd} THEN ${fault.value}`] : []),
  ]
  const texts = ids.map(([field, { text }]) => `${text} AS ${field}_id`).join(', ')
  const numbered = `(SELECT *, ${texts}, ${time.number} AS number, ${value?.number ?? 'NULL'} AS value FROM ${table.from})`
  const dated = `(SELECT *, ${time.date} AS date, ${time.rest} AS rest FROM ${numbered})`
  return `(SELECT *, CASE ${faults.join(' ')} ELSE ${fault.none} END AS fault FROM ${dated})`
}

/** What is made of a field's column, where its type allows it. */
function typed<T>(expression: (column: string, type: string) => T | undefined, table: ParquetTable, places: Places, field: Field): T {
  const at = places[field] ?? -1
  const found = expression(`c${at}`, table.types[at])
  if (found !== undefined) return found
  const wanted =
    field === 'timestamp' ? 'times are numbers, dates or texts' : field === 'value' ? 'values are numbers' : 'ids are texts or numbers'
  const hint = `Cast the column when writing the file: ${wanted}.`
  throw new FociError('COLUMN', `${table.path}: column "${table.header[at]}" has the type ${table.types[at]}`, hint)
}
