import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'

const FOLDER = 'bench/results'

/** Extensions of instruction sets that products of matrices may use. */
const EXTENSIONS = ['avx2', 'fma', 'avx512f', 'avx512_bf16', 'asimd', 'bf16', 'sve']

/** What a figure was measured on. */
export function machine(): string {
  const { family, model, flags } = cpuInfo()
  const kind = family && model ? [`family ${family} model ${model}`] : []
  const extensions = EXTENSIONS.filter((name) => flags.includes(name))
  const details = [...kind, ...(extensions.length > 0 ? [extensions.join(' ')] : [])].join(', ')
  const cpu = `${cpus().length} × ${cpus()[0].model.trim()}${details && ` (${details})`}`
  return `${cpu}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`
}

/** Linux tells what the name of a virtual machine's CPU often leaves out. */
function cpuInfo(): { family?: string; model?: string; flags: readonly string[] } {
  try {
    const text = readFileSync('/proc/cpuinfo', 'utf8')
    const find = (key: string) => text.match(new RegExp(`^${key}\\s*: (.*)$`, 'm'))?.[1]
    return { family: find('cpu family'), model: find('model'), flags: (find('flags') ?? find('Features') ?? '').split(' ') }
  } catch {
    return { flags: [] }
  }
}

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
