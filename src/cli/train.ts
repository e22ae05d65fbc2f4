import { existsSync } from 'node:fs'
import { Option } from 'commander'
import type { Interactions } from '../data/interactions.ts'
import type { ProfileReport } from '../engine/profile.ts'
import { FociError } from '../errors.ts'
import type { ModelSpec } from '../models/define.ts'
import type { EpochReport, FinalEpochReport, StepReport, TrainSettings } from '../train/settings.ts'
import type { Run } from '../train/train.ts'
import { type FociCommand, required } from './command.ts'
import { shellWord } from './escape.ts'
import { Stopped } from './failure.ts'
import { choiceFlag, jsonFlag, wholeFlag } from './flags.ts'
import { bytes, count, metric, plural, seconds, table } from './format.ts'
import { type LogFlags, logFlags, readLog, roleFlags } from './log-flags.ts'
import type { Choice } from './model-choice.ts'
import { figuresOf, note, type Output, outputOf, reportTable, scoresOf } from './output.ts'
import { checkLog } from './paths.ts'
import { progress } from './progress.ts'
import { endBy, endWith, type Reason, stopBy } from './signals.ts'

interface TrainFlags extends LogFlags, Partial<Omit<TrainSettings, 'model'>> {
  readonly model?: string
  readonly out?: string
  readonly resume?: boolean
  /** Whether any file at `out` is replaced. */
  readonly force?: boolean
  readonly json?: boolean
}

const STOPPING = '\nCtrl-C, SIGTERM and SIGHUP stop after the step and leave its state beside the artefact; --resume goes on from there.'
const OPTIONS = 'A model has options of its own: `foci train --model NAME --help` or `foci models NAME` shows them.'

/** @param words the command line: the flags of the model that it names are flags of the command */
export async function trainCommand(program: FociCommand, words: readonly string[]): Promise<void> {
  const command = program
    .command('train')
    .usage('[options] <log>')
    .description('learn from a log and write an artefact')
    .argument('<log>', 'CSV, Parquet or JSON lines file of user, item, timestamp')
  // Other commands need neither the models nor the defaults, and start faster without
  if (
    words
      .filter((word) => !word.startsWith('-'))
      .slice(0, 2)
      .includes('train')
  )
    await addFlags(command, words)
}

async function addFlags(command: FociCommand, words: readonly string[]): Promise<void> {
  const { splitName } = await import('../split/cut.ts')
  const { defaults } = await import('../train/train.ts')
  const { precisions } = await import('../engine/engine.ts')
  const { jointOf, strangerHints } = await import('./model-flags.ts')
  const { choiceFlags, chooseModels } = await import('./model-choice.ts')
  const choice = chooseModels(words)
  const { first, second } = choice
  command
    .option('--model <name>', 'the model; `foci models` lists them, `foci models NAME` shows the options of one')
    .option('--then <name>', 'a model that ranks what --model finds; its options are --then-OPTION')
    .option('--with <name>', 'a model whose scores are added to those of --model; its options are --with-OPTION')
    .option('--out <file>', 'where the artefact goes')
    .addOption(
      new Option('--split <name>', 'how the log is cut: leave-one-out, or time:A,B at the times of these shares of the rows')
        .argParser((text: string) => splitName(text, '--split'))
        .default(defaults.split),
    )
    .addOption(wholeFlag('--seed <number>', 'equal seeds give equal artefacts', { min: 0, max: 0xffffffff, fallback: defaults.seed }))
    .addOption(
      choiceFlag('--precision <name>', 'what training multiplies in; bf16 is faster where the CPU has it', precisions, defaults.precision),
    )
    .option('--final', 'then fit a fresh model on all rows, for as many steps as the split says; the figures stay those of the split')
    .option('--resume', 'go on from the checkpoint of a run that was stopped')
    .option('--force', 'replace what stands at --out, though it is no artefact')
    .addOption(jsonFlag())
  logFlags(command)
  roleFlags(command)
  for (const flag of choiceFlags(choice)) command.addOption(flag)
  command.hints = {
    '--model': '`foci models` lists the models; `--model sasrec` is a good first choice.',
    '--out': 'Say where the artefact goes, such as `--out shop.safetensors`.',
    ...strangerHints([first, second?.definition, second && jointOf(second.flag)]),
  }
  command.addHelpText('after', first ? STOPPING : `${STOPPING}\n${OPTIONS}`)
  command.action((log: string, flags: TrainFlags) => trainOn(log, flags, choice, command, words))
}

