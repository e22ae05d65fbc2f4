import type { Catalogue } from '../data/interactions.ts'
import { nearest } from '../data/nearest.ts'
import { FociError } from '../errors.ts'
import type { Recommender } from '../recommend/recommender.ts'
import type { Moment, Whom } from '../recommend/request.ts'
import type { FociCommand } from './command.ts'
import { usage } from './failure.ts'
import { listFlag } from './flags.ts'
import { type LogFlags, logFlags, readLog } from './log-flags.ts'
import { checkArtefact } from './paths.ts'

/** Whom a command asks about, when and where. */
export interface WhomFlags extends LogFlags {
  readonly history?: readonly string[]
  readonly user?: string
  readonly log?: string
  readonly scene?: string
  readonly now?: string
}

export function whomFlags(command: FociCommand): void {
  command
    .addOption(listFlag('--history <item>', "an item of the history, the oldest first; may be repeated; '' alone for a newcomer"))
    .option('--user <id>', 'a user of the log that --log names; beside --history whose it is, for models that read users')
    .option('--log <file>', 'the log that has the user')
    .option('--scene <name>', 'where the list is shown, for models that read scenes')
    .option('--now <time>', 'when it is shown, a date; the present where absent; for models that read times')
  command.hints = { ...command.hints, '--history': 'Give each item with its own flag: --history tent-2 --history stove-9.' }
  logFlags(command)
}

/** Who is asked about; a history may come with whose it is. */
function whomOf({ history, user, log, scene, now }: WhomFlags): Whom & Moment {
  const either = 'Give --history ITEM, once for each item, or --user ID --log FILE.'
  if (history !== undefined && log !== undefined) throw usage('--log serves --user alone, and a history is given', either)
  const moment = { scene, ...(now !== undefined && { now: timeOf(now) }) }
  if (history !== undefined) return { ...(user !== undefined && { user }), history: history.filter((item) => item !== ''), ...moment }
  if (user === undefined) throw usage('a history or a user is missing', either)
  if (log === undefined) throw usage(`the history of user ${user} is in a log, and --log is missing`, either)
  return { user, ...moment }
}

/** What a recommender of an artefact says of whom the flags name, and the catalogue that it says it of. */
export async function ask<T>(
  file: string,
  flags: WhomFlags,
  question: (recommender: Recommender, whom: Whom & Moment) => T,
): Promise<{ readonly answer: T; readonly catalogue: Catalogue }> {
  const whom = whomOf(flags)
  checkArtefact(file)
  const log = flags.log === undefined ? undefined : await readLog(flags.log, flags)
  const { Recommender } = await import('../recommend/recommender.ts')
  using recommender = await Recommender.load(file, { log, table: 'f32' }) // one request would not pay for codes
  const answer = inLog(flags, log?.users, () => question(recommender, whom))
  return { answer, catalogue: recommender.catalogue }
}

/** An unknown user gets the nearest one as a suggestion. */
function inLog<T>({ user, log }: WhomFlags, users: readonly string[] | undefined, body: () => T): T {
  if (user === undefined || users === undefined || users.includes(user)) return body()
  const guess = nearest(user, users)
  throw new FociError(
    'UNKNOWN',
    `${log} has no user "${user}"`,
    `${guess === undefined ? '' : `Did you mean "${guess}"? `}Its first is "${users[0]}".`,
  )
}

function timeOf(text: string): number {
  const time = Date.parse(text)
  if (Number.isNaN(time)) throw usage(`--now is ${JSON.stringify(text)}`, 'It is a date, such as 2024-05-01T12:00:00Z.')
  return time
}

/** What to say of an item that the artefact does not know. */
export function strange(item: string, ids: readonly string[]): string {
  const guess = nearest(item, ids)
  return `the artefact does not know the item "${item}", which was skipped${guess === undefined ? '.' : `; did you mean "${guess}"?`}`
}
