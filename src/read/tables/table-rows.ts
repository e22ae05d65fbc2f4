import { locateColumn } from '../columns.ts'
import { idFault, type Row } from '../gatherer.ts'
import { Numbering } from '../numbering.ts'
import { type BadRow, badRow, fault, faults } from '../row-faults.ts'
import { type Cell, cellOf, numbersOf, odd, ownText, wordsOf } from './cells.ts'
import { type CellFault, type Cells, type KnownColumn, kindsOf } from './column-kinds.ts'
import { type Keys, remedyOf, type Subject, type TableFields, type TableOptions } from './table-fields.ts'

/** A table whose rows are checked. */
export interface Table {
  readonly source: string
  readonly subject: Subject
  readonly fields: TableFields
  /** By row, as is what follows. */
  readonly ids: readonly string[]
  readonly titles: readonly (string | undefined)[]
  readonly categories: readonly (readonly string[])[]
  readonly columns: readonly KnownColumn[]
  /** Rows that are left out. */
  readonly left: ReadonlySet<number>
  /** How many, by reason; and what is no row. */
  readonly skipped: Readonly<Record<string, number>>
  readonly notes: readonly string[]
}

/** Where rows come from, as errors name it. */
export interface TableSource {
  readonly name: string
  /** Rows of files are told by their lines, others by their numbers from 0. */
  readonly unit: 'line' | 'row'
}

/** What is wrong with a row, and its line or number. */
export interface TableFault extends Omit<BadRow, 'source' | 'place'> {
  readonly place: number
}

/** The rows of an items or a users table as they come. */
export class TableRows {
  private readonly source: TableSource
  private readonly options: TableOptions
  private readonly fields: TableFields
  private readonly numbering = new Numbering(ownText)
  /** By row. */
  private readonly places: number[] = []
  private readonly titles: (string | undefined)[] = []
  private readonly categories: (readonly string[])[] = []
  private readonly columns = new Map<string, Cells>()
  /** Columns that have been lists of numbers so far. */
  private readonly vectors = new Set<string>()
  /** Columns that are none, and why. */
  private readonly passedOver = new Map<string, string>()
  private readonly left = new Set<number>()
  private readonly counts = new Map<string, number>()
  private first: TableFault | undefined

  constructor(source: TableSource, options: TableOptions, fields: TableFields) {
    this.source = source
    this.options = options
    this.fields = fields
  }

  /** How many columns there are beside the table's own. */
  get width(): number {
    return this.columns.size
  }

  /** @param place the row's line or number */
  add(row: Row, keys: Keys, place: number): void {
    const number = this.numbering.numberOf(row[keys.id])
    const reason = this.idReason(number)
    if (reason !== undefined) {
      this.refuse({ place, column: this.fields.id, reason })
      return
    }
    this.places.push(place)
    this.titles.push(keys.title === undefined ? undefined : this.titleOf(row[keys.title], number))
    this.categories.push(keys.categories === undefined ? [] : this.categoriesOf(row[keys.categories], number))
    for (const [name, key] of keys.others(row)) this.addCell(name, number, row[key])
  }

  /** Why a row has no id of its own. */
  private idReason(number: number): string | undefined {
    const { subject } = this.options
    const code = idFault(number, fault[subject])
    if (code !== fault.none) return faults[code].reason
    return number < this.places.length ? `${subject} appears twice` : undefined
  }

  /** Notes a row that is none. */
  refuse(fault: TableFault): void {
    this.count({ [fault.reason]: 1 }, fault)
  }

  /** Notes what is no row: how many by reason, and the first. */
  count(counts: Readonly<Record<string, number>>, first: TableFault | undefined): void {
    for (const [reason, rows] of Object.entries(counts)) this.counts.set(reason, (this.counts.get(reason) ?? 0) + rows)
    if (first && first.place < (this.first?.place ?? Number.POSITIVE_INFINITY)) this.first = first
  }

