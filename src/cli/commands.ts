import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import { batchCommand } from './batch.ts'
import { FociCommand, refuseFlagsAsValues } from './command.ts'
import { evaluateCommand } from './evaluate.ts'
import { reportFailure } from './failure.ts'
import { inspectCommand } from './inspect.ts'
import { interestsCommand } from './interests.ts'
import { modelsCommand } from './models.ts'
import { rankCommand } from './rank.ts'
import { recommendCommand } from './recommend.ts'
import { sampleCommand } from './sample.ts'
import { trainCommand } from './train.ts'

/**
 * Runs one command line.
 * @param given what follows `foci`
 * @returns the exit code
 */
export async function run(given: readonly string[]): Promise<number> {
  const words = given[0] === 'help' ? [...given.slice(1, 2), '--help'] : given
  try {
    const program = await buildProgram(words)
    if (words.length === 0) {
      program.outputHelp({ error: true })
      return 2
    }
    const name = words.find((word) => !word.startsWith('-'))
    const command = program.commands.find((each) => each.name() === name)
    if (command) refuseFlagsAsValues(command, words)
    // A command that is not there has no help, and a suggestion says more than the list of all
    await program.parseAsync(command || name === undefined ? words : [name], { from: 'user' })
    return 0
  } catch (error) {
    // Help and the version were asked for, and are printed by now
    return error instanceof CommanderError ? error.exitCode : reportFailure(error)
  }
}

/** @param words the command line, whose flags depend on what it says */
async function buildProgram(words: readonly string[]): Promise<FociCommand> {
  const program = new FociCommand('foci')
  program
    .description('Attention-based recommendation: from a log of who did what and when to what they want next.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (command) => `${command.name()} ${command.usage()}` })
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', start)
  program.hints = { '--json': 'Flags follow the command: foci models --json' }
  const [name] = words
  // A command that is named needs no other
  for (const add of Object.hasOwn(commands, name ?? '') ? [commands[name]] : Object.values(commands)) await add(program, words)
  return program
}

const commands: Readonly<Record<string, (program: FociCommand, words: readonly string[]) => void | Promise<void>>> = {
  sample: sampleCommand,
  inspect: inspectCommand,
  train: trainCommand,
  evaluate: evaluateCommand,
  recommend: recommendCommand,
  rank: rankCommand,
  interests: interestsCommand,
  batch: batchCommand,
  models: modelsCommand,
}

const start = `
To begin, with a shop that is made up:
  foci sample shop
  foci train shop/interactions.csv --items shop/items.csv --model sasrec --out shop.safetensors`

function version(): string {
  const file = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return file.version
}
