import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadArtefact } from '../../src/artefact/file.ts'
import { loadNative } from '../../src/engine/native.ts'
import { evaluateArtefact } from '../../src/evaluate/evaluate-artefact.ts'
import { readInteractions } from '../../src/read/read.ts'
import { foci, hashOf, sampleFolder } from './world.ts'

const engine = loadNative()
const has = engine.usePrecision('bf16')
engine.usePrecision('f32')

describe('training in bf16', () => {
  let place: Awaited<ReturnType<typeof sampleFolder>>
  const trained = async (name: string, precision: string, env: Record<string, string> = {}): Promise<string> => {
    const out = `${place.out}.${name}`
    const args = ['dist/cli/main.js', 'train', place.log, '--model', 'sasrec', '--out', out, '--heads', '2', '--max-length', '100']
    await foci([...args, '--epochs', '3', '--patience', '3', '--precision', precision], env)
    return out
  }

  beforeAll(async () => {
    place = await sampleFolder(700)
  })
  afterAll(() => rmSync(place.folder, { recursive: true, force: true }))

  it('is f32, and says so, where the CPU does not gain by it', async () => {
    const portable = { FOCI_SIMD: 'portable' }
    const full = await trained('full', 'f32', portable)
    const other = await trained('bf16', 'bf16', portable)
    expect((await loadArtefact(other)).trained.precision).toBe('f32')
    expect(hashOf(other)).toBe(hashOf(full))
  }, 60_000)

  it.skipIf(!has)(
    `has the same bits with 1, 2 and 4 threads${has ? '' : ' (skipped: this CPU has no bf16)'}`,
    async () => {
      const runs = []
      for (const threads of ['1', '2', '4']) runs.push(await trained(threads, 'bf16', { FOCI_THREADS: threads }))
      expect(new Set(runs.map(hashOf)).size).toBe(1)
      expect((await loadArtefact(runs[0])).trained.precision).toBe('bf16')
      expect(hashOf(runs[0])).not.toBe(hashOf(await trained('f32', 'f32')))
    },
    90_000,
  )

  it.skipIf(!has)(
    'is judged and served in f32, near a model trained in f32',
    async () => {
      const log = await readInteractions(place.log)
      const artefact = await loadArtefact(await trained('judged', 'bf16'))
      const { metrics } = await evaluateArtefact(artefact, log)
      expect(metrics).toEqual(artefact.scores.test.metrics)
      const full = await loadArtefact(await trained('exact', 'f32'))
      expect(Math.abs(metrics['ndcg@10'].mean - full.scores.test.metrics['ndcg@10'].mean)).toBeLessThan(0.01)
    },
    90_000,
  )

  it.skipIf(!has)(
    'cannot be resumed in another precision',
    async () => {
      const out = `${place.out}.stopped`
      const args = ['dist/cli/main.js', 'train', place.log, '--model', 'sasrec', '--out', out, '--max-length', '100', '--epochs', '400']
      const running = foci([...args, '--precision', 'bf16'])
      const epoch = new Promise<void>((resolve) => running.child.stdout?.on('data', (text) => /epoch/.test(text) && resolve()))
      void epoch.then(() => running.child.kill('SIGINT'))
      await expect(running).rejects.toMatchObject({ code: 130 })
      await expect(foci([...args, '--resume'])).rejects.toMatchObject({ stderr: expect.stringMatching(/other settings/) })
    },
    60_000,
  )
})
