import type { FociCommand } from './command.ts'
import { jsonFlag, listFlag } from './flags.ts'
import { itemTable } from './item-table.ts'
import { note, outputOf } from './output.ts'
import { ask, strange, type WhomFlags, whomFlags } from './whom.ts'

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
  const { answer, catalogue } = await ask(file, flags, (recommender, whom) => recommender.rank({ ...whom, items: flags.item ?? [] }))
  const { items, unknown, model } = answer
  document({ items, unknown, model })
  if (flags.json) return
  for (const item of unknown) note(strange(item, catalogue.ids))
  if (items.every(({ source }) => source === 'popular')) note('nothing is known of this user, so the popular items come first.')
  say(...itemTable(items, catalogue, false))
}
