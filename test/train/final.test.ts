import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type EpochReport,
  evaluateArtefact,
  type FinalEpochReport,
  markov,
  popularity,
  readArtefact,
  readInteractions,
  sampleWorld,
  sasrec,
  train,
} from 'foci'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadNative } from '../../src/engine/native.ts'
import { sasrec as source } from '../../src/models/sasrec.ts'
import { everyRow, leaveOneOut } from '../../src/split/split.ts'
import { stepsOf, windows } from '../../src/split/windows.ts'
import { Variables } from '../../src/tensor/variables.ts'
import { Optimiser } from '../../src/train/optimiser.ts'
import { trainStep } from '../../src/train/step.ts'

const own = { dim: 16, maxLength: 30 }
const model = sasrec(own)

describe('a final fit', () => {
  const folder = mkdtempSync(join(tmpdir(), 'foci-final-'))
  let log: Awaited<ReturnType<typeof readInteractions>>

  beforeAll(async () => {
    log = await readInteractions(sampleWorld({ users: 200, seed: 5 }).interactions)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** The weights after so many steps over windows of all rows, without any of the loop. */
  function fitByHand(steps: number, { seed, batch: size, learningRate }: { seed: number; batch: number; learningRate: number }) {
    const engine = loadNative()
    using variables = new Variables(engine, { seed })
    const { definition, options } = source(own)
    const { learner, maxLength } = definition.build(options, { engine, items: log.catalogue.size, variables })
    if (learner.by !== 'steps') throw new TypeError('sasrec takes steps')
    const rows = windows(everyRow(leaveOneOut(log)), maxLength)
    const learning = { learner, needs: {}, log }
    using adam = new Optimiser(engine, variables.all)
    for (let epoch = 0, step = 0; step < steps; epoch++) {
      for (const chosen of stepsOf(rows, { size, seed, epoch })) {
        if (step === steps) break
        const draw = { seed, step: step++, epoch }
        trainStep(engine, learning, { optimiser: adam, learningRate }, learner.examples(rows, chosen, draw), { draw })
      }
    }
    return variables.values()
  }

  it('goes as many steps over all rows as the best epoch of its twin had', async () => {
    // A high rate, so that the best epoch is not the last
    const options = { model, epochs: 12, patience: 3, batch: 48, seed: 6, learningRate: 0.03 }
    const finals: FinalEpochReport[] = []
    const run = await train(log, { ...options, final: true, onFinalEpoch: (epoch) => finals.push(epoch) })
    const twin = await train(log, options)
    const best = twin.epochs.findLastIndex((epoch) => epoch.best) + 1
    expect(best).toBeLessThan(twin.epochs.length)
    const steps = best * Math.ceil(200 / 48)
    expect((await readArtefact(twin.artefact)).trained).toMatchObject({ epochs: best, steps })
    const { trained, scores, tensors } = await readArtefact(run.artefact)
    expect(trained).toMatchObject({ final: true, steps, rows: log.items.length, users: 200, split: 'leave-one-out' })
    expect(trained.epochs).toBeUndefined()
    expect(trained.time).toEqual({ first: Math.min(...log.times), last: Math.max(...log.times), unit: log.unit })
    expect(finals.at(-1)).toMatchObject({ final: true, step: steps, steps })
    expect(run.report).toEqual(twin.report)
    expect(scores).toEqual((await readArtefact(twin.artefact)).scores)
    expect({ ...tensors }).toEqual(fitByHand(steps, options))
  })

  it('counts all rows where a model counts', async () => {
    const counts = new Int32Array(log.catalogue.size)
    for (const item of log.items) counts[item]++
    const run = await train(log, { model: popularity(), final: true })
    const { popular, tensors, trained } = await readArtefact(run.artefact)
    expect([...(tensors.counts.data as Float32Array)]).toEqual([...counts])
    expect([...popular].map((item) => counts[item])).toEqual([...counts].filter((count) => count > 0).sort((a, b) => b - a))
    expect(trained).toMatchObject({ final: true, rows: log.items.length, items: popular.length })
  })

  it('is refused by evaluation, which has no row left to judge it by', async () => {
    const { artefact } = await train(log, { model: markov(), final: true })
    const refused = { code: 'ARTEFACT', message: expect.stringContaining('every row'), hint: expect.stringContaining('twin') }
    await expect(evaluateArtefact(artefact, log)).rejects.toMatchObject(refused)
  })

  it('can be stopped in each phase, and goes on to the same artefact', async () => {
    const checkpoint = join(folder, 'run.checkpoint')
    const options = { model, epochs: 5, batch: 16, seed: 3, final: true }
    const whole = await train(log, options)
    for (const phase of ['onEpoch', 'onFinalEpoch'] as const) {
      const stop = new AbortController()
      const aborted = train(log, { ...options, checkpoint, signal: stop.signal, [phase]: () => stop.abort() })
      const message = phase === 'onEpoch' ? /^Training stopped in epoch [2-5]\.$/ : /^Training stopped in epoch [2-5] of the final fit\.$/
      await expect(aborted).rejects.toMatchObject({ code: 'ABORTED', message: expect.stringMatching(message) })
      await expect(train(log, { ...options, final: false, checkpoint, resume: true })).rejects.toMatchObject({ code: 'RESUME' })
      const epochs: EpochReport[] = []
      const finals: FinalEpochReport[] = []
      const hooks = { onEpoch: (epoch: EpochReport) => epochs.push(epoch), onFinalEpoch: (epoch: FinalEpochReport) => finals.push(epoch) }
      const resumed = await train(log, { ...options, ...hooks, checkpoint, resume: true })
      expect(epochs[0]?.epoch ?? 6).toBeGreaterThan(phase === 'onEpoch' ? 1 : 5)
      expect(finals[0].epoch > 1).toBe(phase === 'onFinalEpoch')
      expect(Buffer.compare(resumed.artefact, whole.artefact)).toBe(0)
      expect(JSON.stringify(resumed.report)).toBe(JSON.stringify(whole.report))
      rmSync(checkpoint)
    }
  })
})
