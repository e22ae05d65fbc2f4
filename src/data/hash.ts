import type { Interactions } from './interactions.ts'

/** SHA-256 over the columns, each with its name and length, so that equal bytes in other columns give another hash. */
export function hashColumns(log: Omit<Interactions, 'hash' | 'roles' | 'skipped' | 'unit'>): string {
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256') // imported, it would take milliseconds of each start
  const texts = { users: log.users, items: log.catalogue.ids, scenes: log.sceneNames, events: log.eventNames }
  for (const [name, ids] of Object.entries(texts)) {
    if (ids === undefined) continue
    hash.update(`${name} ids ${ids.length}\n`)
    for (let start = 0; start < ids.length; start += 4096) hash.update(lines(ids.slice(start, start + 4096)))
  }
  const { offsets, items, times, scenes, events, values } = log
  for (const [name, column] of Object.entries({ offsets, items, times, scenes, events, values })) {
    if (column === undefined) continue
    hash.update(`${name} ${column.length}\n`)
    hash.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength))
  }
  return hash.digest('hex')
}

/** Ids as JSON, one a line. Those that need no escapes, as most do, are written together. */
function lines(ids: readonly string[]): string {
  if (escaped.test(ids.join(''))) return ids.map((id) => `${JSON.stringify(id)}\n`).join('')
  return `"${ids.join('"\n"')}"\n`
}

/** Anything but characters that JSON writes as they are; surrogates by twos are such too. */
const escaped = /[^ !#-[\]-\ud7ff\ue000-\uffff]/
