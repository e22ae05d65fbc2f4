import { checkRows, type Fault } from '../check.ts'
import { locateFields } from '../columns.ts'
import { fault, faults, noRows } from '../faults.ts'
import { type Block, blockRows, type Gathered, type IdField, type Ids, newBlock } from '../gathered.ts'
import type { TimeUnit } from '../interactions.ts'
import type { LogOptions, SortedLog } from '../log.ts'
import { sortRows } from '../sort.ts'
import { unitHint } from '../time.ts'
import type { Chunk, Session } from './duckdb.ts'
import { openTable } from './open.ts'
import { readPlain } from './plain.ts'
import { datedBit, type Places, restUnit, type Selection, selectLog, stateColumn, timeColumn } from './select.ts'
import type { RowFault, Table } from './table.ts'
import { type TextNumbering, textNumbering } from './texts.ts'

/**
 * Reads a log from a file: DuckDB reads and checks the rows, and they are numbered as they come and sorted at the end. Plain
 * CSV is read without it.
 */
export async function readFileLog(session: Session, path: string, options: LogOptions): Promise<SortedLog> {
  const table = await openTable(session, path, { name: 'log', delimiter: options.delimiter })
  const places = locateFields(table.header, options.columns ?? {}, path)
  const { gathered, broken } = await gather(session, table, places, path)
  const checked = checkRows(gathered, options.unit)
  const { unit, counts, first } = checked
  const skipped = { ...broken, ...counts }
  const bad = Object.keys(skipped).some((reason) => reason !== 'blank line')
  if (bad && !options.skipInvalid) throw await table.firstFault(first && (await describe(session, table, places, first, unit)))
  const log = await sortRows(gathered, checked)
  if (log.items.length === 0) throw noRows(path, skipped)
  return { ...log, unit, skipped }
}

async function gather(session: Session, table: Table, places: Places, path: string) {
  const plain = await readPlain(table, places)
  if (plain !== undefined) return { gathered: plain, broken: {} }
  const { read: gathered, broken } = await table.complete(select(session, selectLog(table, places, path)))
  return { gathered, broken }
}

async function select(session: Session, { sql, ids, value }: Selection): Promise<Gathered> {
  const numbers = Object.entries(ids).map(([field, column]) => ({ field: field as IdField, column, texts: textNumbering() }))
  const has = { scene: ids.scene !== undefined, event: ids.event !== undefined, value: value !== undefined }
  const blocks: Block[] = []
  for await (const chunk of session.stream(sql)) {
    if (blocks.length === 0 || blocks[blocks.length - 1].rows + chunk.rows > blockRows) blocks.push(newBlock(has))
    addChunk(blocks[blocks.length - 1], chunk, numbers, value)
  }
  const named = Object.fromEntries(numbers.map(({ field, texts }) => [field, texts])) as Partial<Ids> as Ids
  return { blocks, ids: named, valued: has.value }
}

interface IdColumn {
  readonly field: IdField
  readonly column: number
  readonly texts: TextNumbering
}

function addChunk(block: Block, chunk: Chunk, numbers: readonly IdColumn[], value: number | undefined): void {
  const start = block.rows
  addStates(block, chunk.ints(stateColumn))
  block.times.set(chunk.doubles(timeColumn), start)
  if (value !== undefined) block.values?.set(chunk.doubles(value), start)
  const sound = block.faults.subarray(start, start + chunk.rows)
  for (const { field, column, texts } of numbers) texts.number(chunk, column, sound, block[field]!.subarray(start))
  block.rows += chunk.rows
}

/** Notes what the states of rows say; most say nothing. */
function addStates(block: Block, states: Int32Array): void {
  let any = 0
  for (let i = 0; i < states.length; i++) any |= states[i]
  if (any === 0) return
  for (let i = 0, at = block.rows; i < states.length; i++, at++) {
    const state = states[i]
    block.faults[at] = state & (datedBit - 1)
    block.dated[at] = (state & datedBit) === 0 ? 0 : 1
    if (state >= restUnit || state < 0) {
      block.rests ??= new Int16Array(blockRows)
      block.rests[at] = Math.floor(state / restUnit)
    }
  }
}

/** What to say of a bad row, with its time as it is written. */
async function describe(session: Session, table: Table, places: Places, { row, code, unfit }: Fault, unit: TimeUnit): Promise<RowFault> {
  const { column, reason } = faults[code]
  const at = places[column ?? 'user']
  const shown = column === 'timestamp' && code !== fault.timestamp
  return {
    row,
    column: column && table.header[at ?? 0],
    reason,
    ...(shown && { value: await writtenAt(session, table, at ?? 0, row) }),
    ...(unfit !== undefined && { hint: unitHint(unit) }),
  }
}

async function writtenAt(session: Session, table: Table, column: number, row: number): Promise<string> {
  const json = table.types[column] === 'JSON'
  const [[written]] = await session.rows(
    `SELECT ${json ? `c${column}->>'$'` : `c${column}::VARCHAR`} FROM ${table.from} LIMIT 1 OFFSET ${row}`,
  )
  return String(written)
}
