import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { uniform } from '../../src/data/random.ts'
import { foci, hashOf, sampleFolder, trainArguments } from './world.ts'

describe('the bits of training', () => {
  let place: Awaited<ReturnType<typeof sampleFolder>>
  let undisturbed = ''

  beforeAll(async () => {
    place = await sampleFolder(300)
    await foci(trainArguments(place.log, place.out), { FOCI_THREADS: '1' })
    undisturbed = hashOf(place.out)
  })
  afterAll(() => rmSync(place.folder, { recursive: true, force: true }))

  it('are the same with one thread and with two', async () => {
    const out = `${place.out}.two`
    await foci(trainArguments(place.log, out), { FOCI_THREADS: '2' })
    expect(hashOf(out)).toBe(undisturbed)
  })

  // 64 columns and thousands of rows: enough for each kernel to hand out more blocks than there are threads
  it.each(['cross-entropy', 'sampled-softmax'])(
    'are the same with 1, 2 and 4 threads on every parallel path, by %s',
    async (loss) => {
      const large = await sampleFolder(1500)
      const hashes = []
      for (const threads of ['1', '2', '4']) {
        const args = ['dist/cli/main.js', 'train', large.log, '--model', 'sasrec', '--out', large.out, '--loss', loss, '--heads', '2']
        await foci([...args, '--epochs', '2', '--max-length', '100', '--negatives', '300'], { FOCI_THREADS: threads })
        hashes.push(hashOf(large.out))
      }
      rmSync(large.folder, { recursive: true, force: true })
      expect(new Set(hashes).size).toBe(1)
    },
    120_000,
  )

  it('are others with another seed', async () => {
    const out = `${place.out}.other`
    await foci(trainArguments(place.log, out, { seed: 8 }))
    expect(hashOf(out)).not.toBe(undisturbed)
  })

  it('are the same after SIGKILL at ten random moments, each followed by a resume', async () => {
    const epochs = 160
    await foci(trainArguments(place.log, `${place.out}.whole`, { epochs }))
    const out = `${place.out}.killed`
    const resumed = [...trainArguments(place.log, out, { epochs }), '--resume']
    let furthest = 0
    for (let time = 0; time < 10; time++) {
      const child = spawn(process.execPath, resumed, { stdio: ['ignore', 'pipe', 'ignore'] })
      const ended = once(child, 'exit')
      const first = await firstEpoch(child)
      expect(first).toBeGreaterThan(furthest)
      furthest = first
      await sleep(50 * uniform(11, 0, time))
      expect(child.exitCode).toBeNull()
      child.kill('SIGKILL')
      await ended
    }
    await foci(resumed)
    expect(hashOf(out)).toBe(hashOf(`${place.out}.whole`))
  }, 400_000)
})

/**
 * The number of the first epoch that a run reports, once it reports a second one and has therefore saved the first. Its
 * output stays open, or it would end for want of a reader.
 */
function firstEpoch(child: ChildProcess): Promise<number> {
  let output = ''
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      output += chunk
      const [first, second] = output.matchAll(/^epoch +(\d+) .*\n/gm)
      if (second) resolve(Number(first[1]))
    })
    child.on('exit', () => reject(new Error(`the run ended before its second epoch: ${output}`)))
  })
}
