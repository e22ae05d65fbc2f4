/**
 * Where a training step of sasrec spends its time, by op: `npm run bench -- profile LOG [MAX_LENGTH]`, twenty steps after five
 * that warm up. `FOCI_PROFILE=1 foci train` prints the same of a whole run.
 */
import { readInteractions, sasrec } from 'foci'
import { loadNative } from '#foci/engine/native.js'
import { Profile } from '#foci/engine/profile.js'
import { leaveOneOut } from '#foci/split/split.js'
import { stepsOf, windows } from '#foci/split/windows.js'
import { Variables } from '#foci/tensor/variables.js'
import { Optimiser } from '#foci/train/optimiser.js'
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
const { learner, maxLength: longest } = definition.build(options, { engine, items: log.catalogue.size, variables })
if (learner.by !== 'steps') throw new TypeError('sasrec takes steps')
const learning = { learner, needs: {}, log }
const adam = new Optimiser(engine, variables.all)
const rows = windows(split, longest)
const batches = stepsOf(rows, { size: 128, seed: 1, epoch: 0 })

const draw = { seed: 1, step: 0, epoch: 0 }
let step = 0
train(WARM)
profile.clear()
train(STEPS)
const report = profile.report()
if (!report) throw new Error('no step was timed')
console.log(`${report.title}\n\n${table(report.head, report.rows)}`)

function train(steps: number): void {
  for (const examples of profile.epoch(next(steps)))
    trainStep(engine, learning, { optimiser: adam, learningRate: 1e-3 }, examples, { draw: { ...draw, step: step++ } })
}

/** The next batches of the epoch. */
function* next(count: number) {
  for (let i = 0; i < count; i++) {
    const { done, value } = batches.next()
    if (done) throw new Error(`${path} has ${step} batches, and ${WARM + STEPS} are needed`)
    yield learning.learner.examples(rows, value, draw)
  }
}