  /** Passes a column over. @param why a sentence goes on with it */
  passOver(column: string, why: string): void {
    if (!this.passedOver.has(column)) this.passedOver.set(column, why)
  }

  /** Where rows name their own columns: the id's must be in some, and so must those that the caller names. @throws FociError COLUMN */
  checkNamed(header: readonly string[]): void {
    const { subject, columns } = this.options
    const there = {
      [subject]: this.places.length > 0,
      title: this.titles.some(isGiven),
      categories: this.categories.some((of) => of.length > 0),
    }
    for (const [field, found] of Object.entries(there)) {
      const name = columns[field as keyof typeof columns] ?? (field === subject ? this.fields.id : undefined)
      if (!found && name !== undefined) locateColumn(header, name, this.source.name, true, remedyOf(subject, field))
    }
  }

  /** @throws FociError DATA with the first row that has a fault, unless such rows are left out */
  done(): Table {
    for (const name of this.passedOver.keys()) this.columns.delete(name)
    const { columns, faults: cellFaults, notes } = kindsOf(this.columns)
    for (const { row, ...found } of cellFaults) this.leave(row, found)
    const { options, fields, titles, categories, left, first } = this
    const { name: source, unit } = this.source
    if (first && !options.skipInvalid) throw badRow({ ...first, source, place: `${unit} ${first.place}` })
    const over = Array.from(this.passedOver, ([name, why]) => `column "${name}" is passed over: ${why}`)
    const skipped = Object.fromEntries(this.counts)
    const { ids } = this.numbering
    return { source, subject: options.subject, fields, ids, titles, categories, columns, left, skipped, notes: [...over, ...notes] }
  }

  private addCell(name: string, row: number, value: unknown): void {
    const cell = cellOf(value)
    if (cell === odd.object) this.passOver(name, `it holds an object in ${this.source.unit} ${this.places[row]}`)
    else if (cell === odd.unicode) this.leave(row, { column: name, reason: noUnicode })
    else if (cell !== undefined) this.put(name, row, cell as Cell)
  }

  /** Where a column has been lists of numbers so far, they take less room as such. */
  private put(name: string, row: number, cell: Cell): void {
    const isFirst = !this.columns.has(name)
    const numbers = isFirst || this.vectors.has(name) ? numbersOf(cell) : undefined
    if (isFirst && numbers) this.vectors.add(name)
    if (!numbers) this.vectors.delete(name)
    this.cellsOf(name)[row] = numbers ?? cell
  }

  /** Leaves a row out; of several faults the first counts. */
  private leave(row: number, found: Omit<CellFault, 'row'>): void {
    if (this.left.has(row)) return
    this.left.add(row)
    this.refuse({ ...found, place: this.places[row] })
  }

  private titleOf(value: unknown, row: number): string | undefined {
    const cell = cellOf(value)
    const column = this.fields.title ?? 'title'
    if (cell === odd.unicode) this.leave(row, { column, reason: noUnicode })
    else if (typeof value === 'object' && cell !== undefined) this.leave(row, { column, reason: 'title is no text' })
    else if (cell !== undefined) return typeof value === 'string' ? ownText(value) : String(value)
    return undefined
  }

  private categoriesOf(value: unknown, row: number): readonly string[] {
    const cell = cellOf(value)
    const column = this.fields.categories ?? 'categories'
    if (cell === odd.unicode) this.leave(row, { column, reason: noUnicode })
    else if (cell === odd.object || (Array.isArray(cell) && cell.includes(null)))
      this.leave(row, { column, reason: 'categories are no list of texts' })
    else if (cell !== undefined) return wordsOf(typeof value === 'string' ? ownText(value) : (cell as Cell))
    return []
  }

  private cellsOf(name: string): Cells {
    const cells = this.columns.get(name)
    if (cells) return cells
    const fresh: Cells = []
    this.columns.set(name, fresh)
    return fresh
  }
}

const isGiven = (title: string | undefined): boolean => title !== undefined

const noUnicode = 'text is invalid Unicode'
