import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'

const FOLDER = 'bench/results'

/** What a figure was measured on. */
export const machine = (): string => `${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.version}`

/** Rows that an earlier run of the bench left, or none. */
export function readRows<Row>(topic: string): Row[] {
  try {
    return JSON.parse(readFileSync(`${FOLDER}/${topic}.json`, 'utf8')) as Row[]
  } catch {
    return []
  }
}

/** Writes rows as JSON and a page of Markdown, each beside and renamed. */
export function writeResults<Row>(topic: string, rows: readonly Row[], page: string): void {
  mkdirSync(FOLDER, { recursive: true })
  replace(`${FOLDER}/${topic}.json`, `${JSON.stringify(rows, null, 1)}\n`)
  replace(`${FOLDER}/${topic}.md`, page)
}

export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function replace(path: string, text: string): void {
  writeFileSync(`${path}.partial`, text)
  renameSync(`${path}.partial`, path)
}
