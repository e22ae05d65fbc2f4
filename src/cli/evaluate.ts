import type { FociCommand } from './command.ts'
import { choiceFlag, jsonFlag, wholeFlag } from './flags.ts'
import { seconds } from './format.ts'
import { type LogFlags, logFlags, readLog, roleFlags } from './log-flags.ts'
import { figuresOf, outputOf, reportTable } from './output.ts'
import { checkArtefact, checkLog } from './paths.ts'

interface EvaluateFlags extends LogFlags {
  readonly on: 'test' | 'validation'
  readonly k: number
  readonly json?: boolean
}

export function evaluateCommand(program: FociCommand): void {
  const command = program
    .command('evaluate')
    .description('how well an artefact ranks what users of a log took next')
    .argument('<file>', 'an artefact that `foci train` wrote')
    .argument('<log>', 'the log that it was trained on, or another of the same items')
    .addOption(choiceFlag('--on <part>', 'part of the split', ['test', 'validation'], 'test'))
    .addOption(wholeFlag('-k <count>', 'length of the lists that are judged', { min: 1, fallback: 10 }))
    .addOption(jsonFlag())
  logFlags(command)
  roleFlags(command)
  command.action(evaluate)
}

/** The split and the roles of event types are the artefact's, unless flags say otherwise. */
async function evaluate(file: string, path: string, flags: EvaluateFlags): Promise<void> {
  const { say, document } = outputOf(flags.json)
  checkArtefact(file)
  checkLog(path)
  const { loadArtefact } = await import('../artefact/file.ts')
  const { evaluateArtefact, refuseFinal } = await import('../evaluate/evaluate-artefact.ts')
  const artefact = await loadArtefact(file)
  refuseFinal(artefact)
  const log = await readLog(path, flags, artefact.roles)
  const start = performance.now()
  const report = await evaluateArtefact(artefact, log, { on: flags.on, k: flags.k, roles: log.roles })
  const spent = (performance.now() - start) / 1000
  const { model, ...figures } = figuresOf(report)
  document({ model, split: artefact.trained.split, ...figures, seconds: Math.round(1000 * spent) / 1000 })
  if (flags.json) return
  say(...reportTable([report]), `split ${artefact.trained.split}, all items that it may show, means with 95% intervals; ${seconds(spent)}`)
}
