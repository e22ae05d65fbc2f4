import { Command } from 'commander'
import { usage } from './failure.ts'

/** A command whose wrong uses are FociErrors with a next step, in place of text on standard error and an exit. */
export class FociCommand extends Command {
  /** What to say where a message names one of these flags or arguments. */
  hints: Readonly<Record<string, string>> = {}

  override createCommand(name?: string): FociCommand {
    return new FociCommand(name)
  }

  override error(message: string): never {
    const [complaint, suggestion] = message.replace(/^error: /, '').split('\n')
    throw usage(complaint, this.hintFor(complaint) ?? didYouMean(suggestion) ?? this.usageHint())
  }

  private hintFor(complaint: string): string | undefined {
    return Object.entries(this.hints).find(([name]) => complaint.split(/['\s]/).includes(name))?.[1]
  }

  /** The way to call the command, and where there is more. */
  usageHint(): string {
    const name = this.parent ? `${this.parent.name()} ${this.name()}` : this.name()
    const form = this.parent ? `The form is \`${name} ${this.usage()}\`; ` : ''
    return `${form}\`${name} --help\` shows what there is.`
  }
}

/** Commander's `(Did you mean --epochs?)` without its brackets. */
function didYouMean(suggestion: string | undefined): string | undefined {
  return suggestion?.replace(/^\((.*)\)$/, '$1').replace('one of ', '')
}

/** The command's word where it is missing, such as `--out`. */
export function required<T>(command: FociCommand, value: T | undefined, flag: string): T {
  return value === undefined ? command.error(`error: ${flag} is missing`) : value
}

/**
 * `--user --log x` would take `--log` as the user: a value that is itself one of the command's flags was forgotten.
 * Ids that look like flags can be given as `--user=--log`, which the words of the command line still show.
 */
export function refuseFlagsAsValues(command: Command, words: readonly string[]): void {
  const byFlag = new Map(command.options.flatMap((option) => [option.long, option.short].map((flag) => [flag, option] as const)))
  for (let i = 0; i + 1 < words.length; i++) {
    const option = byFlag.get(words[i])
    if (option?.required === true && byFlag.has(words[i + 1]) && words[i + 1].startsWith('-')) {
      command.error(`error: option '${option.flags}' argument missing`)
    }
  }
}
