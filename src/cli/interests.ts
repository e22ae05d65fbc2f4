import type { InterestSummary } from '../recommend/request.ts'
import type { FociCommand } from './command.ts'
import { jsonFlag, wholeFlag } from './flags.ts'
import { percent, table } from './format.ts'
import { note, outputOf } from './output.ts'
import { ask, type WhomFlags, whomFlags } from './whom.ts'

interface InterestsFlags extends WhomFlags {
  readonly k: number
  readonly json?: boolean
}

export function interestsCommand(program: FociCommand): void {
  const command = program
    .command('interests')
    .description('what each interest of a user is about: its best items and their categories')
    .argument('<file>', 'an artefact of a model with interests, such as mi-sa')
  whomFlags(command)
  command.addOption(wholeFlag('-k <count>', 'how many items of each', { min: 1, fallback: 5 })).addOption(jsonFlag())
  command.action(interests)
}

async function interests(file: string, flags: InterestsFlags): Promise<void> {
  const { say, document } = outputOf(flags.json)
  const { answer: found } = await ask(file, flags, (recommender, whom) => recommender.aboutInterests(whom, { k: flags.k }))
  document({ interests: found })
  if (flags.json) return
  if (found.length === 0) note('nothing is known of this user, who has no interests yet.')
  else say(...table([['interest', 'categories', 'items'], ...found.map(rowOf)]))
}

const rowOf = ({ interest, items, categories }: InterestSummary): string[] => [
  `${interest}`,
  categories
    .slice(0, 3)
    .map(({ name, share }) => `${name} ${percent(share)}`)
    .join(', '),
  items.map(({ item }) => item).join(', '),
]
