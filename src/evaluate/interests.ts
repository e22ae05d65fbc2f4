import type { Model } from '../models/contracts.ts'
import { type Packed, pack } from '../models/pack.ts'
import { gather } from '../ops/table.ts'
import { listOfEach } from '../recommend/about.ts'
import type { Lists } from '../recommend/lists.ts'
import type { Asked } from '../recommend/lookup.ts'
import { present, rankItems } from '../recommend/ranking.ts'
import type { Served } from '../recommend/served.ts'
import type { Cases, Split } from '../split/split.ts'
import { scope, Tensor } from '../tensor/tensor.ts'
import { askAbout } from './found.ts'

/** Whether the interests of a user are several, or have collapsed into one. */
export interface InterestFigures {
  /** Who was looked at: all of the cases, or 2,000 of them at even distances. */
  readonly users: number
  /** Interests of a user, at most. */
  readonly interests: number
  /** Mean cosine of a user's interests, pair by pair. */
  readonly cosine: number
  /** exp(H), H the entropy of the shares of the targets that each interest is nearest to: as many as that win alike. */
  readonly effective: number
  /** Share of the interests that are nearest to less than one target of a hundred. */
  readonly dead: number
  /** Share of the lists' places with items that are on the list of one interest alone. */
  readonly unique: number
}

/** Users who are looked at, at most: each is ranked by each of the interests. */
const USERS = 2000

/** Interests that win less often count as dead. */
const DEAD = 0.01

/** Sums over users. */
class Sums {
  users = 0
  private pairs = 0
  private cosines = 0
  private places = 0
  private alone = 0
  private readonly wins: number[] = []

  /** @param vectors of one user @param targets vectors of what was wanted */
  add(vectors: readonly Float32Array[], targets: readonly Float32Array[]): void {
    this.users++
    for (const [i, a] of vectors.entries()) {
      this.wins[i] ??= 0
      for (const b of vectors.slice(0, i)) {
        this.pairs++
        this.cosines += dot(a, b) / Math.max(Number.MIN_VALUE, Math.sqrt(dot(a, a) * dot(b, b)))
      }
    }
    for (const target of targets) this.wins[nearestTo(target, vectors)]++
  }

  /** @param list what a user is shown @param own what each interest would show */
  addList(list: Int32Array, own: readonly ReadonlySet<number>[]): void {
    this.places += list.length
    for (const item of list) if (own.filter((items) => items.has(item)).length === 1) this.alone++
  }

  figures(): InterestFigures | undefined {
    const { users, wins, pairs, cosines, places, alone } = this
    if (wins.length < 2) return undefined
    const all = wins.reduce((sum, count) => sum + count, 0)
    const shares = wins.map((count) => count / Math.max(1, all))
    const entropy = shares.reduce((sum, share) => (share > 0 ? sum - share * Math.log(share) : sum), 0)
    const dead = shares.filter((share) => share < DEAD).length / wins.length
    const [cosine, unique] = [cosines / pairs, alone / Math.max(1, places)]
    return { users, interests: wins.length, cosine, effective: Math.exp(entropy), dead, unique }
  }
}

/** Of a model whose users have several interests; undefined for others. @param k length of the lists */
export function describeInterests(served: Served, { log }: Split, cases: Cases, k: number): InterestFigures | undefined {
  const { model } = served
  if (!model.interests || !model.items) return undefined
  const sums = new Sums()
  const step = Math.max(1, cases.users.length / USERS)
  const places = Int32Array.from({ length: Math.min(USERS, cases.users.length) }, (_, i) => Math.floor(i * step))
  const { relevant, relevantOffsets } = cases
  for (const { asked, of, view } of askAbout(served, log, cases, places)) {
    const wanted = Array.from(of, (i) => {
      const items = relevant.subarray(relevantOffsets[i], relevantOffsets[i + 1])
      return Array.from(items, (item) => view.items[item]).filter((item) => item >= 0)
    })
    if (!addUsers(served, asked, wanted, k, sums)) return undefined
  }
  return sums.figures()
}

/** @param wanted items of each user @returns whether anybody has several interests */
function addUsers(served: Served, asked: Asked, wanted: readonly number[][], k: number, sums: Sums): boolean {
  const { engine, model, trained, items: V } = served
  const { columns, seen } = asked.view()
  const count = Math.min(k, V)
  return scope(engine, () => {
    const { histories, at }: Packed = pack(engine, columns)
    const { vectors, offsets } = (model as Required<Model>).interests(histories, at)
    const ends = offsets.int32()
    if (!wanted.some((_, b) => ends[b + 1] - ends[b] > 1)) return false
    const targets = rowsOf(gather((model as Required<Model>).items(), Tensor.int32(engine, Int32Array.from(wanted.flat()))))
    const shown = rankItems(engine, served, { columns, seen, k: count, allowed: trained.mask })
    const all = rowsOf(vectors)
    const { items } = listOfEach(served, vectors, hiddenFromEach(seen, ends), count)
    const lists = all.map((_, s) => new Set(present(items.subarray(s * count, (s + 1) * count))))
    let first = 0
    for (const [b, { length }] of wanted.entries()) {
      const own = all.slice(ends[b], ends[b + 1])
      if (own.length > 0) {
        sums.add(own, targets.slice(first, first + length))
        sums.addList(present(shown.items.subarray(b * count, (b + 1) * count)), lists.slice(ends[b], ends[b + 1]))
      }
      first += length
    }
    return true
  })
}

/** What a user does not get, once for each of its interests. @param ends of users' interests, [B + 1] */
function hiddenFromEach({ values, offsets }: Lists, ends: Int32Array): Lists {
  const lists = Array.from({ length: ends[ends.length - 1] }, () => new Int32Array())
  for (let b = 0; b + 1 < ends.length; b++) lists.fill(values.slice(offsets[b], offsets[b + 1]), ends[b], ends[b + 1])
  const each = new Int32Array(lists.length + 1)
  for (const [s, { length }] of lists.entries()) each[s + 1] = each[s] + length
  const joined = new Int32Array(each[lists.length])
  for (const [s, list] of lists.entries()) joined.set(list, each[s])
  return { values: joined, offsets: each }
}

function rowsOf(matrix: Tensor): Float32Array[] {
  const [rows, width] = matrix.shape
  const values = matrix.float32()
  return Array.from({ length: rows }, (_, row) => values.subarray(row * width, (row + 1) * width))
}

function nearestTo(target: Float32Array, vectors: readonly Float32Array[]): number {
  const products = vectors.map((vector) => dot(vector, target))
  return products.indexOf(Math.max(...products))
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, d) => sum + value * b[d], 0)
