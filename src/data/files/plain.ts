import { statSync } from 'node:fs'
import { logAddon } from '../../engine/log.ts'
import { type Block, type Gathered, type Ids, idFields } from '../gathered.ts'
import type { Budget } from '../memory.ts'
import type { Dialect } from './dialect.ts'
import type { Places } from './select.ts'
import { textsOf } from './texts.ts'

const delimiters = [',', '\t', ';', '|']

/** What rows take of memory at most, in bytes of their file: the shortest have six, and gzip seldom packs more than twenty to one. */
const [heldPerByte, heldPerPackedByte] = [4, 80]

/**
 * The rows of a CSV file that the addon reads on all cores: one without quotes, blank lines and rows with a fault. Undefined
 * where it is anything else, or may take more memory than it may, or no addon is there: `gatherRows` reads every file, and
 * gives the same rows.
 */
export async function readPlain(
  { path, gzip, delimiter }: Dialect,
  columns: number,
  places: Places,
  budget: Budget,
): Promise<Gathered | undefined> {
  const { user, item, timestamp: time, value } = places
  if (!delimiters.includes(delimiter) || user === undefined || item === undefined || time === undefined) return undefined
  if (!budget.fits(statSync(path).size * (gzip ? heldPerPackedByte : heldPerByte))) return undefined
  const fields = idFields.filter((field) => places[field] !== undefined)
  const ids = fields.map((field) => places[field]!)
  const rows = await logAddon()?.readCsv({ path, gzip, delimiter: delimiter.charCodeAt(0), columns, ids, time, value })
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
