/** foci's side of the retrieval bench: the op that serving ends with, over a frozen table. */
import { readFileSync } from 'node:fs'
import { loadNative } from '#foci/engine/native.js'
import { fociVersion, job, milliseconds, report } from '../outcome.ts'
import type { OwnRetrieval } from '../retrieval.bench.ts'

const { numbers, items, dim, k, queries, interests, codes } = job<OwnRetrieval>()
const engine = loadNative()
const shape = (...extents: number[]) => Uint32Array.from(extents)
const bytes = readFileSync(numbers)
const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
const table = engine.freeze('bench', 'items', values.subarray(0, items * dim), shape(items, dim))
engine.openScope() // holds the codes while the process lives
const quantized = codes ? engine.quantize(table) : 0
const vectors = values.slice(items * dim, (items + queries) * dim)
const users = interests ? 1 : queries
const bounds = Int32Array.from({ length: users + 1 }, (_, user) => (user * queries) / users)

const call = () => {
  engine.openScope()
  const ints = (list: Int32Array) => engine.fromInt32(list, shape(list.length))
  const asked = engine.fromFloat32(vectors, shape(queries, dim))
  const [found, scores] = Array.from(
    engine.topK(asked, ints(bounds), table, k, ints(new Int32Array()), ints(new Int32Array(users + 1)), 0, quantized),
  )
  const answer = { items: engine.readInt32(found), scores: engine.readFloat32(scores) }
  engine.closeScope(shape())
  return answer
}
const { items: found, scores } = call()
const rows = <T extends Int32Array | Float32Array>(of: T) =>
  Array.from({ length: users }, (_, user) => Array.from(of.subarray(user * k, user * k + k)))
report(fociVersion, { ms: milliseconds(call) }, { items: rows(found), scores: rows(scores) })
