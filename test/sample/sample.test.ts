import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readInteractions } from '../../src/read/read.ts'
import { type SampleEvent, sampleWorld, writeSample } from '../../src/sample/sample.ts'
import { leaveOneOut } from '../../src/split/split.ts'
import { failure, folderOf, write } from '../read/files.ts'

const world = sampleWorld()
const byUser = new Map<string, SampleEvent[]>()
for (const row of world.interactions) byUser.set(row.user, [...(byUser.get(row.user) ?? []), row])
const themeOf = new Map(Object.entries(world.truth.themes).flatMap(([theme, items]) => items.map((item) => [item, theme] as const)))
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

describe('the sample world', () => {
  it('has 2,000 users, 12 themes of 25 items with titles, three scenes and three event types', () => {
    expect(byUser.size).toBe(2000)
    expect(Object.values(world.truth.themes).map((items) => items.length)).toEqual(Array(12).fill(25))
    expect(world.items.length).toBe(300)
    expect(world.items.find(({ item }) => item === 'tent-2')).toEqual({ item: 'tent-2', title: 'Tent 2', categories: ['camping'] })
    expect(themeOf.get('stove-9')).toBe('camping')
    expect(new Set(world.interactions.map(({ scene }) => scene))).toEqual(new Set(['shop', 'reading', 'video']))
    expect(new Set(world.interactions.map(({ event }) => event))).toEqual(new Set(['view', 'cart', 'buy']))
    expect(world.interactions.length).toBeGreaterThan(60_000)
    expect(world.interactions.length).toBeLessThan(100_000)
  })

  it('keeps each user to two to four themes, and swaps one on the drift day', () => {
    const { truth } = world
    let drifted = 0
    for (const [user, rows] of byUser) {
      const { themes, drift } = truth.users[user]
      expect(themes.length).toBeGreaterThanOrEqual(2)
      expect(themes.length).toBeLessThanOrEqual(4)
      if (drift) drifted++
      for (const { item, timestamp, event } of rows) {
        const theme = themeOf.get(item) ?? ''
        const late = timestamp >= truth.start + truth.driftDay * 86_400
        if (drift && theme === drift.to) expect(late).toBe(true)
        else expect(themes).toContain(theme)
        // A visit that began before the drift day may end on it; a repeated purchase knows no drift.
        if (drift && theme === drift.from && item !== truth.users[user].repeats && event === 'view') {
          expect(timestamp).toBeLessThan(truth.start + truth.driftDay * 86_400 + 1800)
        }
      }
    }
    // 40 % of 2,000 with a standard deviation of 22
    expect(Math.abs(drifted - 800)).toBeLessThan(110)
  })

  it('has repeat buyers, who buy one consumable every two to four weeks', () => {
    const buyers = Object.entries(world.truth.users).filter(([, { repeats }]) => repeats !== undefined)
    expect(buyers.length).toBeGreaterThan(200)
    for (const [user, { repeats }] of buyers) {
      const bought = byUser.get(user)?.filter(({ item, event }) => item === repeats && event === 'buy') ?? []
      // The first within 14 days, then one at least every 28: at least 3 in 90 days
      expect(bought.length).toBeGreaterThanOrEqual(3)
    }
  })

  it('leads on in the order of its truth far more often than popularity would', () => {
    const next = new Map<string, string>()
    for (const scenes of Object.values(world.truth.orders)) {
      for (const order of Object.values(scenes)) for (const [i, item] of order.entries()) next.set(item, order[(i + 1) % order.length])
    }
    let [follows, steps] = [0, 0]
    for (const rows of byUser.values()) {
      const views = rows.filter(({ event }) => event === 'view')
      for (let i = 1; i < views.length; i++) {
        if (views[i].timestamp - views[i - 1].timestamp > 300 || views[i].scene !== 'shop' || views[i - 1].scene !== 'shop') continue
        steps++
        if (next.get(views[i - 1].item) === views[i].item) follows++
      }
    }
    expect(follows / steps).toBeGreaterThan(0.77) // planted: 0.8, less a little where two visits touch
    const counts = new Map<string, number>()
    for (const { item } of world.interactions) counts.set(item, (counts.get(item) ?? 0) + 1)
    expect(Math.max(...counts.values()) / sum([...counts.values()])).toBeLessThan(0.02)
  })

  it('carries a theme from one scene to another', () => {
    let [same, changes, chance] = [0, 0, 0]
    for (const [user, rows] of byUser) {
      for (let i = 1; i < rows.length; i++) {
        if (rows[i].scene === rows[i - 1].scene) continue
        changes++
        if (themeOf.get(rows[i].item) === themeOf.get(rows[i - 1].item)) same++
        chance += 1 / world.truth.users[user].themes.length
      }
    }
    // Planted: half of the visits keep the theme, the other half pick one anew; without it `same` would be at chance.
    expect(same / changes).toBeGreaterThan(chance / changes + 0.2)
  })

  it('is the same for the same seed, to the byte, and another for another', () => {
    const print = (options: { users: number; seed: number }) =>
      createHash('sha256')
        .update(JSON.stringify(sampleWorld(options)))
        .digest('hex')
    expect(print({ users: 50, seed: 3 })).toBe(print({ users: 50, seed: 3 }))
    expect(print({ users: 50, seed: 3 })).not.toBe(print({ users: 50, seed: 4 }))
  })

  it('asks every user who has three rows', async () => {
    const split = leaveOneOut(await readInteractions(sampleWorld({ users: 100 }).interactions))
    expect(split.test.users.length).toBe(100)
  })
})

describe('writing the sample', () => {
  it('gives three files and no others, whose log is the world', async () => {
    const folder = join(folderOf(), 'a', 'shop')
    const { interactions, items, truth } = await writeSample(folder, { users: 40, seed: 5 })
    expect(readdirSync(folder).sort()).toEqual(['interactions.csv', 'items.csv', 'truth.json'])
    const log = await readInteractions(join(folder, 'interactions.csv'), { items: join(folder, 'items.csv') })
    expect(log.hash).toBe((await readInteractions(interactions, { items })).hash)
    expect(log.catalogue.size).toBe(300)
    expect(JSON.parse(readFileSync(join(folder, 'truth.json'), 'utf8'))).toEqual(truth)
  })

  it('says where it cannot', async () => {
    const error = await failure(writeSample(join(write('a file', 'taken'), 'shop'), { users: 1 }))
    expect([error.code, error.message]).toEqual(['FILE', expect.stringContaining('taken')])
  })
})
