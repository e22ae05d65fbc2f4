import { statSync } from 'node:fs'
import { join } from 'node:path'
import { FociError } from '../errors.ts'
import type { FociCommand } from './command.ts'
import { shellWord } from './escape.ts'
import { jsonFlag, wholeFlag } from './flags.ts'
import { plural } from './format.ts'
import { outputOf } from './output.ts'

interface SampleFlags {
  readonly users?: number
  readonly seed?: number
  readonly days?: number
  /** Whether any files are replaced. */
  readonly force?: boolean
  readonly json?: boolean
}

export function sampleCommand(program: FociCommand): void {
  program
    .command('sample')
    .description('write the built-in world: interactions, items and the truth behind them')
    .argument('<dir>', 'the folder, made where it is not there')
    .addOption(wholeFlag('--users <count>', 'users of the world', { min: 1, max: 1_000_000, fallback: 2000 }))
    .addOption(wholeFlag('--days <count>', 'length of the log', { min: 1, max: 10_000, fallback: 90 }))
    .addOption(wholeFlag('--seed <number>', 'equal seeds give equal worlds', { min: 0, max: 0xffffffff, fallback: 1 }))
    .option('--force', 'replace files of these names, though they are of no earlier sample')
    .addOption(jsonFlag())
    .action(sample)
}

async function sample(folder: string, { json, ...options }: SampleFlags): Promise<void> {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new FociError('FILE', `the sample cannot be written into ${folder}: it is a file`, 'Name a folder, or one that is not there yet.')
  }
  const { writeSample } = await import('../sample/sample.ts')
  const { interactions, items, truth } = await writeSample(folder, options)
  const [log, table] = ['interactions.csv', 'items.csv'].map((name) => join(folder, name))
  const users = Object.keys(truth.users).length
  const { say, document } = outputOf(json)
  document({
    interactions: log,
    items: table,
    truth: join(folder, 'truth.json'),
    rows: interactions.length,
    users,
    catalogue: items.length,
    seed: truth.seed,
  })
  if (json) return
  say(`${log}: ${plural(interactions.length, 'row')} of ${plural(users, 'user')} over ${plural(truth.days, 'day')}`)
  say(`${table}: ${plural(items.length, 'item')} with titles and categories`)
  say(`${join(folder, 'truth.json')}: what they were made from`)
  say(
    `Next: foci train ${shellWord(log)} --items ${shellWord(table)} --model sasrec --max-length 50 --out ${shellWord(join(folder, 'shop.safetensors'))}`,
  )
}
