import { readFileSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FociError } from '../errors.ts'
import { codeOf, fileError } from '../files/file-error.ts'
import { refuseForeign } from '../files/place.ts'
import { replaceFiles } from '../files/replace-file.ts'
import type { SampleTruth } from './truth.ts'
import { type SampleOptions, type SampleWorld, sampleWorld } from './world.ts'

export type { SampleEvent, SampleTruth, UserTruth } from './truth.ts'
export { type SampleOptions, type SampleWorld, sampleWorld } from './world.ts'

export interface WriteSampleOptions extends SampleOptions {
  /** Replaces any files of these names. */
  readonly force?: boolean
}

/**
 * Writes the sample world as interactions.csv, items.csv and truth.json into a folder, which is made where it is not
 * there. Each file is written beside its place, and renamed once all three are on the disk: no reader meets half of one.
 * @throws FociError FILE, also where a file is there that is not of an earlier sample, unless by `force`; BUSY
 */
export async function writeSample(folder: string, { force = false, ...options }: WriteSampleOptions = {}): Promise<SampleWorld> {
  const world = sampleWorld(options)
  const files = filesOf(folder, world)
  await makeFolder(folder)
  if (!force) refuseOthers(folder, files)
  await replaceFiles(files)
  return world
}

interface SampleFile {
  readonly path: string
  readonly content: Buffer
}

function filesOf(folder: string, { interactions, items, truth }: SampleWorld): SampleFile[] {
  const log = interactions.map(({ user, item, timestamp, scene, event }) => [user, item, timestamp, scene, event])
  const table = items.map(({ item, title, categories }) => [item, title, categories?.join('|')])
  const texts = {
    'interactions.csv': csv(['user', 'item', 'timestamp', 'scene', 'event'], log),
    'items.csv': csv(['item', 'title', 'categories'], table),
    'truth.json': `${JSON.stringify(truth, null, 2)}\n`,
  }
  return Object.entries(texts).map(([name, text]) => ({ path: join(folder, name), content: Buffer.from(text) }))
}

/** The sample's texts hold no comma, quote or line end, so its fields need no quotes. */
const csv = (header: readonly string[], rows: readonly (readonly unknown[])[]) =>
  `${[header, ...rows].map((row) => row.join(',')).join('\n')}\n`

/** An earlier sample is one that can be made again, to the byte, from what its truth.json says. */
function refuseOthers(folder: string, files: readonly SampleFile[]): void {
  let earlier: readonly SampleFile[] | undefined
  for (const [i, { path, content }] of files.entries()) {
    const isSample = (file: string): boolean => {
      const there = readFileSync(file)
      if (content.equals(there)) return true
      earlier ??= filesOf(folder, sampleWorld(optionsOf(join(folder, 'truth.json'))))
      return earlier[i].content.equals(there)
    }
    refuseForeign(path, 'sample', isSample, 'Name another folder, or write there with force (--force on the command line).')
  }
}

/** @throws where it is no truth of a sample */
function optionsOf(truthFile: string): SampleOptions {
  const { users, seed, days }: SampleTruth = JSON.parse(readFileSync(truthFile, 'utf8'))
  const options = { users: Object.keys(users).length, seed, days }
  if (!Object.values(options).every((value) => Number.isSafeInteger(value) && value >= 0)) throw new TypeError('no numbers of a sample')
  return options
}

/** With `recursive` Node never ends where there cannot be a folder, as below /proc. */
async function makeFolder(folder: string): Promise<void> {
  try {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
    if (dirname(folder) !== folder) await makeFolder(dirname(folder))
    await mkdir(folder).catch((cause) => {
      // Another may have made it meanwhile
      if (codeOf(cause) !== 'EEXIST' || !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw cause
    })
  } catch (cause) {
    throw cause instanceof FociError ? cause : fileError(folder, 'made', cause)
  }
}
