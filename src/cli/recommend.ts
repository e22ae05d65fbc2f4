import type { Catalogue } from '../data/interactions.ts'
import type { Recommendations } from '../recommend/request.ts'
import type { FociCommand } from './command.ts'
import { jsonFlag, listFlag, realFlag, wholeFlag } from './flags.ts'
import { itemTable } from './item-table.ts'
import { note, outputOf } from './output.ts'
import { ask, strange, type WhomFlags, whomFlags } from './whom.ts'

interface RecommendFlags extends WhomFlags {
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
  whomFlags(command)
  command
    .addOption(wholeFlag('-k <count>', 'how many items', { min: 1, fallback: 10 }))
    .addOption(listFlag('--exclude <item>', 'an item to leave out; may be repeated'))
    .addOption(realFlag('--diversity <weight>', 'what a score loses for each item before it that shares a category', { min: 0 }))
    .option('--explain', 'the items of the history that speak for each')
    .addOption(jsonFlag())
  command.action(recommend)
}

async function recommend(file: string, flags: RecommendFlags): Promise<void> {
  const { document } = outputOf(flags.json)
  const { k, exclude, diversity, explain } = flags
  const { answer: found, catalogue } = await ask(file, flags, (recommender, whom) =>
    recommender.recommend({ ...whom, k, exclude, diversity, explain }),
  )
  const { items, unknown, model } = found
  document({ items, unknown, model })
  if (!flags.json) show(found, flags, catalogue)
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