async function trainOn(
  path: string,
  flags: TrainFlags,
  { first, second }: Choice,
  command: FociCommand,
  words: readonly string[],
): Promise<void> {
  const { specOfFlags } = await import('./model-choice.ts')
  const model = required(command, first, '--model')
  const out = required(command, flags.out, '--out')
  const spec = specOfFlags(model, second, { ...flags })
  checkLog(path)
  const { checkOutput } = await import('./out-file.ts')
  const { isFinished } = await import('../artefact/file.ts')
  const inputs = { log: path, 'items table': flags.items, 'users table': flags.users }
  checkOutput({ out, beside: `${out}.checkpoint`, inputs, what: 'artefact', isOurs: isFinished, force: flags.force })
  endBy((reason) => stopped(reason, flags.resume ? `${out}.checkpoint` : undefined, words))
  const { whileLocked } = await import('../files/lock.ts')
  await whileLocked(out, 'foci train', () => trainInto(out, path, spec, flags, words))
}

/** Trains, and saves while nobody else writes there. */
async function trainInto(out: string, path: string, spec: ModelSpec, flags: TrainFlags, words: readonly string[]): Promise<void> {
  const output = outputOf(flags.json)
  const checkpoint = `${out}.checkpoint`
  const log = await readLog(path, flags)
  const { unusedColumns } = await import('../models/features.ts')
  const { needsOf } = await import('../models/define.ts')
  describeLog(path, log, output)
  for (const each of unusedColumns(spec.definition.name, log, needsOf(spec))) note(`${each}.`)
  const run = await fit(log, spec, flags, checkpoint, output, words)
  if (run.precision !== flags.precision) note(`this CPU does not gain by ${flags.precision}, so training was in ${run.precision}.`)
  await run.save(out, { force: flags.force, locked: true })
  endWith(out)
  output.document(document(out, log, spec, flags, run))
  conclude(out, log, run, flags, output)
  if (run.profile) showProfile(run.profile)
}

/** On standard error, whatever else is printed where. */
function showProfile({ title, head, rows }: ProfileReport): void {
  process.stderr.write(`\n${[title, '', ...table([head, ...rows])].join('\n')}\n`)
}

/** Trains until the end, or until it is asked to stop. */
async function fit(
  log: Interactions,
  model: ModelSpec,
  flags: TrainFlags,
  checkpoint: string,
  { say }: Output,
  words: readonly string[],
): Promise<Run> {
  const { train } = await import('../train/train.ts')
  const { split, seed, precision, final, resume } = flags
  const { trainingIn } = await import('./model-choice.ts')
  // What is given for one of two models is in its spec
  const given = model.parts ? {} : trainingIn({ ...flags })
  if (resume && !existsSync(checkpoint)) note(`there is no ${checkpoint} to go on from, so the run starts at the beginning.`)
  const bar = await progress()
  const stop = new AbortController()
  let why: Reason | undefined
  stopBy((reason) => {
    why = reason
    stop.abort()
    bar.clear()
  })
  say(`Training ${model.definition.name}${optionText(model)} on ${split}, seed ${seed}${final ? ', then on all rows' : ''}.`)
  const onEpoch = (epoch: EpochReport): void => {
    bar.clear()
    say(epochLine(epoch, model, flags.judge))
  }
  const onFinalEpoch = (epoch: FinalEpochReport): void => {
    bar.clear()
    say(finalEpochLine(epoch))
  }
  // A bar that is up when the process is killed would leave the terminal without line wrap
  const onStep = (step: StepReport): void => {
    if (!stop.signal.aborted) bar.step(step)
  }
  try {
    const settings = { ...given, split, seed, precision, final }
    return await train(log, { ...settings, model, checkpoint, resume, signal: stop.signal, onEpoch, onFinalEpoch, onStep })
  } catch (error) {
    throw why && error instanceof FociError && error.code === 'ABORTED' ? stopped(why, checkpoint, words) : error
  } finally {
    bar.clear()
  }
}

