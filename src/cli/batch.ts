import { extname } from 'node:path'
import type { Artefact } from '../artefact/artefact.ts'
import type { Interactions } from '../data/interactions.ts'
import { FociError } from '../errors.ts'
import type { Recommender } from '../recommend/recommender.ts'
import type { Parts, Run } from './batch/parts.ts'
import type { Rows } from './batch/rows.ts'
import { type FociCommand, required } from './command.ts'
import { reportFailure, usage } from './failure.ts'
import { jsonFlag, wholeFlag } from './flags.ts'
import { count, plural, seconds, shellWord } from './format.ts'
import { type LogFlags, logFlags, readLog } from './log-flags.ts'
import { type Output, outputOf } from './output.ts'
import { checkArtefact, checkLog, checkOutput } from './paths.ts'
import { type Bar, barOf } from './progress.ts'

interface BatchFlags extends LogFlags {
  readonly out?: string
  readonly k: number
  readonly json?: boolean
}

type Format = 'csv' | 'jsonl' | 'parquet'

/** Bytes of text that are written together. */
const TOGETHER = 1 << 20

const COLUMNS = { user: 'VARCHAR', rank: 'INTEGER', item: 'VARCHAR', score: 'FLOAT', interest: 'INTEGER' } as const

const STOPPING = '\nRows are kept in OUT.parts until all are there: the same command goes on after Ctrl-C, or a crash.'

export function batchCommand(program: FociCommand, words: readonly string[]): void {
  const command = program
    .command('batch')
    .description('the best next items for every user of a log, as a file')
    .argument('<file>', 'an artefact that `foci train` wrote')
    .argument('<log>', 'the log that has the users')
    .option('--out <file>', 'where the lists go: .csv, .jsonl or .parquet')
    .addOption(wholeFlag('-k <count>', 'how many items a user', { min: 1, fallback: 10 }))
    .addOption(jsonFlag())
    .addHelpText('after', STOPPING)
  command.hints = { '--out': 'Say where the lists go, such as `--out lists.csv`.' }
  logFlags(command)
  command.action((file: string, log: string, flags: BatchFlags) => batch(file, log, flags, command, words))
}

async function batch(file: string, path: string, flags: BatchFlags, command: FociCommand, words: readonly string[]): Promise<void> {
  const out = required(command, flags.out, '--out')
  const format = formatOf(out)
  checkArtefact(file)
  checkLog(path)
  checkOutput(out)
  const { say, document } = outputOf(flags.json)
  const start = performance.now()
  const [log, { artefact, recommender }] = await together(readLog(path, flags), openArtefact(file))
  const { Parts } = await import('./batch/parts.ts')
  const { Rows } = await import('./batch/rows.ts')
  const { k } = flags
  const run: Run = { artefact: artefact.hash, log: log.hash, k, format: format === 'jsonl' ? 'jsonl' : 'csv' }
  const parts = await Parts.open(out, run, format === 'csv' ? `${Object.keys(COLUMNS).join(',')}\n` : '')
  const users = log.users.length
  if (parts.users > 0) say(`Going on after ${plural(parts.users, 'user')}, whose rows are in ${parts.folder}.`)
  const bar = await barOf('[{bar}] {value}/{total} users, {eta_formatted} left')
  await resumable(parts, users, bar, words, async () => {
    const lines = new Rows(run.format, artefact.catalogue.ids, k)
    await addRows(parts, lines, recommender, log, k, reporter(bar, say, parts.users, users))
    await finish(parts, format, out)
  })
  const { rows } = parts
  const spent = (performance.now() - start) / 1000
  document({ out, format, model: artefact.parts[0].model, k, users, rows, seconds: Math.round(1000 * spent) / 1000 })
  if (!flags.json) say(`Wrote ${out}: ${plural(rows, 'row')} for ${plural(users, 'user')} in ${seconds(spent)}.`)
}

function formatOf(out: string): Format {
  const ending = extname(out).slice(1).toLowerCase()
  if (ending === 'csv' || ending === 'jsonl' || ending === 'parquet') return ending
  throw usage(`--out is ${JSON.stringify(out)}`, 'Its ending says what is written: .csv, .jsonl or .parquet.')
}

interface Opened {
  readonly artefact: Artefact
  readonly recommender: Recommender
}

async function openArtefact(file: string): Promise<Opened> {
  const { loadArtefact } = await import('../artefact/file.ts')
  const { Recommender } = await import('../recommend/recommender.ts')
  const artefact = await loadArtefact(file)
  const recommender = await Recommender.load(artefact)
  return { artefact, recommender }
}

/** Both, or neither is left open. */
async function together(log: Promise<Interactions>, opened: Promise<Opened>): Promise<[Interactions, Opened]> {
  try {
    return await Promise.all([log, opened])
  } catch (error) {
    opened.then(({ recommender }) => recommender[Symbol.dispose]()).catch(() => undefined)
    throw error
  }
}

/** Whole parts are left at any moment, so that Ctrl-C ends at once. */
async function resumable(parts: Parts, users: number, bar: Bar, words: readonly string[], body: () => Promise<void>): Promise<void> {
  const interrupt = (): void => {
    bar.clear()
    process.exit(reportFailure(stopped(parts, users, words)))
  }
  process.once('SIGINT', interrupt)
  try {
    await body()
  } finally {
    await parts.close()
    bar.clear()
    process.off('SIGINT', interrupt)
  }
}

function stopped(parts: Parts, users: number, words: readonly string[]): FociError {
  const message = `the run was stopped, and the rows of ${count(parts.users)} of ${plural(users, 'user')} are in ${parts.folder}`
  return new FociError('ABORTED', message, `Go on with: ${['foci', ...words].map(shellWord).join(' ')}`)
}

/** A bar on a terminal; else a line for each tenth of the users. */
function reporter(bar: Bar, say: Output['say'], before: number, users: number): (done: number) => void {
  const tenthsOf = (done: number): number => Math.floor((10 * done) / users)
  let told = tenthsOf(before)
  return (done) => {
    bar.show(done, users)
    if (tenthsOf(done) > told && !process.stderr.isTTY) say(`${count(done)} of ${plural(users, 'user')}`)
    told = tenthsOf(done)
  }
}

/** Ranks the users without rows, and adds theirs; the next are ranked while some are written. */
async function addRows(
  parts: Parts,
  lines: Rows,
  recommender: Recommender,
  log: Interactions,
  k: number,
  onUsers: (done: number) => void,
): Promise<void> {
  let [end, writing] = [parts.users, Promise.resolve()]
  try {
    for await (const ranked of recommender.rankLog(log, end, { k })) {
      lines.add(log.users.slice(end, end + ranked.users), ranked)
      end += ranked.users
      if (lines.length >= TOGETHER || end === log.users.length) {
        const { rows, bytes } = lines.take()
        await writing
        writing = parts.add(end, rows, bytes)
        writing.catch(() => undefined) // it is awaited before the next one
      }
      onUsers(end)
    }
    await writing
  } finally {
    recommender[Symbol.dispose]()
  }
}

async function finish(parts: Parts, format: Format, out: string): Promise<void> {
  if (format === 'parquet') {
    const { replaceFile } = await import('../data/replace-file.ts')
    const { writeParquet } = await import('../data/write-parquet.ts')
    await replaceFile(out, (beside) => writeParquet(parts.path, COLUMNS, beside))
  } else await parts.moveTo(out)
  await parts.remove()
}
