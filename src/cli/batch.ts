import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import type { BatchFlags, Format } from './batch/run.ts'
import { type FociCommand, required } from './command.ts'
import { shellWord } from './escape.ts'
import { Stopped, usage } from './failure.ts'
import { jsonFlag, wholeFlag } from './flags.ts'
import { logFlags, readLog } from './log-flags.ts'
import { checkArtefact, checkLog } from './paths.ts'
import { endBy } from './signals.ts'

const STOPPING = '\nRows are kept in OUT.parts until all are there: the same command goes on after Ctrl-C, SIGTERM,\nSIGHUP, or a crash.'

export function batchCommand(program: FociCommand, words: readonly string[]): void {
  const command = program
    .command('batch')
    .description('the best next items for every user of a log, as a file')
    .argument('<file>', 'an artefact that `foci train` wrote')
    .argument('<log>', 'the log that has the users')
    .option('--out <file>', 'where the lists go: .csv, .jsonl or .parquet')
    .addOption(wholeFlag('-k <count>', 'how many items a user', { min: 1, fallback: 10 }))
    .option('--force', 'replace what stands at --out, though it is no such file')
    .addOption(jsonFlag())
    .addHelpText('after', STOPPING)
  command.hints = { '--out': 'Say where the lists go, such as `--out lists.csv`.' }
  logFlags(command)
  command.action((file: string, log: string, flags: BatchFlags) => batch(file, log, flags, command, words))
}

async function batch(file: string, log: string, flags: BatchFlags, command: FociCommand, words: readonly string[]): Promise<void> {
  const out = required(command, flags.out, '--out')
  const format = formatOf(out)
  checkArtefact(file)
  checkLog(log)
  const { checkOutput, isLists } = await import('./out-file.ts')
  const inputs = { artefact: file, log, 'items table': flags.items, 'users table': flags.users }
  const { force } = flags
  checkOutput({ out, beside: `${out}.parts`, inputs, what: 'lists', isOurs: (path) => isLists(path, format), force })
  const start = performance.now()
  const again = ['foci', ...words].map(shellWord).join(' ')
  endBy((reason) => new Stopped(reason, 'the run was stopped before its first rows', `Start it again with: ${again}`))
  const { whileLocked } = await import('../files/lock.ts')
  await whileLocked(out, 'foci batch', async () => {
    const reading = { artefact: readFile(file), log: readLog(log, flags) } // while what ranks is loaded
    for (const each of Object.values(reading)) each.catch(() => undefined) // it is told when it is awaited
    const { runBatch } = await import('./batch/run.ts')
    await runBatch({ file, ...reading, out, format, flags, again, start })
  })
}

function formatOf(out: string): Format {
  const ending = extname(out).slice(1).toLowerCase()
  if (ending === 'csv' || ending === 'jsonl' || ending === 'parquet') return ending
  throw usage(`--out is ${JSON.stringify(out)}`, 'Its ending says what is written: .csv, .jsonl or .parquet.')
}
