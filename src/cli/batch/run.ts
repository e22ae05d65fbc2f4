import type { Artefact } from '../../artefact/artefact.ts'
import { loadArtefact } from '../../artefact/file.ts'
import type { Interactions } from '../../data/interactions.ts'
import { replaceFile } from '../../files/replace-file.ts'
import { writeParquet } from '../../read/write-parquet.ts'
import type { RankedStream, RankedUsers } from '../../recommend/many.ts'
import { Recommender } from '../../recommend/recommender.ts'
import { Stopped } from '../failure.ts'
import { count, plural, seconds } from '../format.ts'
import type { LogFlags } from '../log-flags.ts'
import { note, type Output, outputOf } from '../output.ts'
import { type Bar, barOf } from '../progress.ts'
import { endBy, endWith } from '../signals.ts'
import { Rows } from './list-rows.ts'
import { Parts, type Run } from './parts.ts'

export interface BatchFlags extends LogFlags {
  readonly out?: string
  readonly k: number
  /** Whether any file at `out` is replaced. */
  readonly force?: boolean
  readonly json?: boolean
}

export type Format = 'csv' | 'jsonl' | 'parquet'

/** What is asked for, checked as far as the command line goes. */
interface Batch {
  /** Path of the artefact. */
  readonly file: string
  /** Its bytes; they are being read, and so is the log. */
  readonly artefact: Promise<Uint8Array>
  readonly log: Promise<Interactions>
  readonly out: string
  readonly format: Format
  readonly flags: BatchFlags
  /** The command that goes on with it. */
  readonly again: string
  /** When it began, by `performance.now()`. */
  readonly start: number
}

/** Bytes of text that are written together, and room for what makes them as many. */
const TOGETHER = 1 << 20
const ROOM = TOGETHER + (1 << 18)

const COLUMNS = { user: 'VARCHAR', rank: 'INTEGER', item: 'VARCHAR', score: 'FLOAT', interest: 'INTEGER' } as const

export async function runBatch(batch: Batch): Promise<void> {
  const { out, format, flags } = batch
  const { say, document } = outputOf(flags.json)
  const { k } = flags
  const [log, opened] = await together(batch.log, openArtefact(batch, k))
  const users = log.users.length
  const rows = await writeRows(batch, log, opened).finally(() => opened.recommender[Symbol.dispose]())
  const spent = (performance.now() - batch.start) / 1000
  const [{ model }] = opened.artefact.parts
  document({ out, format, model, k, users, rows, seconds: Math.round(1000 * spent) / 1000 })
  if (!flags.json) say(`Wrote ${out}: ${plural(rows, 'row')} for ${plural(users, 'user')} in ${seconds(spent)}.`)
}

/** The format in which rows are added. */
const textOf = (format: Format): Run['format'] => (format === 'jsonl' ? 'jsonl' : 'csv')

/** @returns how many the output has */
async function writeRows(
  { out, format, flags, again }: Batch,
  log: Interactions,
  { artefact, recommender, lines }: Opened,
): Promise<number> {
  const { say } = outputOf(flags.json)
  const { k } = flags
  const users = log.users.length
  const rankFrom = (first: number): Begun => begin(recommender.rankLog(log, first, { k }))
  let ranking = rankFrom(0) // which goes on while the parts are opened and the log is hashed
  const run: Run = {
    artefact: artefact.hash,
    get log() {
      return log.hash
    },
    k,
    format: textOf(format),
  }
  const parts = await Parts.open(out, run, format === 'csv' ? `${Object.keys(COLUMNS).join(',')}\n` : '', (folder) =>
    note(`the rows in ${folder} are not those that were written there, so the run begins anew.`),
  )
  if (parts.users > 0) {
    await ranking.stream.return()
    ranking = rankFrom(parts.users)
    say(`Going on after ${plural(parts.users, 'user')}, whose rows are in ${parts.folder}.`)
  }
  const bar = await barOf('[{bar}] {value}/{total} users, {eta_formatted} left')
  endBy((reason) => {
    bar.clear()
    const message = `the run was stopped, and the rows of ${count(parts.users)} of ${plural(users, 'user')} are in ${parts.folder}`
    return new Stopped(reason, message, `Go on with: ${again}`)
  })
  try {
    await addRows(parts, lines, ranking, log, reporter(bar, say, parts.users, users))
    await finish(parts, format, out)
  } finally {
    await parts.close()
    bar.clear()
  }
  return parts.rows
}

/** Rankings whose first is on its way. */
interface Begun {
  readonly stream: RankedStream
  readonly first: Promise<IteratorResult<RankedUsers, void>>
}

function begin(stream: RankedStream): Begun {
  const first = stream.next()
  first.catch(() => undefined) // it is told when it is awaited
  return { stream, first }
}

interface Opened {
  readonly artefact: Artefact
  readonly recommender: Recommender
  readonly lines: Rows
}

/** Gets ready for rankings too, mostly while the log is read. */
async function openArtefact({ file, artefact: reading, format }: Batch, k: number): Promise<Opened> {
  const artefact = await loadArtefact(file, reading)
  const recommender = await Recommender.load(artefact)
  recommender.recommend({ history: [], k }) // what the first one takes longer for
  return { artefact, recommender, lines: new Rows(textOf(format), artefact.catalogue.ids, k, ROOM) }
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

/** Adds the rows of users who have none yet; the next are ranked while some are written. */
async function addRows(
  parts: Parts,
  lines: Rows,
  { stream, first }: Begun,
  { users }: Interactions,
  onUsers: (done: number) => void,
): Promise<void> {
  let [end, writing] = [parts.users, Promise.resolve()]
  for (let next = await first; !next.done; next = await stream.next()) {
    const ranked = next.value
    lines.add(users.slice(end, end + ranked.users), ranked)
    end += ranked.users
    if (lines.length >= TOGETHER || end === users.length) {
      await writing
      const { rows, bytes } = lines.take()
      writing = parts.add(end, rows, bytes)
      writing.catch(() => undefined) // it is awaited before the next one
    }
    onUsers(end)
  }
  await writing
}

async function finish(parts: Parts, format: Format, out: string): Promise<void> {
  if (format === 'parquet') await replaceFile(out, (beside) => writeParquet(parts.path, COLUMNS, beside), true)
  else await parts.moveTo(out)
  endWith(out)
  await parts.remove()
}
