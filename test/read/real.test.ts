import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readInteractions } from '../../src/read/read.ts'
import { leaveOneOut } from '../../src/split/split.ts'

const folder = fileURLToPath(new URL('../../../shared/data', import.meta.url))
const there = existsSync(folder)

describe.skipIf(!there)(`public logs${there ? '' : ` (skipped: ${folder} is not there)`}`, () => {
  it.each([
    ['movielens-1m', 6040, 3416, 999_611, 'seconds'],
    ['amazon-beauty', 22_363, 12_101, 198_502, 'ordinal'],
  ])('%s is read whole', async (name, users, items, rows, unit) => {
    const log = await readInteractions(`${folder}/${name}/interactions.csv.gz`)
    expect([log.users.length, log.catalogue.size, log.items.length, log.unit]).toEqual([users, items, rows, unit])
    expect(log.skipped).toEqual({})
    expect(leaveOneOut(log).test.users.length).toBe(users)
  })
})
