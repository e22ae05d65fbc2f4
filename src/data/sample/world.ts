import type { ItemRow } from '../catalogue.ts'
import type { InteractionRow } from '../rows.ts'
import { Random } from './random.ts'
import { itemsOf, type SampleItem, type Scene, scenes, themes } from './themes.ts'

export interface SampleOptions {
  /** Users of the world, 2,000 where absent. */
  readonly users?: number
  readonly seed?: number
  /** Length of the log, 90 where absent. */
  readonly days?: number
}

/** A simulated shop: its log in time order, its items, and what it was made from. */
export interface SampleWorld {
  readonly interactions: readonly (InteractionRow & { readonly timestamp: number; readonly scene: Scene; readonly event: SampleEvent })[]
  readonly items: readonly ItemRow[]
  readonly truth: SampleTruth
}

export type SampleEvent = 'view' | 'cart' | 'buy'

/** What a model should find. */
export interface SampleTruth {
  readonly seed: number
  /** First second of the log, and its days. */
  readonly start: number
  readonly days: number
  /** Day on which the interests of some users drift. */
  readonly driftDay: number
  /** Items of each theme. */
  readonly themes: Readonly<Record<string, readonly string[]>>
  /** For each theme and scene, the order in which its items lead to each other; the last leads to the first. */
  readonly orders: Readonly<Record<string, Readonly<Record<Scene, readonly string[]>>>>
  readonly users: Readonly<Record<string, UserTruth>>
}

export interface UserTruth {
  /** Two to four themes, before any drift. */
  readonly themes: readonly string[]
  /** The theme that another one replaces on the drift day. */
  readonly drift?: { readonly from: string; readonly to: string }
  /** The item that is bought again and again. */
  readonly repeats?: string
}

const start = 1_704_067_200 // 2024-01-01, in seconds
const day = 86_400

/** Simulates the shop. Equal options give an equal world. */
export function sampleWorld({ users = 2000, seed = 1, days = 90 }: SampleOptions = {}): SampleWorld {
  const items = themes.flatMap(itemsOf)
  const orders = themeOrders(items, seed)
  const driftDay = Math.floor((days * 2) / 3)
  const people = Array.from({ length: users }, (_, i) => person(i, seed, items))
  const interactions = people.flatMap(({ user, truth }, i) => {
    return new Visitor(user, truth, orders, new Random(seed, 3 * i + 2), days, driftDay).events()
  })
  const position = new Map(people.map(({ user }, i) => [user, i]))
  interactions.sort((a, b) => a.timestamp - b.timestamp || (position.get(a.user) ?? 0) - (position.get(b.user) ?? 0))
  const named = (theme: number) => items.filter((item) => item.theme === theme).map(({ id }) => id)
  return {
    interactions,
    items: items.map(({ id, title, theme }) => ({ item: id, title, categories: [themes[theme].name] })),
    truth: {
      seed,
      start,
      days,
      driftDay,
      themes: Object.fromEntries(themes.map(({ name }, t) => [name, named(t)])),
      orders,
      users: Object.fromEntries(people.map(({ user, truth }) => [user, truth])),
    },
  }
}

function themeOrders(items: readonly SampleItem[], seed: number): SampleTruth['orders'] {
  const random = new Random(seed, 0)
  const order = (theme: number, scene: Scene) => {
    return random.shuffled(items.filter((item) => item.theme === theme && item.scene === scene)).map(({ id }) => id)
  }
  return Object.fromEntries(
    themes.map(({ name }, t) => [name, { shop: order(t, 'shop'), reading: order(t, 'reading'), video: order(t, 'video') }]),
  )
}

/** Two to four themes, the popular ones more often; four in ten drift; three in ten buy a consumable again and again. */
function person(index: number, seed: number, items: readonly SampleItem[]): { user: string; truth: UserTruth } {
  const random = new Random(seed, 3 * index + 1)
  const chosen = new Set<number>()
  const count = random.between(2, 4)
  while (chosen.size < count + 1) chosen.add(random.weighted(themes.map((_, t) => 1 / (t + 4))))
  const [to, ...from] = [...chosen].reverse()
  const names = from.map((theme) => themes[theme].name)
  const drifts = random.chance(0.4)
  const consumed = items.filter((item) => item.consumed && from.includes(item.theme))
  const repeats = consumed.length > 0 && random.chance(0.3) ? random.pick(consumed).id : undefined
  return {
    user: `user-${index + 1}`,
    truth: {
      themes: names,
      ...(drifts && { drift: { from: random.pick(names), to: themes[to].name } }),
      ...(repeats !== undefined && { repeats }),
    },
  }
}

/** One user's way through the shop: visits to one scene with one theme in mind. */
class Visitor {
  private readonly rows: SampleWorld['interactions'][number][] = []
  /** Where the user stands in the order of a theme and scene. */
  private readonly places = new Map<string, number>()
  private readonly user: string
  private readonly truth: UserTruth
  private readonly orders: SampleTruth['orders']
  private readonly random: Random
  private readonly days: number
  private readonly driftDay: number

  constructor(user: string, truth: UserTruth, orders: SampleTruth['orders'], random: Random, days: number, driftDay: number) {
    this.user = user
    this.truth = truth
    this.orders = orders
    this.random = random
    this.days = days
    this.driftDay = driftDay
  }

  events(): SampleWorld['interactions'][number][] {
    const visits = 4 + Math.floor(12 * this.random.next() ** 2 + 6 * this.random.next())
    const times = Array.from({ length: visits }, () => this.random.between(0, this.days * day - 7200)).sort((a, b) => a - b)
    let theme: string | undefined
    for (const time of times) {
      theme = this.theme(time, theme)
      this.visit(time, theme, scenes[this.random.weighted([0.6, 0.2, 0.2])])
    }
    this.refill()
    return this.rows
  }

  /** The theme of a visit: often the one of the visit before, whatever its scene. */
  private theme(time: number, before: string | undefined): string {
    const { drift, themes: own } = this.truth
    const drifted = drift !== undefined && time >= this.driftDay * day
    const now = drifted ? own.map((theme) => (theme === drift.from ? drift.to : theme)) : own
    return before !== undefined && now.includes(before) && this.random.chance(0.5) ? before : this.random.pick(now)
  }

  /** Follows the theme's order from where the user left it, with a leap now and then. */
  private visit(from: number, theme: string, scene: Scene): void {
    const order = this.orders[theme][scene]
    const key = `${theme} ${scene}`
    let place = this.places.get(key) ?? Math.floor(order.length * this.random.next() ** 2)
    let time = from
    for (let left = this.random.between(1, 5); left > 0; left--) {
      this.look(time, order[place], scene)
      time += this.random.between(30, 300)
      place = this.random.chance(0.8) ? (place + 1) % order.length : this.random.between(0, order.length - 1)
    }
    this.places.set(key, place)
  }

  private look(time: number, item: string, scene: Scene): void {
    this.add(time, item, scene, 'view')
    if (scene !== 'shop' || !this.random.chance(0.12)) return
    this.add(time + 10, item, scene, 'cart')
    if (this.random.chance(0.5)) this.add(time + 20, item, scene, 'buy')
  }

  /** Buys the repeated item every two to four weeks. */
  private refill(): void {
    const { repeats } = this.truth
    if (repeats === undefined) return
    for (let at = this.random.between(0, 14 * day); at < this.days * day; at += this.random.between(14 * day, 28 * day)) {
      this.add(at, repeats, 'shop', 'buy')
    }
  }

  private add(time: number, item: string, scene: Scene, event: SampleEvent): void {
    this.rows.push({ user: this.user, item, timestamp: start + time, scene, event })
  }
}
