import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { writeSample } from '../../src/sample/sample.ts'

const MAIN = 'dist/cli/main.js'

/** A folder of its own with a small sample log. */
export async function sampleFolder(users: number): Promise<{ folder: string; log: string; out: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'foci-train-'))
  await writeSample(folder, { users, seed: 4 })
  return { folder, log: join(folder, 'interactions.csv'), out: join(folder, 'model.safetensors') }
}

export const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

/** The arguments of a small training run by the command line, which goes on to its last epoch. */
export const trainArguments = (log: string, out: string, { epochs = 12, seed = 7 } = {}): string[] => [
  ...[MAIN, 'train', log, '--model', 'sasrec', '--out', out],
  ...['--dim', '16', '--max-length', '30', '--batch', '32', '--dropout', '0.2'],
  ...['--epochs', `${epochs}`, '--patience', `${epochs}`, '--seed', `${seed}`],
]

/** Runs the built command line to its end. */
export const foci = (args: readonly string[], env: Record<string, string> = {}) =>
  promisify(execFile)(process.execPath, [...args], { env: { ...process.env, ...env } })
