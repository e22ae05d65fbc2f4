import { nearest } from '../data/nearest.ts'
import { FociError } from '../errors.ts'

/** What a log's columns mean. The first three must be there. */
export const fields = ['user', 'item', 'timestamp', 'scene', 'event', 'value'] as const

export type Field = (typeof fields)[number]

/** Names of the columns in the source, where they differ from the field's own name. */
export type ColumnNames = Readonly<Partial<Record<Field, string>>>

const required: readonly string[] = ['user', 'item', 'timestamp']

/** Where each field stands in a header. A field that is neither required nor named by the caller may be absent. */
export function locateFields(header: readonly string[], names: ColumnNames, source: string): Partial<Record<Field, number>> {
  const places: Partial<Record<Field, number>> = {}
  for (const field of fields) {
    const name = names[field] ?? field
    const at = locateColumn(header, name, source, required.includes(field) || names[field] !== undefined, `columns: { ${field}: … }`)
    if (at >= 0) places[field] = at
  }
  return places
}

/** The place of one column, or −1 where it is not there and need not be. */
export function locateColumn(header: readonly string[], name: string, source: string, needed: boolean, remedy: string): number {
  const at = header.indexOf(name)
  if (at < 0 && needed) throw missing(header, name, source, remedy)
  if (at >= 0 && header.indexOf(name, at + 1) >= 0) {
    throw new FociError('COLUMN', `${source}: column "${name}" appears twice`, 'Rename one of the two columns.')
  }
  return at
}

function missing(header: readonly string[], name: string, source: string, remedy: string): FociError {
  const guess = nearest(name, header)
  const there = header.map((each) => JSON.stringify(each)).join(', ')
  const hint = guess === undefined ? `Name the column with ${remedy}.` : `Did you mean "${guess}"? Name it with ${remedy}.`
  return new FociError('COLUMN', `${source}: no column "${name}"; there are ${there}`, hint)
}
