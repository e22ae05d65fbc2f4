import type { TimeUnit } from '../../data/interactions.ts'
import type { Fault } from '../check.ts'
import { type Field, fields, locateColumn, locateFields } from '../columns.ts'
import type { Gathered } from '../gathered.ts'
import { Gatherer, type Keys, type Row } from '../gatherer.ts'
import type { LogOptions } from '../log-options.ts'
import { Budget } from '../memory.ts'
import { keysOf } from '../memory-rows.ts'
import { badRow, fault, faults } from '../row-faults.ts'
import { unitHint } from '../time.ts'
import { readByAddon } from './by-addon.ts'
import type { Source } from './file-rows.ts'
import { badLine, type TextTable, type Walked } from './text-table.ts'

/** The rows of a text file, in columns. */
export async function gatherText(table: TextTable, options: LogOptions): Promise<Source> {
  const keys = table.format === 'csv' ? locateFields(table.header, options.columns ?? {}, table.path) : keysOf(options)
  const budget = new Budget(options.memory)
  const read = await readByAddon(table, keys, budget)
  const { gathered, walked } = read && hasNamed(read.gathered, options) ? read : await gatherRows(table, keys, budget, options)
  const firstFault: Source['firstFault'] = (first, unit) => errorOf(table, keys, walked, first, unit)
  return { gathered, broken: walked.broken, firstFault }
}

/** Whether the columns that the caller names are there; where not, it takes another look at the file to say so. */
function hasNamed({ ids, valued }: Gathered, { columns = {} }: LogOptions): boolean {
  const lacks = (field: 'scene' | 'event') => columns[field] !== undefined && ids[field] === undefined
  return !(lacks('scene') || lacks('event') || (columns.value !== undefined && !valued))
}

async function gatherRows(table: TextTable, keys: Keys, budget: Budget, options: LogOptions) {
  const gatherer = new Gatherer(keys, { budget, keep: ownText, valued: table.format === 'csv' && keys.value !== undefined })
  const lacking = new Set<Field>(table.format === 'csv' ? [] : fields)
  const walked = await table.walk((row) => {
    for (const field of lacking) if (Object.hasOwn(row, keys[field]!)) lacking.delete(field)
    gatherer.add(row)
    return false
  })
  if (lacking.size > 0) checkKeys(table, lacking, options)
  return { gathered: gatherer.done() satisfies Gathered, walked }
}

/** A text of its own in place of a piece of a larger one. */
const ownText = (text: string): string => Buffer.from(text).toString()

/** Keys that no object has. */
function checkKeys({ path, header }: TextTable, lacking: ReadonlySet<Field>, { columns = {} }: LogOptions): void {
  if (header.length === 0 && lacking.size === fields.length) {
    throw badRow({ source: path, place: 'line 1', reason: 'no JSON object', hint: 'Write one object a line.' })
  }
  for (const field of lacking) {
    const needed = field === 'user' || field === 'item' || field === 'timestamp' || columns[field] !== undefined
    locateColumn(header, columns[field] ?? field, path, needed, `columns: { ${field}: … }`)
  }
}

/** The error of the first row with a fault, or of what is none where that comes before it. */
async function errorOf(table: TextTable, keys: Keys, { first: broken }: Walked, first: Fault | undefined, unit: TimeUnit) {
  if (first === undefined) return badRow(broken!)
  const { column, reason } = faults[first.code]
  let found: Error | undefined
  let row = 0
  const { first: before } = await table.walk((seen, line) => {
    if (row++ < first.row) return false
    const key = column === undefined ? undefined : keys[column]
    const shown = column === 'timestamp' && first.code !== fault.timestamp ? written(seen, key) : undefined
    const where = key !== undefined && { column: typeof key === 'number' ? table.header[key] : key }
    const hint = first.unfit !== undefined && { hint: unitHint(unit) }
    found = badRow(badLine(table.path, line, { ...where, reason, ...(shown !== undefined && { value: shown }), ...hint }))
    return true
  })
  return before ? badRow(before) : found!
}

function written(row: Row, key: string | number | undefined): string | number | undefined {
  const value = key === undefined ? undefined : row[key]
  return typeof value === 'number' ? value : value === undefined ? undefined : String(value)
}