function stopped(reason: Reason, checkpoint: string | undefined, words: readonly string[]): Stopped {
  const again = ['foci', ...words.filter((word) => word !== '--resume')].map(shellWord).join(' ')
  if (checkpoint === undefined || !existsSync(checkpoint))
    return new Stopped(reason, 'training was stopped before there was anything to keep', `Start it again with: ${again}`)
  return new Stopped(reason, `training was stopped, and its state is in ${checkpoint}`, `Go on with: ${again} --resume`)
}

function describeLog(path: string, { items, users, catalogue, unit, skipped }: Interactions, { say }: Output): void {
  const times = unit === 'ordinal' ? 'times are positions' : unit === 'iso' ? 'times in ISO 8601' : `times in ${unit}`
  say(`Read ${path}: ${plural(items.length, 'row')}, ${plural(users.length, 'user')}, ${plural(catalogue.size, 'item')}, ${times}.`)
  const reasons = Object.entries(skipped)
  if (reasons.length > 0) say(`Skipped: ${reasons.map(([reason, rows]) => `${count(rows)} × ${reason}`).join(', ')}.`)
}

function optionText({ options, parts = [] }: ModelSpec): string {
  const list = Object.entries(options).map(([key, value]) => `${key} ${value}`)
  const of = parts.map((part) => `${part.definition.name}${optionText(part)}`)
  return `${list.length > 0 ? ` (${list.join(', ')})` : ''}${of.length > 0 ? ` of ${of.join(' and ')}` : ''}`
}

function epochLine({ model: name, epoch, loss, validation, best, seconds: spent }: EpochReport, spec: ModelSpec, asked?: string): string {
  const { definition, training } = spec.parts?.find((part) => part.definition.name === name) ?? spec
  const judge = training?.judge ?? asked ?? definition.training.judge
  const mark = best ? '*' : ' '
  const head = `${name ? `${name} ` : ''}epoch ${String(epoch).padStart(3)}`
  return `${head}  loss ${loss.toFixed(4)}  validation ${judge} ${metric(validation[judge])} ${mark} ${seconds(spent)}`
}

function finalEpochLine({ epoch, loss, step, steps, seconds: spent }: FinalEpochReport): string {
  return `all rows, epoch ${String(epoch).padStart(3)}  loss ${loss.toFixed(4)}  step ${count(step)} of ${count(steps)}  ${seconds(spent)}`
}

function document(
  artefact: string,
  log: Interactions,
  { definition, options }: ModelSpec,
  flags: TrainFlags,
  { epochs, report, precision }: Run,
) {
  const { split, seed, final = false } = flags
  const { items, users, catalogue, unit, skipped, hash } = log
  const trainedOn = { rows: items.length, users: users.length, items: catalogue.size, unit, skipped, hash }
  const test = report.map(figuresOf)
  const how = { options, split, seed, precision, final }
  return { artefact, model: definition.name, ...how, trainedOn, epochs, scoresOf: scoresOf(final), test }
}

function conclude(out: string, log: Interactions, { report, artefact }: Run, { split, final }: TrainFlags, { say }: Output): void {
  say('', ...reportTable(report), '', 'Whole catalogue, means over users with 95% intervals.')
  if (final) say(`The figures are those of the twin, fitted on ${split}: the weights that were saved have seen every row.`)
  say(`Saved ${out} (${bytes(artefact.byteLength)}).`)
  say(`Next: foci recommend ${shellWord(out)} ${historyFlag(log)}`)
}

/** Begins with the first item of the first user, so that the line can be pasted and works. */
function historyFlag({ catalogue, items }: Interactions): string {
  const id = catalogue.ids[items[0]]
  return id.startsWith('-') ? `--history=${shellWord(id)}` : `--history ${shellWord(id)}`
}
