import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import { FociCommand, refuseFlagsAsValues } from './command.ts'
import { evaluateCommand } from './evaluate.ts'
import { reportFailure } from './failure.ts'
import { inspectCommand } from './inspect.ts'
import { modelsCommand } from './models.ts'
import { recommendCommand } from './recommend.ts'
import { sampleCommand } from './sample.ts'
import { trainCommand } from './train.ts'

/**
 * Runs one command line.
 * @param words what follows `foci`
 * @returns the exit code
 */
export async function run(words: readonly string[]): Promise<number> {
  try {
    const program = await buildProgram(words)
    if (words.length === 0) {
      process.stderr.write(program.helpInformation())
      return 2
    }
    await program.parseAsync(words, { from: 'user' })
    return 0
  } catch (error) {
    // Help and the version were asked for, and are printed by now
    return error instanceof CommanderError ? error.exitCode : reportFailure(error)
  }
}

async function buildProgram(words: readonly string[]): Promise<FociCommand> {
  const program = new FociCommand('foci')
  program
    .description('Attention-based recommendation: from a log of who did what and when to what they want next.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: false })
    .showSuggestionAfterError()
    .exitOverride()
    .hook('preAction', (_, command) => refuseFlagsAsValues(command, words))
    .addHelpText('after', start)
  sampleCommand(program)
  inspectCommand(program)
  await trainCommand(program, words)
  evaluateCommand(program)
  recommendCommand(program)
  modelsCommand(program)
  return program
}

const start = `
To begin, with a shop that is made up:
  foci sample shop
  foci train shop/interactions.csv --items shop/items.csv --model sasrec --out shop.safetensors`

function version(): string {
  const file = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return file.version
}
