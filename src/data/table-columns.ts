/** A column of an items or a users table, by the index of the item or the user, n of them. */
export type Column = WordsColumn | NumberColumn | VectorColumn

export interface WordsColumn {
  readonly kind: 'words'
  /** The words of each, in the table's order; none where the table gives none. */
  readonly of: readonly (readonly string[])[]
}

export interface NumberColumn {
  readonly kind: 'number'
  /** [n], NaN where the table gives none. */
  readonly of: Float64Array
}

export interface VectorColumn {
  readonly kind: 'vector'
  readonly width: number
  /** [n, width], zeros where the table gives none. */
  readonly of: Float32Array
  /** [n], 1 where the table gives one, else 0. */
  readonly given: Uint8Array
}

/** The columns of a table by their names. */
export type Columns = Readonly<Record<string, Column>>

/** What an items table says of items, by index. */
export interface Described {
  readonly titles?: readonly (string | undefined)[]
  readonly categories?: readonly (readonly string[])[]
  readonly columns?: Columns
}

/** A column of an items table by its name; `title` and `categories` are words too. Undefined where the table lacks it. */
export function columnOf({ titles, categories, columns = {} }: Described, name: string): Column | undefined {
  if (name === 'title') return titles && { kind: 'words', of: titles.map((title) => (title === undefined ? [] : [title])) }
  if (name === 'categories') return categories && { kind: 'words', of: categories }
  return Object.hasOwn(columns, name) ? columns[name] : undefined
}

/** How many items or users a column is of. */
export const rowsOf = (column: Column): number => (column.kind === 'vector' ? column.given.length : column.of.length)
