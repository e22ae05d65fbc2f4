import { isRecord, type Rows } from '../memory-rows.ts'
import { fault, faults } from '../row-faults.ts'
import { fieldsOf, objectKeys, type TableOptions } from './table-fields.ts'
import { type Table, TableRows } from './table-rows.ts'

/** Reads the rows of an items or a users table in memory, with the checks and the result of a file of the same rows. */
export async function readMemoryTable(given: Rows<unknown>, options: TableOptions): Promise<Table> {
  const list: unknown[] = []
  for await (const row of given) list.push(row)
  const source = `${options.subject}s table`
  const first = list.find(isRecord)
  const header = first ? Object.keys(first) : []
  const fields = fieldsOf(header, source, options, true)
  const keys = objectKeys(fields)
  const rows = new TableRows({ name: source, unit: 'row' }, options, fields)
  for (const [place, row] of list.entries()) {
    if (isRecord(row)) rows.add(row, keys, place)
    else rows.refuse({ place, reason: faults[fault.noObject].reason })
  }
  if (list.length > 0) rows.checkNamed(header)
  return rows.done()
}
