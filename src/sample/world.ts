import type { ItemRow } from '../data/catalogue.ts'
import { checkOptions, type KeysOf, shown } from '../data/options.ts'
import { FociError } from '../errors.ts'
import { Random } from './draws.ts'
import { itemsOf, type SampleItem, type Scene, themes } from './themes.ts'
import type { SampleEvent, SampleTruth, UserTruth } from './truth.ts'
import { Visitor } from './visitor.ts'

export interface SampleOptions {
  /** Users of the world, 2,000 where absent. */
  readonly users?: number
  readonly seed?: number
  /** Length of the log, 90 where absent. */
  readonly days?: number
}

/** A simulated shop: its log in time order, its items, and what it was made from. */
export interface SampleWorld {
  readonly interactions: readonly SampleEvent[]
  readonly items: readonly ItemRow[]
  readonly truth: SampleTruth
}

const start = 1_704_067_200 // 2024-01-01, in seconds

const OPTIONS: KeysOf<SampleOptions> = { users: true, seed: true, days: true }

/** Simulates the shop. Equal options give an equal world. @throws FociError OPTION */
export function sampleWorld(options: SampleOptions = {}): SampleWorld {
  checkOptions('the options of sampleWorld', options, OPTIONS)
  const { users = 2000, seed = 1, days = 90 } = options
  for (const [name, value, least, most] of [
    ['users', users, 0, 1_000_000],
    ['days', days, 1, 10_000],
    ['seed', seed, 0, 0xffffffff],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least && value <= most))
      throw new FociError('OPTION', `${name} is ${shown(value)}.`, `It is a whole number from ${least} to ${most}.`)
  }
  const items = themes.flatMap(itemsOf)
  const orders = themeOrders(items, seed)
  const driftDay = Math.floor((days * 2) / 3)
  const people = Array.from({ length: users }, (_, i) => person(i, seed, items))
  const interactions = people.flatMap(({ user, truth }, i) => {
    return new Visitor(user, truth, { orders, start, days, driftDay }, new Random(seed, 3 * i + 2)).events()
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
