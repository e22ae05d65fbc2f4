/** Trains sasrec on an invented log of any size, as users train. */
import { type Interactions, sasrec, train } from 'foci'
import { catalogueOf } from '#foci/data/catalogue.js'
import { uniform } from '#foci/data/random.js'
import { sharedDoubles, sharedInts } from '#foci/data/shared.js'
import { hashColumns } from '#foci/read/log-hash.js'
import { leaveOneOut } from '#foci/split/split.js'
import { windows } from '#foci/split/windows.js'
import { fociVersion, job, report } from '../outcome.ts'
import type { Scaling } from '../scaling.bench.ts'

const MAX_LENGTH = 20

const { users, items, loss, epochs } = job<Scaling>()
const log = invent(users, items)
const model = sasrec({ maxLength: MAX_LENGTH, loss })
// The first of several epochs also allocates.
const warm = epochs > 1 ? 1 : 0
const run = await train(log, { model, epochs: epochs + warm, patience: epochs + warm, seed: 1 })
const tokens = windows(leaveOneOut(log), MAX_LENGTH).inputs.length
const seconds = run.epochs.slice(warm).map((epoch) => epoch.seconds)
report(fociVersion, { 'µs/token': seconds.map((each) => (1e6 * each) / tokens) }, { losses: run.epochs.map((epoch) => epoch.loss) })

/** Walks through the catalogue: the item after i is near 5 i + 1, as one user's next is near another's; 8 to 16 events each. */
function invent(users: number, items: number): Interactions {
  const offsets = sharedInts(users + 1)
  for (let user = 0; user < users; user++) offsets[user + 1] = offsets[user] + 8 + Math.floor(9 * uniform(1, 0, user))
  const rows = offsets[users]
  const [chosen, times] = [sharedInts(rows), sharedDoubles(rows)]
  for (let user = 0; user < users; user++) {
    let item = Math.floor(items * uniform(1, 1, user))
    for (let row = offsets[user]; row < offsets[user + 1]; row++) {
      chosen[row] = item
      times[row] = row - offsets[user]
      item = (5 * item + 1 + Math.floor(10 * uniform(1, 2, row))) % items
    }
  }
  const catalogue = catalogueOf(Array.from({ length: items }, (_, item) => `item-${item}`))
  const names = Array.from({ length: users }, (_, user) => `user-${user}`)
  const columns = { users: names, catalogue, offsets, items: chosen, times }
  return { ...columns, unit: 'ordinal', roles: {}, skipped: {}, hash: hashColumns(columns) }
}
