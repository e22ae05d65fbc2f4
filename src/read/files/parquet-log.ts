import type { Fault } from '../check.ts'
import { locateFields } from '../columns.ts'
import { type Block, blockRows, bytesOfBlock, type Gathered, type IdField, type Ids, newBlock } from '../gathered.ts'
import type { LogOptions } from '../log-options.ts'
import { Budget, duckShare } from '../memory.ts'
import { badRow, fault, faults } from '../row-faults.ts'
import { unitHint } from '../time.ts'
import type { Chunk, Session } from './duckdb.ts'
import type { Source } from './file-rows.ts'
import { type ParquetTable, unreadable } from './parquet.ts'
import { datedBit, type Places, restUnit, type Selection, selectLog, stateColumn, timeColumn } from './parquet-select.ts'
import { type TextNumbering, textNumbering } from './texts.ts'

/** The rows of a Parquet file, in columns: DuckDB checks them, and ids are numbered as they come. */
export async function gatherParquet(session: Session, table: ParquetTable, { columns = {}, memory }: LogOptions): Promise<Source> {
  const { path } = table
  const places = locateFields(table.header, columns, path)
  const gathered = await select(session, selectLog(table, places), new Budget(memory, 1 - duckShare)).catch((cause: unknown) => {
    throw unreadable(path, cause)
  })
  const rows = gathered.blocks.reduce((sum, block) => sum + block.rows, 0)
  if (rows !== table.rows) throw unreadable(path, new Error(`${rows} rows were read of the ${table.rows} that it says it has`))
  const firstFault: Source['firstFault'] = async (first, unit) => {
    const hint = first?.unfit !== undefined && { hint: unitHint(unit) }
    return badRow({ source: path, ...(await describe(session, table, places, first!)), ...hint })
  }
  return { gathered, broken: {}, firstFault }
}

/** What an id takes beside its first twelve bytes. */
const idBytes = 64

async function select(session: Session, { sql, ids, value }: Selection, budget: Budget): Promise<Gathered> {
  const numbers = Object.entries(ids).map(([field, column]) => ({ field: field as IdField, column, texts: textNumbering() }))
  const has = { scene: ids.scene !== undefined, event: ids.event !== undefined, value: value !== undefined }
  const blocks: Block[] = []
  let named = 0
  for await (const chunk of session.stream(sql)) {
    if (blocks.length === 0 || blocks[blocks.length - 1].rows + chunk.rows > blockRows) {
      const count = numbers.reduce((sum, { texts }) => sum + texts.count, 0)
      const block = newBlock(has)
      budget.hold(bytesOfBlock(block) + (count - named) * idBytes)
      named = count
      blocks.push(block)
    }
    addChunk(blocks[blocks.length - 1], chunk, numbers, value)
  }
  const all = Object.fromEntries(numbers.map(({ field, texts }) => [field, texts])) as Partial<Ids> as Ids
  return { blocks, ids: all, valued: has.value }
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
async function describe(session: Session, table: ParquetTable, places: Places, { row, code }: Fault) {
  const { column, reason } = faults[code]
  const at = places[column ?? 'user'] ?? 0
  const shown = column === 'timestamp' && code !== fault.timestamp
  return {
    place: `row ${row}`,
    column: column && table.header[at],
    reason,
    ...(shown && { value: await writtenAt(session, table, at, row) }),
  }
}

async function writtenAt(session: Session, table: ParquetTable, column: number, row: number): Promise<string> {
  const [[written]] = await session.rows(`SELECT c${column}::VARCHAR FROM ${table.from} LIMIT 1 OFFSET ${row}`)
  return String(written)
}
