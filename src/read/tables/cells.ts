/** What stands in a place of a table while the kind of its column is open. */
export type Cell = string | number | Float64Array | readonly Entry[] | undefined

type Entry = string | number | null

/** What no column can hold: an object, and text that UTF-8 cannot hold. */
export const odd = { object: Symbol('object'), unicode: Symbol('unicode') } as const

export type Odd = (typeof odd)[keyof typeof odd]

/** A value of a file or of a row in memory as a cell; nothing, an empty text and NaN are none. */
export function cellOf(value: unknown): Cell | Odd {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return textCell(value)
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value
  if (typeof value === 'boolean' || typeof value === 'bigint') return textCell(String(value))
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString()
  return isList(value) ? listCell(value) : odd.object
}

function textCell(text: string): Cell | Odd {
  return isIllFormed(text) ? odd.unicode : ownText(text)
}

function listCell(list: ArrayLike<unknown>): Cell | Odd {
  if (list.length === 0) return undefined
  const entries: Entry[] = []
  for (let i = 0; i < list.length; i++) {
    const value = list[i]
    if (typeof value === 'number') entries.push(value)
    else if (value === undefined || value === null) entries.push(null)
    else if (typeof value === 'bigint') entries.push(Number.isSafeInteger(Number(value)) ? Number(value) : String(value))
    else if (typeof value === 'string' || typeof value === 'boolean') entries.push(String(value))
    else return odd.object
    if (typeof value === 'string' && isIllFormed(value)) return odd.unicode
  }
  return entries
}

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))

/** True where UTF-8 can't hold the text: half of a surrogate pair stands alone. */
const isIllFormed = (text: string): boolean => /[\ud800-\udfff]/.test(text) && /\p{Surrogate}/u.test(text)

/** Not a piece of a larger text, which would be kept for it. */
export const ownText = (text: string): string => (text.length < 13 ? text : Buffer.from(text).toString())

const numberText = /^\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\s*$/

/** The number that a cell is; undefined where it is something else, or beyond f32. */
export function numberOf(cell: Cell | null): number | undefined {
  const number = typeof cell === 'number' ? cell : typeof cell === 'string' && numberText.test(cell) ? Number(cell) : Number.NaN
  return Number.isFinite(Math.fround(number)) ? number : undefined
}

/**
 * The numbers that a cell lists: an array of numbers, or a text of them in brackets with commas or spaces between. Undefined
 * where it is something else, or one is beyond f32.
 */
export function numbersOf(cell: Cell): Float64Array | undefined {
  if (cell instanceof Float64Array) return cell
  const texts = typeof cell === 'string' ? bracketed(cell) : undefined
  const entries = texts ?? (typeof cell === 'object' ? cell : [])
  const numbers = new Float64Array(entries.length)
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]
    const number = texts || typeof entry === 'number' ? numberOf(entry) : undefined
    if (number === undefined) return undefined
    numbers[i] = number
  }
  return numbers.length > 0 ? numbers : undefined
}

/** What a text lists in brackets. */
function bracketed(text: string): string[] | undefined {
  const bare = text.trim()
  if (bare[0] !== '[' || bare.at(-1) !== ']') return undefined
  const inside = bare.slice(1, -1).trim()
  return inside === '' ? undefined : inside.split(inside.includes(',') ? ',' : /\s+/)
}

/** The words of a cell: those of a list, or of a text with `|` between several; numbers of a list are words too. */
export function wordsOf(given: Cell): readonly string[] {
  const cell = numbersOf(given) ?? given
  if (cell === undefined) return []
  if (typeof cell === 'string')
    return cell.includes('|')
      ? cell
          .split('|')
          .filter((word) => word !== '')
          .map(ownText)
      : [cell]
  if (typeof cell === 'number') return [String(cell)]
  return Array.from(cell as ArrayLike<Entry>).flatMap((entry) => (entry === null || entry === '' ? [] : [String(entry)]))
}
