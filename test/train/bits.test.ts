import { spawn } from 'node:child_process'
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

  it('are others with another seed', async () => {
    const out = `${place.out}.other`
    await foci(trainArguments(place.log, out, { seed: 8 }))
    expect(hashOf(out)).not.toBe(undisturbed)
  })

  it('are the same after SIGKILL at ten random moments, each followed by a resume', async () => {
    const epochs = 120
    await foci(trainArguments(place.log, `${place.out}.whole`, { epochs }))
    const out = `${place.out}.killed`
    const resumed = [...trainArguments(place.log, out, { epochs }), '--resume']
    let killed = 0
    for (let time = 0; time < 10; time++) {
      const child = spawn(process.execPath, resumed, { stdio: 'ignore' })
      const ended = once(child, 'exit')
      await sleep(300 + 700 * uniform(11, 0, time))
      if (child.exitCode === null) killed++
      child.kill('SIGKILL')
      await ended
    }
    expect(killed).toBe(10)
    await foci(resumed)
    expect(hashOf(out)).toBe(hashOf(`${place.out}.whole`))
  }, 400_000)
})
