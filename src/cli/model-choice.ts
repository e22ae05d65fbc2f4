import type { Option } from 'commander'
import { assemble, type ModelDefinition, type ModelSpec, specify } from '../models/define.ts'
import { type Training, trainingDefaults } from '../models/training.ts'
import { type Joint, jointOf, joints, modelFlags, modelOptions, ownModelNamed, valuesOf } from './model-flags.ts'
import { trainingFlags } from './training-flags.ts'

/** The models that a command line names: one, or two that are joined by `--then` or `--with`. */
export interface Choice {
  readonly first: ModelDefinition | undefined
  readonly second?: { readonly flag: Joint; readonly definition: ModelDefinition }
}

/** @param words the command line, before it is parsed: the flags of the models that it names are flags of the command */
export function chooseModels(words: readonly string[]): Choice {
  const name = wordAfter('--model', words)
  const first = name === undefined ? undefined : ownModelNamed(name)
  for (const flag of joints) {
    const other = wordAfter(`--${flag}`, words)
    if (other !== undefined) return { first, second: { flag, definition: ownModelNamed(other) } }
  }
  return { first }
}

/** How steps are taken, and the options of the models; those of a second one have its flag for a head: `--then-epochs`. */
export function choiceFlags({ first, second }: Choice): Option[] {
  const own = first ? modelFlags(first).map((flag) => flag.helpGroup(`Options of ${first.name}:`)) : []
  const training = trainingFlags(first?.training ?? trainingDefaults)
  if (!second) return [...training, ...own]
  const { flag, definition } = second
  const head = `${flag}-`
  const others = [...modelFlags(jointOf(flag)), ...modelFlags(definition, head), ...trainingFlags(definition.training, head)]
  return [...training, ...own, ...others.map((each) => each.helpGroup(`Options of ${definition.name}, and how it is joined:`))]
}

/** The model that flags describe. @throws FociError OPTION */
export function specOfFlags(first: ModelDefinition, second: Choice['second'], flags: Readonly<Record<string, unknown>>): ModelSpec {
  const own = specify(first, modelOptions(first, flags), second && trainingIn(flags))
  if (!second) return own
  const head = `${second.flag}-`
  const other = specify(second.definition, modelOptions(second.definition, flags, head), trainingIn(flags, head))
  const definition = jointOf(second.flag)
  return assemble(specify(definition, modelOptions(definition, flags)), [own, other])
}

/** Training settings that were given. */
export function trainingIn(flags: Readonly<Record<string, unknown>>, head = ''): Partial<Training> {
  const given = Object.entries(valuesOf(Object.keys(trainingDefaults), flags, head)).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given)
}

/** The last value of a flag among the words; another flag is no value. */
function wordAfter(flag: string, words: readonly string[]): string | undefined {
  const written = words.findLast((word) => word.startsWith(`${flag}=`))
  if (written !== undefined) return written.slice(flag.length + 1)
  const at = words.lastIndexOf(flag)
  return at < 0 || words[at + 1]?.startsWith('-') ? undefined : words[at + 1]
}
