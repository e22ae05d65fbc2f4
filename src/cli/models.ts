import type { ModelDefinition } from '../models/define.ts'
import type { FociCommand } from './command.ts'
import { jsonFlag } from './flags.ts'
import { table } from './format.ts'
import { outputOf } from './output.ts'

export function modelsCommand(program: FociCommand): void {
  program
    .command('models')
    .description('the models there are, or the options of one')
    .argument('[name]', 'a model')
    .addOption(jsonFlag())
    .action(models)
}

async function models(name: string | undefined, { json }: { readonly json?: boolean }): Promise<void> {
  const { definitions } = await import('../models/registry.ts')
  const { modelNamed, namesOf, flagName } = await import('./model-flags.ts')
  const { say, document } = outputOf(json)
  if (name !== undefined) {
    const definition = modelNamed(name)
    document(described(definition))
    if (!json) say(...page(definition, namesOf(definition), flagName))
    return
  }
  document(definitions.map(described))
  if (json) return
  say(
    ...table([['model', ''], ...definitions.map((each) => [each.name, each.summary])]),
    '',
    '`foci models NAME` shows the options of one.',
  )
}

function described({ name, summary, fields }: ModelDefinition) {
  const options = Object.entries(fields).map(([key, { kind, fallback, help, choices }]) => ({
    name: key,
    kind,
    default: fallback,
    help,
    choices,
  }))
  return { name, summary, options }
}

function page({ name, summary, fields }: ModelDefinition, how: string, flagName: (key: string) => string): string[] {
  const rows = Object.entries(fields).map(([key, { fallback, help, choices }]) => {
    return [flagName(key), `${fallback}`, choices ? `${help}: ${choices.join(', ')}` : help]
  })
  const options = rows.length > 0 ? table([['option', 'default', 'meaning'], ...rows]) : ['It has no options.']
  return [`${name}: ${summary}`, '', ...options, '', `foci train LOG ${how} --out FILE`]
}
