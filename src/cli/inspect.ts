import { stat } from 'node:fs/promises'
import type { Artefact } from '../artefact/artefact.ts'
import type { LogReport } from '../data/inspect.ts'
import type { TimeUnit } from '../data/interactions.ts'
import type { FociCommand } from './command.ts'
import { jsonFlag } from './flags.ts'
import { bytes, count, interval, metric, percent, plural, table } from './format.ts'
import { type LogFlags, logFlags, readLog } from './log-flags.ts'
import { outputOf, scoresOf } from './output.ts'
import { checkInput, isArtefact } from './paths.ts'

interface InspectFlags extends LogFlags {
  readonly json?: boolean
}

export function inspectCommand(program: FociCommand): void {
  const command = program
    .command('inspect')
    .description('what is in an artefact, or in a log')
    .argument('<file>', 'an artefact, or a CSV, Parquet or JSON lines file of user, item, timestamp')
    .addOption(jsonFlag())
  logFlags(command)
  command.action(inspect)
}

async function inspect(path: string, flags: InspectFlags): Promise<void> {
  checkInput(path, 'file')
  const { say, document } = outputOf(flags.json)
  const [described, lines] = isArtefact(path) ? await inspectArtefact(path) : await inspectFile(path, flags)
  document(described)
  if (!flags.json) say(...lines)
}

async function inspectArtefact(path: string): Promise<[unknown, string[]]> {
  const { loadArtefact } = await import('../artefact/file.ts')
  const artefact = await loadArtefact(path)
  await checkServing(artefact)
  const { size } = await stat(path)
  const { hash, parts, roles, trained, scores, catalogue, users, checkpoint } = artefact
  const tensors = Object.fromEntries(Object.entries(artefact.tensors).map(([name, { shape }]) => [name, [...shape]]))
  const items = {
    count: catalogue.ids.length,
    titles: catalogue.titles !== undefined,
    categories: catalogue.categories !== undefined,
    columns: Object.keys(catalogue.columns ?? {}),
  }
  const described = {
    kind: 'artefact',
    finished: checkpoint === undefined,
    bytes: size,
    hash,
    parts,
    roles,
    trained,
    scoresOf: scoresOf(trained.final ?? false),
    scores,
    items,
    users: { count: users?.ids.length ?? 0, columns: Object.keys(users?.columns ?? {}) },
    tensors,
  }
  return [described, artefactLines(path, artefact, size)]
}

/** What of people an artefact holds. */
function privacy(users: Artefact['users']): string {
  if (!users) return 'no user ids, no histories'
  const columns = Object.keys(users.columns ?? {}).join(', ')
  return `${plural(users.ids.length, 'user id')}${columns && ` with ${columns}`}, for the model reads users; no histories`
}

/** What cannot be served is not described as if it could. A model that the registry lacks is its author's to load. */
async function checkServing(artefact: Artefact): Promise<void> {
  const { definitions } = await import('../models/registry.ts')
  if (artefact.checkpoint || !definitions.some(({ name }) => name === artefact.parts[0].model)) return
  const { buildModel } = await import('../recommend/build.ts')
  const { selectEngine } = await import('../engine/select.ts')
  buildModel(await selectEngine(), artefact).variables[Symbol.dispose]()
}

function artefactLines(
  path: string,
  { hash, parts, roles, trained, scores, catalogue, users: known, checkpoint, tensors }: Artefact,
  size: number,
): string[] {
  const { rows, users, items, time, split, seed, log, final } = trained
  const has = [catalogue.titles && 'titles', catalogue.categories && 'categories'].filter(Boolean).join(' and ')
  const columns = Object.keys(catalogue.columns ?? {}).join(', ')
  const facts: [string, string][] = [
    ...parts.map(({ model, options }): [string, string] => ['model', `${model} ${listed(options)}`]),
    ['trained on', `${plural(rows, 'row')}, ${plural(users, 'user')}, ${plural(items, 'item')} of the log ${log.slice(0, 12)}…`],
    ...(time ? [['times', span(time.first, time.last, time.unit)] satisfies [string, string]] : []),
    ['split', `${split}, seed ${seed}${weightsOf(trained)}`],
    ['events', Object.keys(roles).length === 0 ? 'every row is read and predicted' : listed(roles)],
    ['catalogue', `${plural(catalogue.ids.length, 'item')}${has && ` with ${has}`}${columns && `, columns ${columns}`}; ${privacy(known)}`],
    ...Object.entries(scores).map(([part, { users, metrics }]): [string, string] => [
      final ? `${part} of the twin` : part,
      `${scored(metrics)} (${plural(users, 'user')})`,
    ]),
    ['hash', hash],
  ]
  const shapes = Object.entries(tensors).map(([name, { shape }]) => [name, `[${[...shape].join(', ')}]`])
  const kind = checkpoint === undefined ? 'an artefact' : 'the checkpoint of a run that `foci train --resume` can go on with'
  return [`${path}: ${kind}, ${bytes(size)}`, ...aligned(facts), '', ...table([['tensor', 'shape'], ...shapes])]
}

