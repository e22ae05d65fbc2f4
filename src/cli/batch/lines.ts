import type { Ranked } from '../../recommend/ranking.ts'
import { putFloat32, SCORE_BYTES } from './numbers.ts'

/** Writes ranked lists as lines of text, as the addon's ListLines does, and scores of any size. */
export class Lines {
  private readonly ranks: Texts
  private readonly items: Texts
  /** What stands behind a score, by interest + 1. */
  private ends = new Texts([])
  private readonly interest: readonly [before: string, end: string]
  private bytes = Buffer.allocUnsafeSlow(1 << 16)
  private length = 0

  /**
   * @param ranks what stands before an item, by place
   * @param items what stands before a score, by item
   * @param interest what stands before and behind an interest
   */
  constructor(ranks: readonly string[], items: readonly string[], interest: readonly [before: string, end: string]) {
    this.ranks = new Texts(ranks)
    this.items = new Texts(items)
    this.interest = interest
  }

  /** The rows of some users, whose texts stand at the beginning of each; the bytes stay as they are until the next call. */
  lines(users: readonly string[], ranked: Ranked): { readonly bytes: Buffer; readonly rows: number } {
    this.knowInterests(ranked.interests)
    const k = ranked.items.length / users.length
    this.length = 0
    let rows = 0
    for (let b = 0; b < users.length; b++) {
      let there = 0
      while (there < k && ranked.items[b * k + there] >= 0) there++
      if (there > 0) this.addUser(users[b], ranked, b * k, there)
      rows += there
    }
    return { bytes: this.bytes.subarray(0, this.length), rows }
  }

  /** Adds the rows of a user, whose items stand at `first` and behind it. */
  private addUser(user: string, { items, scores, interests }: Ranked, first: number, count: number): void {
    const start = this.length
    const { ranks, items: itemTexts, ends } = this
    this.reserve(start + count * (3 * user.length + ranks.longest + itemTexts.longest + SCORE_BYTES + ends.longest))
    const { bytes } = this
    const userEnd = start + bytes.write(user, start)
    let at = start
    for (let place = 0; place < count; place++) {
      const row = first + place
      at = place === 0 ? userEnd : put(bytes, start, userEnd, bytes, at)
      at = ranks.put(place, bytes, at)
      at = itemTexts.put(items[row], bytes, at)
      at = putFloat32(scores[row], bytes, at)
      at = ends.put(interests[row] + 1, bytes, at)
    }
    this.length = at
  }

  private knowInterests(interests: Int32Array): void {
    let most = this.ends.count - 2
    for (let i = 0; i < interests.length; i++) if (interests[i] > most) most = interests[i]
    if (most + 2 === this.ends.count) return
    const [before, end] = this.interest
    this.ends = new Texts(Array.from({ length: most + 2 }, (_, i) => `${before}${i - 1}${end}`))
  }

  private reserve(length: number): void {
    if (length > this.bytes.length) this.bytes = Buffer.concat([this.bytes], 2 * length)
  }
}

/** Texts end to end in UTF-8. */
class Texts {
  /** Bytes of the longest. */
  readonly longest: number
  private readonly bytes: Buffer
  private readonly starts: Int32Array

  constructor(texts: readonly string[]) {
    this.bytes = Buffer.from(texts.join(''))
    this.starts = new Int32Array(texts.length + 1)
    let longest = 0
    for (let i = 0; i < texts.length; i++) {
      const length = Buffer.byteLength(texts[i])
      this.starts[i + 1] = this.starts[i] + length
      longest = Math.max(longest, length)
    }
    this.longest = longest
  }

  get count(): number {
    return this.starts.length - 1
  }

  put(index: number, to: Buffer, at: number): number {
    return put(this.bytes, this.starts[index], this.starts[index + 1], to, at)
  }
}

/** Copies some bytes, of which there are too few for a call to be worth it; gives where the next ones go. */
function put(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  for (let i = start; i < end; i++) to[at++] = from[i]
  return at
}
