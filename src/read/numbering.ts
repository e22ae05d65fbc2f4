/** Another one each time, so that nobody makes texts that fall together. */
const seed = Math.floor(Math.random() * 2 ** 32)

/**
 * Numbers ids by first appearance. The table is our own: a Map asks the runtime to compare texts that were just made, and takes
 * four times as long.
 */
export class Numbering {
  /** What stands in place of a number for no id: nothing, something that is no text or number, text that UTF-8 cannot hold. */
  static readonly empty = -1
  static readonly noText = -2
  static readonly unicode = -3
  /** A whole number that doubles do not tell from its neighbours. */
  static readonly unsafe = -4
  /** A number with a fraction. */
  static readonly fraction = -5

  /** Ids by number. */
  readonly ids: string[] = []
  /** Pairs of number + 1 and hash, at the place that the hash says or one behind it; 0 where there is none. At most half are taken. */
  private pairs = new Int32Array(1 << 11)
  private readonly keep: (text: string) => string

  /** @param keep gives a text that is kept: a piece of a larger one would keep all of that */
  constructor(keep: (text: string) => string = (text) => text) {
    this.keep = keep
  }

  /** The number of a text, or of a number by its decimal form; negative where it is no id. */
  numberOf(id: unknown): number {
    if (id === undefined || id === null) return Numbering.empty
    const text = typeof id === 'number' || typeof id === 'bigint' ? String(id) : id
    if (typeof text !== 'string') return Numbering.noText
    if (typeof id === 'number' && !Number.isSafeInteger(id)) return numberFault(id)
    const hash = hashOf(text)
    const { pairs } = this
    const mask = pairs.length - 2
    let at = hash & mask
    for (; pairs[at] > 0; at = (at + 2) & mask) {
      if (pairs[at + 1] === hash && this.ids[pairs[at] - 1] === text) return pairs[at] - 1
    }
    if (/^ *$/.test(text)) return Numbering.empty
    if (/\p{Surrogate}/u.test(text)) return Numbering.unicode
    return this.add(this.keep(text), hash, at)
  }

  private add(text: string, hash: number, at: number): number {
    const count = this.ids.push(text)
    this.pairs[at] = count
    this.pairs[at + 1] = hash
    if (4 * count > this.pairs.length) this.grow()
    return count - 1
  }

  private grow(): void {
    const before = this.pairs
    const pairs = new Int32Array(4 * before.length)
    const mask = pairs.length - 2
    for (let i = 0; i < before.length; i += 2) {
      if (before[i] === 0) continue
      let at = before[i + 1] & mask
      while (pairs[at] > 0) at = (at + 2) & mask
      pairs[at] = before[i]
      pairs[at + 1] = before[i + 1]
    }
    this.pairs = pairs
  }
}

function numberFault(id: number): number {
  if (!Number.isFinite(id)) return Numbering.noText
  return Number.isInteger(id) ? Numbering.unsafe : Numbering.fraction
}

function hashOf(text: string): number {
  let hash = seed ^ text.length
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash ^ (hash >>> 15)
}
