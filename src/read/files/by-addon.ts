import { statSync } from 'node:fs'
import { type LogAddon, logAddon } from '../../engine/log-addon.ts'
import { type Block, type Gathered, type IdField, type Ids, idFields } from '../gathered.ts'
import { type Keys, noteMissing } from '../gatherer.ts'
import type { Budget } from '../memory.ts'
import { badLine, brokenOf, miscounted, reasons, type TextTable, type Walked, wrongCount } from './text-table.ts'
import { textsOf } from './texts.ts'

const delimiters = [',', '\t', ';', '|']

/** What rows take of memory at most, in bytes of their file: the shortest have six, and gzip seldom packs more than twenty to one. */
const [heldPerByte, heldPerPackedByte] = [4, 80]

type Rows = NonNullable<Awaited<ReturnType<LogAddon['readCsv']>>>

/**
 * The rows of a text file as the addon reads them: CSV on all cores where it has no quotes, blank lines, dates and rows with a
 * fault, else on one; JSON lines where nothing is wrong with them. Undefined where there is no addon, or it cannot:
 * `gatherRows` reads every file, gives the same rows, and says what is wrong.
 */
export async function readByAddon(
  table: TextTable,
  keys: Keys,
  budget: Budget,
): Promise<{ gathered: Gathered; walked: Walked } | undefined> {
  const addon = logAddon()
  if (!addon) return undefined
  const rows = await (table.format === 'csv' ? csvRows(addon, table, keys, budget) : jsonRows(addon, table, keys, budget))
  if (!rows) return undefined
  const fields = idFields.filter((field) => keys[field] !== undefined)
  const blocks = blocksOf(rows, fields)
  const texts = fields.map((field) => [field, textsOf(rows.nextIds()!)] as const)
  const named = Object.fromEntries(texts.filter(([field, { count }]) => count > 0 || field === 'user' || field === 'item'))
  const valued =
    keys.value !== undefined && (table.format === 'csv' || blocks.some(({ values }) => values?.some((value) => !Number.isNaN(value))))
  const gathered = { blocks, ids: named as Partial<Ids> as Ids, valued }
  noteMissing(gathered)
  return { gathered, walked: walkedOf(rows, table) }
}

async function csvRows(addon: LogAddon, { dialect, header }: TextTable, places: Keys, { left }: Budget): Promise<Rows | null> {
  const { path, gzip, delimiter } = dialect
  const at = (field: keyof Keys) => Number(places[field])
  const ids = idFields.filter((field) => places[field] !== undefined).map(at)
  const value = places.value === undefined ? undefined : at('value')
  const layout = { path, gzip, delimiter: delimiter.charCodeAt(0), columns: header.length, ids, time: at('timestamp'), value }
  const mayBePlain = delimiters.includes(delimiter) && statSync(path).size * (gzip ? heldPerPackedByte : heldPerByte) <= left
  return (mayBePlain ? await addon.readCsv(layout) : null) ?? (await addon.readRecords(layout, bytesOf(left)))
}

async function jsonRows(addon: LogAddon, { dialect: { path, gzip } }: TextTable, keys: Keys, { left }: Budget): Promise<Rows | null> {
  const names = [...idFields, 'timestamp', 'value'] as const
  const all = names.map((field) => String(keys[field]))
  if (new Set(all).size < all.length) return null // a key is one field's there
  const [time, value] = all.splice(idFields.length)
  return addon.readJson({ path, gzip, ids: all, time, value }, bytesOf(left))
}

const bytesOf = (left: number): number => Math.min(left, Number.MAX_SAFE_INTEGER)

function blocksOf(rows: Rows, fields: readonly IdField[]): Block[] {
  const blocks: Block[] = []
  let sound = new Uint8Array(0) // blocks whose rows are all sound, and no time a date, share it
  for (let block = rows.nextBlock(); block !== null; block = rows.nextBlock()) {
    const { times, values, limits, marks } = block
    const numbers = Object.fromEntries(fields.map((field, i) => [field, block.ids[i]])) as Pick<Block, (typeof fields)[number]>
    if (!marks && sound.length < times.length) sound = new Uint8Array(2 * times.length)
    const { dated, rests, faults } = marks ?? { dated: sound, rests: undefined, faults: new Uint8Array(times.length) }
    blocks.push({ ...numbers, rows: times.length, times, dated, rests, faults, values, limits })
  }
  return blocks
}

function walkedOf(rows: Rows, { path, header }: TextTable): Walked {
  const broken = brokenOf(rows.broken())
  const first = rows.firstBroken()
  if (!first) return { broken }
  const reason = reasons[first.reason]
  const more = reason === wrongCount ? miscounted(first.fields, first.open, header.length) : {}
  return { broken, first: badLine(path, first.line, { reason, ...more }) }
}
