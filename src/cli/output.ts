import type { ReportRow } from '../evaluate/evaluate.ts'
import { json, printable } from './escape.ts'
import { interval, percent, plural, table } from './format.ts'

/** Where a command speaks: with `--json` standard output is left to the one document. */
export interface Output {
  /** Lines for people. */
  say(...texts: string[]): void
  /** The document, where `--json` asks for it. */
  document(value: unknown): void
}

export function outputOf(asJson: boolean | undefined): Output {
  const lines = asJson ? process.stderr : process.stdout
  return {
    say: (...texts) => void lines.write(texts.map((text) => `${printable(text)}\n`).join('')),
    document: (value) => void (asJson && process.stdout.write(`${json(value)}\n`)),
  }
}

/** What is worth knowing though nothing failed; never on standard output. */
export function note(text: string): void {
  process.stderr.write(`note: ${printable(text)}\n`)
}

/** What documents tell of a row of a report. */
export function figuresOf({ on: _, ...row }: ReportRow) {
  return row
}

/** Whose scores a document gives: final weights have none of their own. */
export function scoresOf(final: boolean): 'twin' | 'artefact' {
  return final ? 'twin' : 'artefact'
}

/** The figures of models side by side, all of the same part and users, and what to know of them. */
export function reportTable(rows: readonly ReportRow[]): string[] {
  const [{ on, warm, cold }] = rows
  const heading = `${on}, ${plural(rows[0].users, 'user')}`
  if (!warm || !cold) return [...modelsDown(heading, rows), ...labelLines(rows), ...rows.flatMap(interestNote), ...missNotes(rows[0])]
  const groups = [
    [heading, rows],
    [`with a history, ${plural(warm.users, 'user')}`, rows.map((row) => ({ ...row, ...row.warm }))],
    [`without one, ${plural(cold.users, 'user')}`, rows.map((row) => ({ ...row, ...row.cold }))],
  ] as const
  return [
    ...modelsAcross(warm.users > 0 && cold.users > 0 ? groups : groups.slice(0, 1)),
    ...labelLines(rows),
    ...rows.flatMap(interestNote),
    historyNote(warm.users, cold.users),
    ...missNotes(rows[0]),
  ]
}

function historyNote(warm: number, cold: number): string {
  if (cold === 0) return 'Every user has a history before the cut.'
  const who = warm === 0 ? 'No user has a history before the cut: all' : 'Users without a history before the cut'
  return `${who} are given the popular items of the training rows, as the service gives them.`
}

function modelsDown(heading: string, rows: readonly ReportRow[]): string[] {
  const names = Object.keys(rows[0].metrics)
  return table([[heading, ...names], ...rows.map((row) => [row.model, ...names.map((name) => interval(row.metrics[name]))])])
}

/** How rankers tell what was wanted from what was not. */
function labelLines(rows: readonly ReportRow[]): string[] {
  const rankers = rows.flatMap(({ model, labels }) => (labels && labels.users > 0 ? [{ model, ...labels }] : []))
  if (rankers.length === 0) return []
  const names = Object.keys(rankers[0].metrics)
  const lines = rankers.map(({ model, metrics }) => [model, ...names.map((name) => interval(metrics[name]))])
  return table([[`labelled candidates, ${plural(rankers[0].users, 'user')}`, ...names], ...lines])
}

/** Whether interests are several. */
function interestNote({ model, interests }: ReportRow): string[] {
  if (!interests) return []
  const { users, interests: count, cosine, effective, dead, unique } = interests
  const won = `${effective.toFixed(1)} of ${count} by the targets that they are nearest to (${Math.round(dead * count)} dead)`
  return [
    `interests of ${model}, ${plural(users, 'user')}: ${won}, mean cosine ${cosine.toFixed(2)}, ${percent(unique)} of a list found by one alone`,
  ]
}

/** Six metrics with intervals would not fit beside each other. */
function modelsAcross(groups: readonly (readonly [heading: string, rows: readonly ReportRow[]])[]): string[] {
  const [[first, models], ...more] = groups
  const lines = (rows: readonly ReportRow[]) =>
    Object.keys(rows[0].metrics).map((name) => [`  ${name}`, ...rows.map(({ metrics }) => interval(metrics[name]))])
  const blank = models.map(() => '')
  return table([
    [first, ...models.map(({ model }) => model)],
    ...lines(models),
    ...more.flatMap(([heading, rows]) => [[heading, ...blank], ...lines(rows)]),
  ])
}

/** What no model could have found. */
function missNotes({ seenTargets, untrainedTargets, unknownTargets }: ReportRow): string[] {
  const notes = [
    [untrainedTargets, 'are items that are no target of a training row; they are not shown, and count as misses.'],
    [unknownTargets, 'are items that the artefact does not know at all.'],
    [seenTargets, 'had been seen before, and the seen filter makes them misses.'],
  ] as const
  return notes.flatMap(([share, what]) => (share > 0 ? [`${percent(share)} of the targets ${what}`] : []))
}
