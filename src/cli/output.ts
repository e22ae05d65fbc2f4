import type { ReportRow } from '../evaluate/evaluate.ts'
import { count, interval, printable, table } from './format.ts'

/** Where a command speaks: with `--json` standard output is left to the one document. */
export interface Output {
  /** Lines for people. */
  say(...texts: string[]): void
  /** The document, where `--json` asks for it. */
  document(value: unknown): void
}

export function outputOf(json: boolean | undefined): Output {
  const lines = json ? process.stderr : process.stdout
  return {
    say: (...texts) => void lines.write(texts.map((text) => `${printable(text)}\n`).join('')),
    document: (value) => void (json && process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)),
  }
}

/** What is worth knowing though nothing failed; never on standard output. */
export function note(text: string): void {
  process.stderr.write(`note: ${printable(text)}\n`)
}

/** The figures of models side by side, all of the same part and users. */
export function reportTable(rows: readonly ReportRow[]): string[] {
  const names = Object.keys(rows[0].metrics)
  const heading = [`${rows[0].on}, ${count(rows[0].users)} users`, ...names]
  const lines = table([heading, ...rows.map((row) => [row.model, ...names.map((name) => interval(row.metrics[name]))])])
  const { seenTargets } = rows[0]
  const note = `${(100 * seenTargets).toFixed(1)}% of the targets had been seen before, and the seen filter makes them misses.`
  return seenTargets > 0 ? [...lines, note] : lines
}