function weightsOf({ epochs, steps, final }: Artefact['trained']): string {
  if (final) return `; then fitted on all rows${steps === undefined ? '' : ` for ${plural(steps, 'step')}`}`
  return epochs === undefined ? '' : `, weights of epoch ${epochs}`
}

function scored(metrics: Artefact['scores'][string]['metrics']): string {
  const figure = ({ mean, low, high }: { mean: number; low?: number; high?: number }) =>
    low === undefined || high === undefined ? metric(mean) : interval({ mean, low, high })
  return Object.entries(metrics)
    .map(([name, score]) => `${name} ${figure(score)}`)
    .join(', ')
}

async function inspectFile(path: string, flags: InspectFlags): Promise<[unknown, string[]]> {
  const log = await readLog(path, flags)
  const { inspectLog } = await import('../data/inspect.ts')
  const report = inspectLog(log)
  const advice = report.advice.map(inFlags)
  return [{ kind: 'log', ...report, advice }, logLines(path, { ...report, advice })]
}

/** The API speaks of options, the command line of flags. */
function inFlags(advice: string): string {
  return advice.replace("seen: 'none'", '--seen none').replace('(target)', '(--target)').replace('(input)', '(--input)')
}

function logLines(path: string, report: LogReport): string[] {
  const { rows, users, items, itemsWithoutRows, ties, repeats, unit, times, lengths, shortUsers, cold, scenes, events, skipped, advice } =
    report
  const { itemColumns, userColumns } = report
  const { least, quarter, median, threeQuarters, nineTenths, most } = lengths
  const facts: [string, string][] = [
    ['rows', count(rows)],
    ['users', `${count(users)}, ${count(shortUsers)} of them with fewer than three rows`],
    ['items', `${count(items)}${itemsWithoutRows > 0 ? `, ${count(itemsWithoutRows)} of them in no row` : ''}`],
    ['times', span(times.first, times.last, unit)],
    ['rows a user', `${least} to ${most}; quartiles ${quarter}, ${median}, ${threeQuarters}; nine tenths have at most ${nineTenths}`],
    ['ties', `${percent(ties)} of the rows share their time with the one before`],
    ['repeats', `${percent(repeats)} of the rows name an item that the user had before`],
    ...(cold
      ? [['cold', `of the last tenth ${percent(cold.items)} are new items, ${percent(cold.users)} new users`] satisfies [string, string]]
      : []),
    ...(scenes ? [['scenes', listed(scenes)] satisfies [string, string]] : []),
    ...(events ? [['events', listed(events)] satisfies [string, string]] : []),
    ...(itemColumns ? [['item columns', columnList(itemColumns)] satisfies [string, string]] : []),
    ...(userColumns ? [['user columns', columnList(userColumns)] satisfies [string, string]] : []),
    ...(Object.keys(skipped).length > 0 ? [['skipped', listed(skipped)] satisfies [string, string]] : []),
  ]
  return [`${path}: a log`, ...aligned(facts), ...(advice.length > 0 ? ['', 'Advice'] : []), ...advice.map((line) => `- ${line}`)]
}

/** `price (number, 300 given), emb (vector of 8, 280 given)` */
function columnList(columns: NonNullable<LogReport['itemColumns']>): string {
  return Object.entries(columns)
    .map(([name, { kind, given, width }]) => `${name} (${kind}${width === undefined ? '' : ` of ${width}`}, ${count(given)} given)`)
    .join(', ')
}

function aligned(facts: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...facts.map(([name]) => name.length))
  return facts.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)
}

function listed(values: object): string {
  return Object.entries(values)
    .map(
      ([name, value]) =>
        `${name} ${typeof value === 'number' ? value.toLocaleString('en-US') : typeof value === 'string' ? value : JSON.stringify(value)}`,
    )
    .join(', ')
}

/** `2024-01-01 to 2024-03-30, written in seconds` */
function span(first: number, last: number, unit: TimeUnit): string {
  if (unit === 'ordinal') return `positions ${first} to ${last}`
  return `${day(first)} to ${day(last)}, written ${unit === 'iso' ? 'as ISO 8601' : `in ${unit}`}`
}

/** Dates reach further than JavaScript's. */
function day(time: number): string {
  const date = new Date(time * 1000)
  return Number.isNaN(date.getTime()) ? `${time} s` : date.toISOString().slice(0, 10)
}
