import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EpochReport, FociError, readInteractions, sampleWorld, sasrec, train } from 'foci'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const model = sasrec({ dim: 16, maxLength: 30 })

describe('train', () => {
  const folder = mkdtempSync(join(tmpdir(), 'foci-train-'))
  let log: Awaited<ReturnType<typeof readInteractions>>

  beforeAll(async () => {
    log = await readInteractions(sampleWorld({ users: 400, seed: 2 }).interactions)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('reports each epoch, keeps the best one, and stands above popularity', async () => {
    const epochs: EpochReport[] = []
    const run = await train(log, { model, epochs: 8, seed: 1, onEpoch: (epoch) => epochs.push(epoch) })
    expect(epochs).toEqual(run.epochs)
    const scores = epochs.map(({ validation }) => validation['ndcg@10'])
    expect(epochs.map(({ best }, i) => best === scores.slice(0, i).every((earlier) => scores[i] > earlier))).not.toContain(false)
    expect(epochs.at(-1)?.loss).toBeLessThan(epochs[0].loss)
    expect(run.report.map((row) => row.model)).toEqual(['sasrec', 'popularity', 'markov'])
    expect(run.report[0].metrics['ndcg@10'].low).toBeGreaterThan(run.report[1].metrics['ndcg@10'].high)
  })

  it('leaves the calling thread responsive', async () => {
    let [worst, last] = [0, performance.now()]
    const timer = setInterval(() => {
      worst = Math.max(worst, performance.now() - last)
      last = performance.now()
    }, 10)
    await train(log, { model: sasrec({ dim: 64, maxLength: 50 }), epochs: 4 })
    clearInterval(timer)
    expect(worst).toBeGreaterThan(0)
    expect(worst).toBeLessThan(500)
  })

  it('stops at an abort with a checkpoint, and goes on from it to the same artefact', async () => {
    const checkpoint = join(folder, 'run.checkpoint')
    const options = { model, epochs: 4, batch: 32, seed: 3, checkpoint }
    const whole = await train(log, { ...options, checkpoint: undefined })
    const controller = new AbortController()
    const aborted = train(log, { ...options, signal: controller.signal, onEpoch: () => controller.abort() })
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
    expect(existsSync(checkpoint)).toBe(true)
    const other = train(log, { ...options, seed: 4, resume: true })
    await expect(other).rejects.toMatchObject({ code: 'RESUME' })
    await expect(train(log, { ...options, split: 'time:0.8,0.9', resume: true })).rejects.toMatchObject({ code: 'RESUME' })
    await expect(train(log, options)).rejects.toMatchObject({ code: 'RESUME' })
    const epochs: number[] = []
    const resumed = await train(log, { ...options, resume: true, onEpoch: ({ epoch }) => epochs.push(epoch) })
    expect(epochs[0]).toBeGreaterThan(1)
    expect(Buffer.compare(resumed.artefact, whole.artefact)).toBe(0)
    expect(existsSync(checkpoint)).toBe(true)
    await resumed.save(join(folder, 'run.safetensors'))
    expect(existsSync(checkpoint)).toBe(false)
  })

  it('trains a model of the caller, and serves it', async () => {
    const { follower } = await import('./follower.mjs')
    const module = new URL('./follower.mjs', import.meta.url)
    const run = await train(log, { model: follower(), module })
    expect(run.report[0].model).toBe('follower')
    const { ids } = log.catalogue
    expect(run.recommender.recommend({ history: [ids[4]], k: 1 }).items[0]).toMatchObject({ item: ids[5], source: 'model' })
    await expect(train(log, { model: follower() })).rejects.toMatchObject({ code: 'UNKNOWN' })
  })

  it('gives an error of a callback to its caller', async () => {
    const failing = train(log, {
      model,
      epochs: 3,
      onEpoch: () => {
        throw new RangeError('mine')
      },
    })
    await expect(failing).rejects.toThrow('mine')
  })

  it('names step, op and tensor where the loss is not finite', async () => {
    const failed = await train(log, { model, epochs: 5, learningRate: 1e30 }).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(FociError)
    expect(failed).toMatchObject({ code: 'NON_FINITE' })
    expect((failed as FociError).message).toMatch(/^Step \d+: .* (linear|layerNorm|attention|scale|crossEntropy|add|gather) \[/)
  })

  it('refuses settings that make no sense', async () => {
    await expect(train(log, { model, epochs: 0 })).rejects.toMatchObject({ code: 'OPTION' })
    await expect(train(log, { model, split: 'time:0.9,0.8' })).rejects.toMatchObject({ code: 'OPTION', message: /"time:0.9,0.8"/ })
    await expect(train(log, { model, learningRate: Number.NaN })).rejects.toMatchObject({ code: 'OPTION' })
    expect(() => sasrec({ dim: 0 })).toThrow(FociError)
  })

  it('does not wait for epochs that bring nothing', async () => {
    const run = await train(log, { model, epochs: 60, patience: 2, learningRate: 0.01 })
    const best = run.epochs.findLastIndex((epoch) => epoch.best)
    expect(run.epochs.length).toBe(Math.min(60, best + 1 + 2))
  })
})
