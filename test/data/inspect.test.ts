import { expect, it } from 'vitest'
import { inspectLog } from '../../src/data/inspect.ts'
import { readInteractions } from '../../src/read/read.ts'

it('measures a log', async () => {
  // Seconds after a start: user a has p q q r at 0 1 1 8, b has p at 2, c has p q p r s at 3 4 5 6 9.
  const at = (user: string, items: string, times: readonly number[]) =>
    Array.from(items, (item, i) => ({ user, item, timestamp: 1.7e9 + times[i], scene: user === 'b' ? 'video' : 'shop' }))
  const rows = [...at('a', 'pqqr', [0, 1, 1, 8]), ...at('b', 'p', [2]), ...at('c', 'pqprs', [3, 4, 5, 6, 9])]
  const report = inspectLog(await readInteractions(rows, { items: [{ item: 'never' }, { item: 'p' }] }))
  expect(report).toMatchObject({
    rows: 10,
    users: 3,
    items: 5,
    itemsWithoutRows: 1,
    ties: 0.1, // a's second q
    repeats: 0.2, // a's second q, c's second p
    unit: 'seconds',
    times: { first: 1.7e9, last: 1.7e9 + 9 },
    lengths: { least: 1, quarter: 1, median: 4, threeQuarters: 5, nineTenths: 5, most: 5 },
    shortUsers: 1,
    cold: { items: 1, users: 0 }, // the last tenth is c's s, which nothing before shows
    scenes: { shop: 9, video: 1 },
    skipped: {},
  })
  expect(report.events).toBeUndefined()
  expect(report.advice.join('\n')).toMatch(/20 % of the rows repeat[\s\S]*100 % of the last tenth are items/)
})

it('leaves out what positions cannot tell, and says so', async () => {
  const report = inspectLog(await readInteractions([{ user: 'u', item: 'x', timestamp: 0, event: 'view' }]))
  expect(report.cold).toBeUndefined()
  expect(report.events).toEqual({ view: 1 })
  expect(report.advice[0]).toContain('only positions')
})
