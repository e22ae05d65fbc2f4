import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readArtefact, writeArtefact } from '../../src/artefact/artefact.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { train } from '../../src/train/train.ts'
import { twoRings } from '../contracts/model.ts'

const folder = mkdtempSync(join(tmpdir(), 'foci-forged-'))
const checkpoint = join(folder, 'run.checkpoint')
const log = twoRings()
const options = { model: sasrec({ dim: 8, blocks: 1, maxLength: 10 }), epochs: 4, batch: 32, checkpoint }
let sound: Uint8Array

beforeAll(async () => {
  const stop = new AbortController()
  const onEpoch = ({ epoch }: { epoch: number }) => epoch === 2 && stop.abort()
  await expect(train(log, { ...options, onEpoch, signal: stop.signal })).rejects.toMatchObject({ code: 'ABORTED' })
  sound = readFileSync(checkpoint)
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Writes the checkpoint with other entries, under a right checksum, and goes on from it. */
async function resumed(change: Readonly<Record<string, unknown>>, twin?: unknown) {
  const content = await readArtefact(sound)
  const progress = { ...(content.checkpoint?.progress as object), ...change }
  const told = twin === undefined ? {} : { twin: twin as string }
  writeFileSync(checkpoint, await writeArtefact({ ...content, checkpoint: { ...content.checkpoint, progress, ...told } as never }))
  return train(log, { ...options, resume: true })
}

describe('a checkpoint that somebody changed', () => {
  it('goes on where nothing was', async () => {
    expect((await resumed({})).epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4])
  })

  it.each([
    ['epoch', { epoch: 'x' }],
    ['epoch', { epoch: 1.5 }],
    ['epoch', { epoch: -1 }],
    ['batch', { batch: -1 }],
    ['step', { step: 'x' }],
    ['loss', { loss: {} }],
    ['bestScore', { bestScore: 1e9 }],
    ['epochs', { epochs: 5 }],
    ['epochs.0', { epochs: [5] }],
    ['progress', { bestEpoch: 9 }],
    ['progress', { bestStep: 1e9 }],
    ['progress', { stranger: 1 }],
  ])('is refused, and its %s named', async (place, change) => {
    await expect(resumed(change)).rejects.toMatchObject({
      code: 'ARTEFACT',
      message: expect.stringMatching(new RegExp(`run.checkpoint holds no run that can go on: its .*${place}`)),
      hint: 'Remove the file to start anew.',
    })
  })

  it.each(['{', 'null', '{}', 5])('is refused with the twin %j', async (twin) => {
    await expect(resumed({}, twin)).rejects.toMatchObject({ code: 'ARTEFACT', message: expect.stringContaining('its twin') })
  })
})
