/** From a log's file to the training batches of one epoch. */
import { type Interactions, readInteractions } from 'foci'
import { next } from '#foci/examples/next.js'
import { leaveOneOut } from '#foci/split/split.js'
import { stepsOf, windows } from '#foci/split/windows.js'
import type { Facts, Reading } from '../data.bench.ts'
import { fociVersion, job, report } from '../outcome.ts'

const MAX_LENGTH = 50
const BATCH = 128

const { path, first, modulus } = job<Reading>()
const start = performance.now()
const log = await readInteractions(path)
const read = performance.now()
let tokens = 0
const [rows, draw, examples] = [windows(leaveOneOut(log), MAX_LENGTH), { seed: 1, step: 0, epoch: 0 }, next()]
for (const chosen of stepsOf(rows, { size: BATCH, seed: 1, epoch: 0 })) tokens += examples(rows, chosen, draw).history.length
const end = performance.now()
const figures = {
  s: [(read - start) / 1000],
  'rows/s': [(1000 * log.items.length) / (read - start)],
  's to batches': [(end - start) / 1000],
}
report(fociVersion, figures, { ...facts(log), tokens })

function facts({ users, catalogue, offsets, items, times }: Interactions): Facts {
  const itemNumbers = Int32Array.from(catalogue.ids, numberOf)
  let [rowSum, orderSum, timeSum] = [0, 0, 0]
  for (const [user, id] of users.entries()) {
    for (let row = offsets[user]; row < offsets[user + 1]; row++) {
      const item = itemNumbers[items[row]]
      rowSum += ((131 * numberOf(id) + item) % modulus) * (times[row] % modulus)
      orderSum += (row - offsets[user]) * (item % modulus)
      timeSum += times[row] - first
    }
  }
  return { rows: items.length, users: users.length, lastUser: last(users), lastItem: last(catalogue.ids), timeSum, rowSum, orderSum }
}

/** `user-12` is 12. */
function numberOf(id: string): number {
  return Number(id.slice(5))
}

function last(ids: readonly string[]): string {
  let most = ''
  for (const id of ids) if (id > most) most = id
  return most
}
