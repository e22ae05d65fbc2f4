import type { FociCommand } from './command.ts'
import { jsonFlag, listFlag } from './flags.ts'
import { itemTable } from './item-table.ts'
import { note, outputOf } from './output.ts'
import { checkArtefact } from './paths.ts'
import { inLog, logOf, strange, type WhomFlags, whomFlags, whomOf } from './whom.ts'

interface RankFlags extends WhomFlags {
  readonly item?: readonly string[]
  readonly json?: boolean
}

export function rankCommand(program: FociCommand): void {
  const command = program
    .command('rank')
    .description('given items in the order that suits a history, or a user of a log')
    .argument('<file>', 'an artefact that `foci train` wrote')
    .addOption(listFlag('--item <id>', 'an item to rank; may be repeated').makeOptionMandatory())
    .addOption(jsonFlag())
  command.hints = { '--item': 'Give each item with its own flag: --item tent-2 --item stove-9.' }
  whomFlags(command)
  command.action(rank)
}

async function rank(file: string, flags: RankFlags): Promise<void> {
  const { say, document } = outputOf(flags.json)
  const whom = whomOf(flags)
  checkArtefact(file)
  const log = await logOf(flags)
  const { Recommender } = await import('../recommend/recommender.ts')
  using recommender = await Recommender.load(file, { log, table: 'f32' })
  const { items, unknown, model } = inLog(flags, log?.users, () => recommender.rank({ ...whom, items: flags.item ?? [] }))
  document({ items, unknown, model })
  if (flags.json) return
  for (const item of unknown) note(strange(item, recommender.catalogue.ids))
  if (items.every(({ source }) => source === 'popular')) note('nothing is known of this user, so the popular items come first.')
  say(...itemTable(items, recommender.catalogue, false))
}
