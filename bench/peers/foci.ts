/** foci's side of the training bench: `foci.js LOG MAX_LENGTH` prints one JSON line. */
import { readInteractions, sasrec, train } from 'foci'

const [path, maxLength] = process.argv.slice(2)
const log = await readInteractions(path)
const run = await train(log, { model: sasrec({ maxLength: Number(maxLength) }), epochs: 3, patience: 3, seed: 1 })
const tokens = log.users.reduce((sum, _, user) => {
  const rows = log.offsets[user + 1] - log.offsets[user]
  return sum + Math.min(Number(maxLength), Math.max(0, (rows >= 3 ? rows - 2 : rows) - 1))
}, 0)
const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024)
const losses = run.epochs.map((epoch) => epoch.loss)
console.log(JSON.stringify({ seconds: run.epochs.slice(1).map((epoch) => epoch.seconds), losses, tokens, peakMiB, version: '0.1.0' }))
