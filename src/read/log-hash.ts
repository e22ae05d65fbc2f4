import type { Interactions } from '../data/interactions.ts'
import { type Column, rowsOf } from '../data/table-columns.ts'
import { logAddon } from '../engine/log-addon.ts'

/** SHA-256 over the columns, each with its name and length, so that equal bytes in other columns give another hash. */
export function hashColumns(log: Omit<Interactions, 'hash' | 'roles' | 'skipped' | 'unit'>): string {
  const hash = newHash()
  const add = (text: string) => hash.update(Buffer.from(text))
  const texts = { users: log.users, items: log.catalogue.ids, scenes: log.sceneNames, events: log.eventNames }
  for (const [name, ids] of Object.entries(texts)) {
    if (ids === undefined) continue
    add(`${name} ids ${ids.length}\n`)
    for (let start = 0; start < ids.length; start += 4096) add(lines(ids.slice(start, start + 4096)))
  }
  const { offsets, items, times, scenes, events, values } = log
  for (const [name, column] of Object.entries({ offsets, items, times, scenes, events, values })) {
    if (column === undefined) continue
    add(`${name} ${column.length}\n`)
    hash.update(bytesOf(column))
  }
  for (const [what, columns] of Object.entries({ items: log.catalogue.columns, users: log.userColumns })) {
    for (const [name, column] of Object.entries(columns ?? {})) addColumn(hash, `${what} column ${JSON.stringify(name)}`, column)
  }
  return hash.digest('hex')
}

function addColumn(hash: Hash, what: string, column: Column): void {
  const add = (text: string) => hash.update(Buffer.from(text))
  add(`${what} ${column.kind} ${rowsOf(column)} ${column.of.length}\n`)
  if (column.kind === 'words') {
    for (let start = 0; start < column.of.length; start += 4096) add(JSON.stringify(column.of.slice(start, start + 4096)))
    return
  }
  hash.update(bytesOf(column.of))
  if (column.kind === 'vector') hash.update(bytesOf(column.given))
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength)

export interface Hash {
  update(bytes: Uint8Array): void
  /** Another that goes on from the same bytes. */
  copy(): Hash
  digest(encoding: 'hex'): string
}

/** SHA-256: the addon's, or Node's where there is none, for which a module is loaded first. */
export function newHash(): Hash {
  const addon = logAddon()
  return addon ? new addon.Sha256() : process.getBuiltinModule('node:crypto').createHash('sha256')
}

/** Ids as JSON, one a line. Those that need no escapes, as most do, are written together. */
function lines(ids: readonly string[]): string {
  if (escaped.test(ids.join(''))) return ids.map((id) => `${JSON.stringify(id)}\n`).join('')
  return `"${ids.join('"\n"')}"\n`
}

/** Anything but characters that JSON writes as they are; surrogates by twos are such too. */
const escaped = /[^ !#-[\]-\ud7ff\ue000-\uffff]/
