/** Numbers ids by first appearance. */
export class Numbering {
  /** What stands in place of a number for no id: nothing, something that is no text, text that UTF-8 cannot hold. */
  static readonly empty = -1
  static readonly noText = -2
  static readonly unicode = -3

  /** Ids by number. */
  readonly ids: string[] = []
  private readonly numbers = new Map<string, number>()
  private readonly keep: (text: string) => string

  /** @param keep gives a text that is kept: a piece of a larger one would keep all of that */
  constructor(keep: (text: string) => string = (text) => text) {
    this.keep = keep
  }

  /** The number of a text, or of a number by its decimal form; negative where it is no id. */
  numberOf(id: unknown): number {
    if (id === undefined || id === null) return Numbering.empty
    const text = typeof id === 'number' || typeof id === 'bigint' ? String(id) : id
    if (typeof text !== 'string' || Number.isNaN(id)) return Numbering.noText
    const known = this.numbers.get(text)
    if (known !== undefined) return known
    if (/^ *$/.test(text)) return Numbering.empty
    if (/\p{Surrogate}/u.test(text)) return Numbering.unicode
    const kept = this.keep(text)
    this.numbers.set(kept, this.ids.length)
    return this.ids.push(kept) - 1
  }
}
