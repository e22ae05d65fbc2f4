import { describe, expect, it } from 'vitest'
import { integers } from '../../src/data/random.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { loadNative } from '../../src/engine/native.ts'
import { loadWasm } from '../../src/engine/wasm.ts'
import type { Model } from '../../src/models/contracts.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { scope, Tensor } from '../../src/tensor/tensor.ts'
import { Variables } from '../../src/tensor/variables.ts'

const V = 1000
const USERS = 517
const LONGEST = 300

/** Lengths 1 to 300, each at least once. */
const histories = Array.from({ length: USERS }, (_, u) => integers(1 + ((u * 7) % LONGEST), V, 9, u))

function encode(engine: Engine, model: Model, lists: readonly Int32Array[]): Float32Array {
  const offsets = new Int32Array(lists.length + 1)
  for (const [b, list] of lists.entries()) offsets[b + 1] = offsets[b] + list.length
  const items = new Int32Array(offsets[lists.length])
  for (const [b, list] of lists.entries()) items.set(list, offsets[b])
  return scope(engine, () => {
    const jagged = { items: Tensor.int32(engine, items), offsets: Tensor.int32(engine, offsets) }
    return (model as Required<Model>).interests(jagged, {}).vectors.float32()
  })
}

const engines: readonly (readonly [string, () => Promise<Engine>])[] = [
  ['native', async () => loadNative()],
  ['wasm', loadWasm],
]
describe.each(engines)('sasrec on %s', (_, load) => {
  it.each([7, 64, 100])('gives a user alone the bits of a batch of 517, at width %i', async (dim) => {
    const engine = await load()
    using variables = new Variables(engine, { seed: 2 })
    const spec = sasrec({ dim, maxLength: LONGEST })
    const model = spec.definition.build(spec.options, { engine, items: V, variables })
    const together = encode(engine, model, histories)
    const differing = histories.filter((history, u) => {
      const alone = encode(engine, model, [history])
      return Buffer.compare(Buffer.from(alone.buffer), Buffer.from(together.slice(u * dim, (u + 1) * dim).buffer)) !== 0
    })
    expect(new Set(histories.map((history) => history.length)).size).toBe(LONGEST)
    expect(differing).toEqual([])
  })
})
