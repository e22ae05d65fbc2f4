/**
 * Where a training step of sasrec spends its time, by op: `npm run bench -- profile LOG [MAX_LENGTH]`, twenty steps after five
 * that warm up. `FOCI_PROFILE=1 foci train` prints the same of a whole run.
 */
import { readInteractions, sasrec } from 'foci'
import { epochBatches, windows } from '#foci/data/batches.js'
import { leaveOneOut } from '#foci/data/split.js'
import { loadNative } from '#foci/engine/native.js'
import { Profile } from '#foci/engine/profile.js'
import type { Encoder } from '#foci/models/contracts.js'
import { Variables } from '#foci/tensor/variables.js'
import { Adam } from '#foci/train/optimiser.js'
import { trainStep } from '#foci/train/step.js'
import { table } from './results.ts'

const WARM = 5
const STEPS = 20

const [path = '../shared/data/movielens-1m/interactions.csv.gz', maxLength = '200'] = process.argv.slice(2)
const log = await readInteractions(path)
const profile = new Profile(loadNative())
const { engine } = profile
const split = leaveOneOut(log)
const variables = new Variables(engine, { seed: 1 })
const { definition, options } = sasrec({ maxLength: Number(maxLength) })
const model = definition.build(options, { engine, items: log.catalogue.size, variables }) as Encoder
const adam = new Adam(engine, variables.all, { learningRate: 1e-3 })
const batches = epochBatches(windows(split, model.maxLength), { size: 128, seed: 1, epoch: 0 })

let step = 0
train(WARM)
profile.clear()
train(STEPS)
const report = profile.report()
if (!report) throw new Error('no step was timed')
console.log(`${report.title}\n\n${table(report.head, report.rows)}`)

function train(steps: number): void {
  for (const rows of profile.epoch(next(steps))) trainStep(engine, model, adam, rows, { draw: { seed: 1, step: step++ } })
}

/** The next batches of the epoch. */
function* next(count: number) {
  for (let i = 0; i < count; i++) {
    const { done, value } = batches.next()
    if (done) throw new Error(`${path} has ${step} batches, and ${WARM + STEPS} are needed`)
    yield value
  }
}
