import { logAddon } from '../../engine/log.ts'
import { type Block, type Gathered, type Ids, idFields } from '../gathered.ts'
import type { Places } from './select.ts'
import type { Table } from './table.ts'
import { textsOf } from './texts.ts'

const delimiters = [',', '\t', ';', '|']

/**
 * The rows of a CSV file that the addon reads on all cores: one without quotes, blank lines and rows with a fault. Undefined
 * where it is anything else, or no addon is there: DuckDB reads every file, and would give the same rows.
 */
export async function readPlain({ csv, header }: Table, places: Places): Promise<Gathered | undefined> {
  const { user, item, timestamp, value } = places
  if (csv === undefined || !delimiters.includes(csv.delimiter)) return undefined
  if (user === undefined || item === undefined || timestamp === undefined) return undefined
  const fields = idFields.filter((field) => places[field] !== undefined)
  const ids = fields.map((field) => places[field]!)
  const delimiter = csv.delimiter.charCodeAt(0)
  const { path, gzip } = csv
  const rows = await logAddon()?.readCsv({ path, gzip, delimiter, columns: header.length, ids, time: timestamp, value })
  if (!rows) return undefined
  const blocks: Block[] = []
  let dated = new Uint8Array(0) // no time is a date: blocks share it
  for (let block = rows.nextBlock(); block !== null; block = rows.nextBlock()) {
    const { times, values, limits } = block
    const numbers = Object.fromEntries(fields.map((field, i) => [field, block.ids[i]])) as Pick<Block, (typeof fields)[number]>
    if (dated.length < times.length) dated = new Uint8Array(2 * times.length)
    const faults = new Uint8Array(times.length)
    blocks.push({ ...numbers, rows: times.length, times, dated, faults, values: values ?? undefined, limits })
  }
  const named = Object.fromEntries(fields.map((field) => [field, textsOf(rows.nextIds()!)])) as Partial<Ids> as Ids
  return { blocks, ids: named, valued: value !== undefined }
}
