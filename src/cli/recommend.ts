import type { Catalogue } from '../data/interactions.ts'
import { nearest } from '../data/nearest.ts'
import { FociError } from '../errors.ts'
import type { Recommendations, Recommended, Whom } from '../recommend/request.ts'
import type { FociCommand } from './command.ts'
import { usage } from './failure.ts'
import { jsonFlag, listFlag, realFlag, wholeFlag } from './flags.ts'
import { table } from './format.ts'
import { type LogFlags, logFlags, readLog } from './log-flags.ts'
import { note, outputOf } from './output.ts'
import { checkArtefact } from './paths.ts'

interface RecommendFlags extends LogFlags {
  readonly history?: readonly string[]
  readonly user?: string
  readonly log?: string
  readonly k: number
  readonly exclude?: readonly string[]
  readonly diversity?: number
  readonly explain?: boolean
  readonly json?: boolean
}

export function recommendCommand(program: FociCommand): void {
  const command = program
    .command('recommend')
    .description('the best next items for a history, or for a user of a log')
    .argument('<file>', 'an artefact that `foci train` wrote')
    .addOption(listFlag('--history <item>', "an item of the history, the oldest first; may be repeated; '' alone for a newcomer"))
    .option('--user <id>', 'a user of the log that --log names')
    .option('--log <file>', 'the log that has the user')
    .addOption(wholeFlag('-k <count>', 'how many items', { min: 1, fallback: 10 }))
    .addOption(listFlag('--exclude <item>', 'an item to leave out; may be repeated'))
    .addOption(realFlag('--diversity <weight>', 'what a score loses for each item before it that shares a category', { min: 0 }))
    .option('--explain', 'the items of the history that speak for each')
    .addOption(jsonFlag())
  command.hints = { '--history': 'Give each item with its own flag: --history tent-2 --history stove-9.' }
  logFlags(command)
  command.action(recommend)
}

async function recommend(file: string, flags: RecommendFlags): Promise<void> {
  const { document } = outputOf(flags.json)
  const whom = whomOf(flags)
  checkArtefact(file)
  const log = flags.log === undefined ? undefined : await readLog(flags.log, flags)
  const { Recommender } = await import('../recommend/recommender.ts')
  using recommender = await Recommender.load(file, { log, table: 'f32' }) // one request would not pay for codes
  const { k, exclude, diversity, explain } = flags
  const found = inLog(flags, log?.users, () => recommender.recommend({ ...whom, k, exclude, diversity, explain }))
  const { items, unknown, model } = found
  document({ items, unknown, model })
  if (!flags.json) show(found, flags, recommender.catalogue)
}

/** Who is asked about; one of the two ways, and exactly one. */
function whomOf({ history, user, log }: RecommendFlags): Whom {
  const either = 'Give --history ITEM, once for each item, or --user ID --log FILE.'
  if (history !== undefined && user !== undefined) throw usage('--history and --user exclude each other', either)
  if (history !== undefined && log !== undefined) throw usage('--log serves --user alone, and a history is given', either)
  if (history !== undefined) return { history: history.filter((item) => item !== '') }
  if (user === undefined) throw usage('a history or a user is missing', either)
  if (log === undefined) throw usage(`the history of user ${user} is in a log, and --log is missing`, either)
  return { user }
}

/** An unknown user gets the nearest one as a suggestion. */
function inLog({ user, log }: RecommendFlags, users: readonly string[] | undefined, body: () => Recommendations): Recommendations {
  if (user === undefined || users === undefined || users.includes(user)) return body()
  const guess = nearest(user, users)
  throw new FociError(
    'UNKNOWN',
    `${log} has no user "${user}"`,
    `${guess === undefined ? '' : `Did you mean "${guess}"? `}Its first is "${users[0]}".`,
  )
}

function show({ items, unknown }: Recommendations, flags: RecommendFlags, catalogue: Catalogue): void {
  const { say } = outputOf(flags.json)
  for (const item of unknown) note(strange(item, catalogue.ids))
  for (const item of flags.exclude ?? []) if (catalogue.indexOf(item) < 0) note(strange(item, catalogue.ids))
  if (items.length === 0) note('no item is left to recommend: the history and --exclude cover the catalogue.')
  else if (items.every(({ source }) => source === 'popular')) note('nothing is known of this user, so these are the popular items.')
  else if (items.length < flags.k) note(`only ${items.length} items are left to recommend.`)
  if (items.length > 0) say(...itemTable(items, catalogue, flags.explain ?? false))
}

function strange(item: string, ids: readonly string[]): string {
  const guess = nearest(item, ids)
  return `the artefact does not know the item "${item}", which was skipped${guess === undefined ? '.' : `; did you mean "${guess}"?`}`
}

function itemTable(items: readonly Recommended[], catalogue: Catalogue, explain: boolean): string[] {
  const { titles } = catalogue
  const columns: [string, (item: Recommended, place: number) => string][] = [
    ['', (_, place) => `${place + 1}`],
    ['item', ({ item }) => item],
  ]
  if (titles) columns.push(['title', ({ item }) => titles[catalogue.indexOf(item)] ?? ''])
  columns.push(['score', ({ score, source }) => (source === 'popular' ? '' : score.toFixed(3))], ['source', ({ source }) => source])
  if (items.some(({ interest }) => interest > 0)) columns.push(['interest', ({ interest }) => (interest < 0 ? '' : `${interest + 1}`)])
  if (explain)
    columns.push([
      'because of',
      ({ because = [] }) =>
        because
          .filter(({ share }) => Math.abs(share) >= 0.005)
          .map(({ item, share }) => `${item} ${Math.round(100 * share)}%`)
          .join(', '),
    ])
  return table([columns.map(([name]) => name), ...items.map((item, place) => columns.map(([, cell]) => cell(item, place)))])
}
