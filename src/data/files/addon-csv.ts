import { statSync } from 'node:fs'
import { logAddon } from '../../engine/log.ts'
import { type Block, type Gathered, type Ids, idFields } from '../gathered.ts'
import { noteMissing } from '../gatherer.ts'
import type { Budget } from '../memory.ts'
import type { Dialect } from './dialect.ts'
import type { Places } from './select.ts'
import { badLine, brokenOf, miscounted, reasons, type Walked, wrongCount } from './text-table.ts'
import { textsOf } from './texts.ts'

const delimiters = [',', '\t', ';', '|']

/** What rows take of memory at most, in bytes of their file: the shortest have six, and gzip seldom packs more than twenty to one. */
const [heldPerByte, heldPerPackedByte] = [4, 80]

/**
 * The rows of a CSV file as the addon reads them: on all cores where it has no quotes, blank lines, dates and rows with a fault,
 * else on one. Undefined where there is no addon, or it cannot: `gatherRows` reads every file, gives the same rows, and says
 * what is wrong.
 */
export async function readByAddon(
  { path, gzip, delimiter }: Dialect,
  columns: number,
  places: Places,
  budget: Budget,
): Promise<{ gathered: Gathered; walked: Walked } | undefined> {
  const addon = logAddon()
  const { user, item, timestamp: time, value } = places
  if (!addon || user === undefined || item === undefined || time === undefined) return undefined
  const fields = idFields.filter((field) => places[field] !== undefined)
  const ids = fields.map((field) => places[field]!)
  const layout = { path, gzip, delimiter: delimiter.charCodeAt(0), columns, ids, time, value }
  const mayBePlain = delimiters.includes(delimiter) && statSync(path).size * (gzip ? heldPerPackedByte : heldPerByte) <= budget.left
  const rows =
    (mayBePlain ? await addon.readCsv(layout) : null) ?? (await addon.readRecords(layout, Math.min(budget.left, Number.MAX_SAFE_INTEGER)))
  if (!rows) return undefined
  const blocks: Block[] = []
  let sound = new Uint8Array(0) // blocks whose rows are all sound, and no time a date, share it
  for (let block = rows.nextBlock(); block !== null; block = rows.nextBlock()) {
    const { times, values, limits, marks } = block
    const numbers = Object.fromEntries(fields.map((field, i) => [field, block.ids[i]])) as Pick<Block, (typeof fields)[number]>
    if (!marks && sound.length < times.length) sound = new Uint8Array(2 * times.length)
    const { dated, rests, faults } = marks ?? { dated: sound, rests: undefined, faults: new Uint8Array(times.length) }
    blocks.push({ ...numbers, rows: times.length, times, dated, rests, faults, values, limits })
  }
  const texts = fields.map((field) => [field, textsOf(rows.nextIds()!)] as const)
  const named = Object.fromEntries(texts.filter(([field, { count }]) => count > 0 || field === 'user' || field === 'item'))
  const gathered = { blocks, ids: named as Partial<Ids> as Ids, valued: value !== undefined }
  noteMissing(gathered)
  const broken = brokenOf(rows.broken())
  const first = rows.firstBroken()
  if (!first) return { gathered, walked: { broken } }
  const reason = reasons[first.reason]
  const more = reason === wrongCount ? miscounted(first.fields, first.open, columns) : {}
  return { gathered, walked: { broken, first: badLine(path, first.line, { reason, ...more }) } }
}
