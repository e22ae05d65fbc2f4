import type { Artefact } from '../../artefact/artefact.ts'
import { loadArtefact } from '../../artefact/file.ts'
import type { Interactions } from '../../data/interactions.ts'
import { replaceFile } from '../../data/replace-file.ts'
import { writeParquet } from '../../data/write-parquet.ts'
import { FociError } from '../../errors.ts'
import { Recommender } from '../../recommend/recommender.ts'
import { reportFailure } from '../failure.ts'
import { count, plural, seconds, shellWord } from '../format.ts'
import { type LogFlags, readLog } from '../log-flags.ts'
import { type Output, outputOf } from '../output.ts'
import { type Bar, barOf } from '../progress.ts'
import { Parts, type Run } from './parts.ts'
import { Rows } from './rows.ts'

export interface BatchFlags extends LogFlags {
  readonly out?: string
  readonly k: number
  readonly json?: boolean
}

export type Format = 'csv' | 'jsonl' | 'parquet'

/** What is asked for, checked as far as the command line goes. */
interface Batch {
  /** Path of the artefact. */
  readonly file: string
  readonly log: string
  readonly out: string
  readonly format: Format
  readonly flags: BatchFlags
  readonly words: readonly string[]
}

/** Bytes of text that are written together, and room for what makes them as many. */
const TOGETHER = 1 << 20
const ROOM = TOGETHER + (1 << 18)

const COLUMNS = { user: 'VARCHAR', rank: 'INTEGER', item: 'VARCHAR', score: 'FLOAT', interest: 'INTEGER' } as const

export async function runBatch({ file, log: path, out, format, flags, words }: Batch): Promise<void> {
  const { say, document } = outputOf(flags.json)
  const start = performance.now()
  const { k } = flags
  const text = format === 'jsonl' ? 'jsonl' : 'csv'
  const [log, { artefact, recommender, lines }] = await together(readLog(path, flags), openArtefact(file, text, k))
  const run: Run = { artefact: artefact.hash, log: log.hash, k, format: text }
  const parts = await Parts.open(out, run, format === 'csv' ? `${Object.keys(COLUMNS).join(',')}\n` : '')
  const users = log.users.length
  if (parts.users > 0) say(`Going on after ${plural(parts.users, 'user')}, whose rows are in ${parts.folder}.`)
  const bar = await barOf('[{bar}] {value}/{total} users, {eta_formatted} left')
  await resumable(parts, users, bar, words, async () => {
    await addRows(parts, lines, recommender, log, k, reporter(bar, say, parts.users, users))
    await finish(parts, format, out)
  })
  const { rows } = parts
  const spent = (performance.now() - start) / 1000
  document({ out, format, model: artefact.parts[0].model, k, users, rows, seconds: Math.round(1000 * spent) / 1000 })
  if (!flags.json) say(`Wrote ${out}: ${plural(rows, 'row')} for ${plural(users, 'user')} in ${seconds(spent)}.`)
}

interface Opened {
  readonly artefact: Artefact
  readonly recommender: Recommender
  readonly lines: Rows
}

/** Gets ready for rankings too, mostly while the log is read. */
async function openArtefact(file: string, format: Run['format'], k: number): Promise<Opened> {
  const artefact = await loadArtefact(file)
  const recommender = await Recommender.load(artefact)
  recommender.recommend({ history: [], k }) // what the first one takes longer for
  return { artefact, recommender, lines: new Rows(format, artefact.catalogue.ids, k, ROOM) }
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
        await writing
        const { rows, bytes } = lines.take()
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
  if (format === 'parquet') await replaceFile(out, (beside) => writeParquet(parts.path, COLUMNS, beside))
  else await parts.moveTo(out)
  await parts.remove()
}
