/** Places that are looked at for an id before a table gives up, and a map takes over. */
const MOST = 64

/**
 * The index of each id by a table of whole numbers. A map keeps its keys with what they stand for, several times the memory, and
 * among a million of look-ups most of the time goes by waiting for it.
 */
export function indexOfIds(ids: readonly string[]): (id: string) => number {
  const table = tableOf(ids)
  if (!table) {
    const map = new Map(ids.map((id, index) => [id, index]))
    return (id) => map.get(id) ?? -1
  }
  const last = table.length - 1
  return (id) => {
    let place = hashOf(id) & last
    for (let index = table[place]; index >= 0; index = table[place]) {
      if (ids[index] === id) return index
      place = (place + 1) & last
    }
    return -1
  }
}

/** Each index at the first free place from its id's hash on; undefined where somebody chose ids that all have one hash. */
function tableOf(ids: readonly string[]): Int32Array | undefined {
  const table = new Int32Array(2 ** Math.ceil(Math.log2(2 * ids.length + 1))).fill(-1)
  const last = table.length - 1
  for (let index = 0; index < ids.length; index++) {
    let [place, looked] = [hashOf(ids[index]) & last, 0]
    while (table[place] >= 0) {
      if (++looked > MOST) return undefined
      place = (place + 1) & last
    }
    table[place] = index
  }
  return table
}

function hashOf(id: string): number {
  let hash = id.length
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) | 0
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}
