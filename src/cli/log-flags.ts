import { type Command, Option } from 'commander'
import type { EventRoles, Interactions } from '../data/interactions.ts'
import { FociError } from '../errors.ts'
import type { ReadOptions } from '../read/read.ts'
import { usage } from './failure.ts'
import { choiceFlag, listFlag } from './flags.ts'
import { note } from './output.ts'
import { checkInput, checkLog } from './paths.ts'

const columns = ['user', 'item', 'time', 'scene', 'event', 'value'] as const
const units = ['seconds', 'milliseconds', 'microseconds', 'nanoseconds', 'iso', 'ordinal'] as const

/** What the flags of a log parse to. */
export interface LogFlags extends Readonly<Partial<Record<`${(typeof columns)[number]}Column`, string>>> {
  readonly items?: string
  readonly itemsColumn?: ReadOptions['itemsColumns']
  readonly users?: string
  readonly usersColumn?: ReadOptions['usersColumns']
  readonly unit?: (typeof units)[number]
  readonly skipInvalid?: boolean
  readonly target?: readonly string[]
  readonly input?: readonly string[]
  readonly shown?: readonly string[]
  readonly seen?: readonly string[]
}

/** Adds the flags that say how a log is read. */
export function logFlags(command: Command): void {
  command
    .option('--items <file>', 'items table: a file with the columns item, title, categories; all others are features')
    .addOption(columnsFlag('--items-column <field=name>', "the items table's column of a field", ['item', 'title', 'categories']))
    .option('--users <file>', 'users table: a file with the column user; all others are features')
    .addOption(columnsFlag('--users-column <field=name>', "the users table's column of a field", ['user']))
  for (const column of columns)
    command.option(`--${column}-column <name>`, `the log's ${column} column, where it is not "${fieldOf(column)}"`)
  command
    .addOption(choiceFlag('--unit <unit>', 'unit of the times, where detection errs', units))
    .option('--skip-invalid', 'leave out bad rows and count them')
}

/** Adds the flags that say what event types are for. */
export function roleFlags(command: Command): void {
  command
    .addOption(listFlag('--target <event>', 'an event type that is predicted; may be repeated'))
    .addOption(listFlag('--input <event>', 'an event type that a history holds; may be repeated'))
    .addOption(listFlag('--shown <event>', 'an event type that says what was shown; may be repeated'))
    .addOption(listFlag('--seen <event>', 'an event type whose items are not shown again, or "none"; may be repeated'))
}

/**
 * Reads the log that a command names.
 * @param roles what event types are for where no flag says it
 */
export async function readLog(path: string, flags: LogFlags, roles: EventRoles = {}): Promise<Interactions> {
  checkLog(path)
  if (flags.items !== undefined) checkInput(flags.items, 'items table')
  if (flags.users !== undefined) checkInput(flags.users, 'users table')
  const { readInteractions } = await import('../read/read.ts')
  const log = await readInteractions(path, readOptions(flags, roles)).catch(inFlags)
  for (const each of log.notes ?? []) note(`${flagged(each)}.`)
  return log
}

export function readOptions(flags: LogFlags, roles: EventRoles = {}): ReadOptions {
  const { items, itemsColumn, users, usersColumn, unit, skipInvalid, target, input, shown, seen } = flags
  const named = columns.map((column) => [fieldOf(column), flags[`${column}Column`]] as const).filter(([, name]) => name !== undefined)
  const tables = { items, itemsColumns: itemsColumn, users, usersColumns: usersColumn }
  const given = { ...tables, unit, skipInvalid, target, input, shown, seen: seen?.includes('none') ? ('none' as const) : seen }
  return { ...roles, ...defined(given), columns: Object.fromEntries(named) }
}

/** The API names columns by an option, the command line by a flag. */
export function inFlags(error: unknown): never {
  if (!(error instanceof FociError)) throw error
  const hint = flagged(error.hint)
  throw new FociError(error.code, error.message, hint.replace('skipInvalid, --skip-invalid on the command line', '--skip-invalid'), {
    cause: error,
  })
}

function flagged(text: string): string {
  return text
    .replace(/(items|users)Columns: \{ (\w+): … \}/, '--$1-column $2=…')
    .replace(/columns: \{ (\w+): … \}/, (_, field: string) => `--${field === 'timestamp' ? 'time' : field}-column`)
}

/** A flag that may be given for each of a table's fields: `title=name`. */
function columnsFlag(flags: string, help: string, fields: readonly string[]): Option {
  const option = new Option(flags, `${help}, where it has another name: ${fields.join(', ')}`)
  return option.argParser((text: string, before: Readonly<Record<string, string>> = {}) => {
    const [, field, name] = /^(\w+)=(.+)$/s.exec(text) ?? []
    if (field !== undefined && fields.includes(field)) return { ...before, [field]: name }
    const example = `${fields.at(-1)}=name`
    throw usage(
      `${option.long} is ${JSON.stringify(text)}`,
      `It is a field, = and a column, such as ${example}; the fields are ${fields.join(', ')}.`,
    )
  })
}

function fieldOf(column: (typeof columns)[number]): string {
  return column === 'time' ? 'timestamp' : column
}

function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>
}
