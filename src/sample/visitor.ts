import type { Random } from './draws.ts'
import { type Scene, scenes } from './themes.ts'
import type { SampleEvent, SampleTruth, UserTruth } from './truth.ts'

const day = 86_400

/** One user's way through the shop: visits to one scene with one theme in mind. */
export class Visitor {
  private readonly rows: SampleEvent[] = []
  /** Where the user stands in the order of a theme and scene. */
  private readonly places = new Map<string, number>()
  private readonly user: string
  private readonly truth: UserTruth
  private readonly world: Pick<SampleTruth, 'orders' | 'start' | 'days' | 'driftDay'>
  private readonly random: Random

  constructor(user: string, truth: UserTruth, world: Visitor['world'], random: Random) {
    this.user = user
    this.truth = truth
    this.world = world
    this.random = random
  }

  events(): SampleEvent[] {
    const visits = 4 + Math.floor(12 * this.random.next() ** 2 + 6 * this.random.next())
    const times = Array.from({ length: visits }, () => this.random.between(0, this.world.days * day - 7200)).sort((a, b) => a - b)
    let theme: string | undefined
    for (const time of times) {
      theme = this.theme(time, theme)
      this.visit(time, theme, scenes[this.random.weighted([0.8, 0.12, 0.08])])
    }
    this.refill()
    return this.rows
  }

  /** The theme of a visit: often the one of the visit before, whatever its scene. */
  private theme(time: number, before: string | undefined): string {
    const { drift, themes: own } = this.truth
    const drifted = drift !== undefined && time >= this.world.driftDay * day
    const now = drifted ? own.map((theme) => (theme === drift.from ? drift.to : theme)) : own
    return before !== undefined && now.includes(before) && this.random.chance(0.5) ? before : this.random.pick(now)
  }

  /** Follows the theme's order from where the user left it, leaping over one to three items now and then. */
  private visit(from: number, theme: string, scene: Scene): void {
    const order = this.world.orders[theme][scene]
    const key = `${theme} ${scene}`
    let place = this.places.get(key) ?? Math.floor(order.length * this.random.next() ** 2)
    let time = from
    for (let left = this.random.between(1, scene === 'shop' ? 5 : 2); left > 0; left--) {
      this.look(time, order[place], scene)
      time += this.random.between(30, 300)
      place = (place + (this.random.chance(0.8) ? 1 : this.random.between(2, 4))) % order.length
    }
    this.places.set(key, place)
  }

  private look(time: number, item: string, scene: Scene): void {
    this.add(time, item, scene, 'view')
    if (scene !== 'shop' || !this.random.chance(0.1)) return
    this.add(time + 10, item, scene, 'cart')
    if (this.random.chance(0.5)) this.add(time + 20, item, scene, 'buy')
  }

  /** Buys the repeated item every two to four weeks. */
  private refill(): void {
    const { repeats } = this.truth
    if (repeats === undefined) return
    for (let at = this.random.between(0, 14 * day); at < this.world.days * day; at += this.random.between(14 * day, 28 * day)) {
      this.add(at, repeats, 'shop', 'buy')
    }
  }

  private add(time: number, item: string, scene: Scene, event: SampleEvent['event']): void {
    this.rows.push({ user: this.user, item, timestamp: this.world.start + time, scene, event })
  }
}
