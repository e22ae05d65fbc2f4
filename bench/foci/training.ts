/** foci's side of the training bench: some epochs as users train; or a few steps without dropout, to be compared. */
import { writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Interactions, readInteractions, sasrec, train } from 'foci'
import { writeArtefact } from '#foci/artefact/artefact.js'
import type { Precision } from '#foci/engine/engine.js'
import { loadNative } from '#foci/engine/native.js'
import type { ExampleSet } from '#foci/examples/examples.js'
import { leaveOneOut } from '#foci/split/split.js'
import { stepsOf, windows } from '#foci/split/windows.js'
import { Variables } from '#foci/tensor/variables.js'
import { Optimiser } from '#foci/train/optimiser.js'
import { trainStep } from '#foci/train/step.js'
import { fociVersion, job, report } from '../outcome.ts'
import { artefactOf } from './artefact.ts'

interface Training {
  readonly log: string
  readonly maxLength: number
  readonly epochs: number
  readonly precision: Precision
  /** Where the steps' initial weights and batches go; then nothing is timed. */
  readonly artefact?: string
  readonly batches?: string
}

const SEED = 1
const STEPS = 4
const BATCH = 128

const { log: path, maxLength, epochs, precision, artefact, batches } = job<Training>()
const log = await readInteractions(path)
if (artefact && batches) report(fociVersion, {}, await sameSteps(log, artefact, batches))
else await timed(log)

/** An epoch to warm up and allocate, then those that count. */
async function timed(log: Interactions): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const settings = { epochs: epochs + 1, patience: epochs + 1, batch: BATCH, seed: SEED, precision }
  const run = await train(log, { model: sasrec({ maxLength }), ...settings })
  delay.disable()
  if (run.precision !== precision) throw new Error(`this CPU does not gain by ${precision}`)
  const tokens = windows(leaveOneOut(log), maxLength).inputs.length
  const seconds = run.epochs.slice(1).map((epoch) => epoch.seconds)
  const late = [delay.percentile(99) / 1e6]
  const figures = { 's/epoch': seconds, 'real tokens/s': seconds.map((each) => tokens / each), 'ms, event loop p99': late }
  report(fociVersion, figures, { tokens, loss: run.epochs[0].loss })
}

async function sameSteps(log: Interactions, artefactPath: string, batchesPath: string): Promise<number[]> {
  const engine = loadNative()
  const variables = new Variables(engine, { seed: SEED })
  const spec = sasrec({ maxLength, dropout: 0 })
  const { learner } = spec.definition.build(spec.options, { engine, items: log.catalogue.size, variables })
  writeFileSync(artefactPath, await writeArtefact(artefactOf(spec, log.catalogue.ids, variables.values())))
  if (learner.by !== 'steps') throw new TypeError('sasrec takes steps')
  const rows = windows(leaveOneOut(log), maxLength)
  const draw = { seed: SEED, step: 0, epoch: 0 }
  const steps = [...stepsOf(rows, { size: BATCH, seed: SEED, epoch: 0 })].slice(0, STEPS)
  const chosen = steps.map((users) => learner.examples(rows, users, draw))
  const items = (of: Int32Array) => Array.from(of, (row) => log.items[row])
  const plain = (each: ExampleSet) => ({ items: items(each.history), offsets: [...each.offsets], targets: items(each.rows) })
  writeFileSync(batchesPath, JSON.stringify(chosen.map(plain)))
  const adam = new Optimiser(engine, variables.all)
  return chosen.map((each) => trainStep(engine, { learner, needs: {}, log }, { optimiser: adam, learningRate: 1e-3 }, each, { precision }))
}
