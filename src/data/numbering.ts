/** Numbers ids by first appearance. */
export class Numbering {
  /** What stands in `codes` for no id: nothing, something that is no text, text that UTF-8 cannot hold. */
  static readonly empty = -1
  static readonly noText = -2
  static readonly unicode = -3

  /** Ids by number. */
  readonly ids: string[] = []
  /** The number of each id added, in the order of adding; negative where it was none. */
  readonly codes: number[] = []
  private readonly numbers = new Map<string, number>()

  /** Takes a text, or a number by its decimal form. */
  add(id: unknown): number {
    const code = this.numberOf(id)
    this.codes.push(code)
    return code
  }

  private numberOf(id: unknown): number {
    if (id === undefined || id === null) return Numbering.empty
    const text = typeof id === 'number' || typeof id === 'bigint' ? String(id) : id
    if (typeof text !== 'string' || Number.isNaN(id)) return Numbering.noText
    const known = this.numbers.get(text)
    if (known !== undefined) return known
    if (/^ *$/.test(text)) return Numbering.empty
    if (/\p{Surrogate}/u.test(text)) return Numbering.unicode
    this.numbers.set(text, this.ids.length)
    return this.ids.push(text) - 1
  }

  /** Numbers anew over the rows that are kept: new codes by row (−1 for the others), and the ids in the new order. */
  over(kept: readonly number[]): { readonly codes: Int32Array; readonly ids: string[] } {
    const codes = new Int32Array(this.codes.length).fill(-1)
    const renumbered = new Int32Array(this.ids.length).fill(-1)
    const ids: string[] = []
    for (const row of kept) {
      const old = this.codes[row]
      if (renumbered[old] < 0) renumbered[old] = ids.push(this.ids[old]) - 1
      codes[row] = renumbered[old]
    }
    return { codes, ids }
  }
}
