import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FociError } from '../errors.ts'
import { type SampleOptions, type SampleWorld, sampleWorld } from './sample/world.ts'

export type { SampleEvent, SampleTruth, UserTruth } from './sample/truth.ts'
export { type SampleOptions, type SampleWorld, sampleWorld } from './sample/world.ts'

/**
 * Writes the sample world as interactions.csv, items.csv and truth.json into a folder, which is made where it is not
 * there. Each file is written beside its place and renamed, so that no reader meets half of one.
 * @throws FociError FILE
 */
export async function writeSample(folder: string, options: SampleOptions = {}): Promise<SampleWorld> {
  const world = sampleWorld(options)
  const log = world.interactions.map(({ user, item, timestamp, scene, event }) => [user, item, timestamp, scene, event])
  const items = world.items.map(({ item, title, categories }) => [item, title, categories?.join('|')])
  try {
    await mkdir(folder, { recursive: true })
    await place(join(folder, 'interactions.csv'), csv(['user', 'item', 'timestamp', 'scene', 'event'], log))
    await place(join(folder, 'items.csv'), csv(['item', 'title', 'categories'], items))
    await place(join(folder, 'truth.json'), `${JSON.stringify(world.truth, null, 2)}\n`)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new FociError('FILE', `cannot write the sample into ${folder}: ${reason}`, 'Name a folder that may be written.', { cause })
  }
  return world
}

/** The sample's texts hold no comma, quote or line end, so its fields need no quotes. */
const csv = (header: readonly string[], rows: readonly (readonly unknown[])[]) =>
  `${[header, ...rows].map((row) => row.join(',')).join('\n')}\n`

async function place(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.tmp`
  try {
    await writeFile(beside, text)
    await rename(beside, path)
  } finally {
    await rm(beside, { force: true })
  }
}
