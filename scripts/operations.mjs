// The interface of the engine's operations in TypeScript, made from the table in Rust: the build keeps it in step.
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const TABLE = 'crates/engine/src/operations.rs'
const INTERFACE = 'src/engine/operations.ts'

/** Writes the interface where it is not what the table says. */
export function writeOperations() {
  const text = operationsText()
  if (readFileSync(INTERFACE, 'utf8') !== text) writeFileSync(INTERFACE, text)
}

/** What `src/engine/operations.ts` holds. */
export function operationsText() {
  const parts = readFileSync(TABLE, 'utf8').matchAll(/\$each! \{\n([\s\S]*?)\n {8}\}/g)
  const [operations, training] = Array.from(parts, ([, body]) => entriesOf(body))
  for (const operation of training) insert(operations, operation)
  const sections = [...new Set(operations.map(({ section }) => section))]
  const within = (section) => operations.filter((operation) => operation.section === section)
  const methods = sections.map((section) => [`  // ${section}`, ...within(section).map(method)].join('\n'))
  return `// Made by scripts/operations.mjs from ${TABLE}: change it there.
import type { Id, Ids } from './engine.ts'

/** One function an operation. An argument that may be 0, no tensor, says so. */
export interface Operations {
${methods.join('\n\n')}
}

/** What the table says of an operation besides its type. */
export interface Signature {
  /** Which of the arguments are tensors. */
  readonly tensors: readonly number[]
  readonly gives: 'tensors' | 'number' | 'nothing'
  /** Whether builds that only serve leave it out. */
  readonly training?: true
}

export const signatures = {
${sections.flatMap((section) => within(section).map(signature)).join('\n')}
} as const satisfies Readonly<Record<keyof Operations, Signature>>

/** The operations that builds which only serve leave out. */
export type Training = {
  [Op in keyof Operations]: (typeof signatures)[Op] extends { training: true } ? Op : never
}[keyof Operations]
`
}

/** The operations of one part of the table, each with the section that it stands in. */
function entriesOf(body) {
  const entries = []
  let [section, doc] = ['', []]
  for (const [, line, title, name, list, result] of body.matchAll(/\/\/\/ ?(.*)|\/\/ (.*)|"(\w+)" \(([^)]*)\) -> ([^;]+);/g)) {
    if (title !== undefined) section = title
    else if (line !== undefined) doc.push(line)
    else {
      entries.push({ section, doc, name, arguments: argumentsOf(list), result })
      doc = []
    }
  }
  return entries
}

const argumentsOf = (list) =>
  [...list.matchAll(/(\w+): (\w+)/g)].map(([, name, type]) => ({ name: name.replace(/_(\w)/g, (_, c) => c.toUpperCase()), type }))

/** Puts an operation of training behind the one of its section that its name begins with, or behind all of them. */
function insert(operations, operation) {
  const near = operations.filter(({ section }) => section === operation.section)
  const own = near.findLast(({ name, training }) => !training && operation.name.startsWith(name))?.name
  const before = operations.findLastIndex((other) => (own ? [other.name, other.of].includes(own) : near.includes(other)))
  operations.splice(before < 0 ? operations.length : before + 1, 0, { ...operation, of: own, training: true })
}

function method({ doc, name, arguments: list, result }) {
  const type = { Id: 'Id', Ids: 'Ids', f64: 'number', '()': 'void' }[result]
  const parameters = list.map(({ name, type }) => `${name}: ${type === 'Id' ? 'Id' : 'number'}`)
  const line = `  ${name}(${parameters.join(', ')}): ${type}`
  const call = line.length <= 140 ? line : `  ${name}(\n${parameters.map((one) => `    ${one},\n`).join('')}  ): ${type}`
  if (doc.length === 0) return call
  if (doc.length === 1) return `  /** ${doc[0]} */\n${call}`
  return `  /**\n${doc.map((text) => `   * ${text}`.trimEnd()).join('\n')}\n   */\n${call}`
}

function signature({ name, arguments: list, result, training }) {
  const tensors = list.flatMap(({ type }, at) => (type === 'Id' ? [at] : []))
  const gives = { f64: 'number', '()': 'nothing' }[result] ?? 'tensors'
  return `  ${name}: { tensors: [${tensors.join(', ')}], gives: '${gives}'${training ? ', training: true' : ''} },`
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeOperations()
