import { catalogueOf } from '../../src/data/catalogue.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { type Counts, counting } from '../../src/models/adapters.ts'
import type { Histories, Model } from '../../src/models/contracts.ts'
import { buildSpec, type ModelSpec } from '../../src/models/define.ts'
import { Bits } from '../../src/recommend/bits.ts'
import { type Served, servedOn } from '../../src/recommend/served.ts'
import { casesOf, type Split } from '../../src/split/split.ts'
import { scope, Tensor } from '../../src/tensor/tensor.ts'
import { type Source, Variables } from '../../src/tensor/variables.ts'
import { loadReference } from '../engine/reference.ts'

/** A log of users given by their items, V of them in the catalogue, with the last two rows of each user held out. */
export function smallSplit(users: readonly (readonly number[])[], V: number): Split {
  const offsets = [0]
  for (const items of users) offsets.push(offsets[offsets.length - 1] + items.length)
  const asked = Int32Array.from(users.keys())
  const held = (last: number) =>
    casesOf(
      users.map((items, user) => {
        const end = offsets[user + 1] - last
        return { user, end, row: end, relevant: items.slice(-last).slice(0, 1) }
      }),
    )
  return {
    name: 'leave-one-out',
    log: {
      users: users.map((_, u) => `user-${u}`),
      catalogue: catalogueOf(Array.from({ length: V }, (_, i) => `item-${i}`)),
      offsets: Int32Array.from(offsets),
      items: Int32Array.from(users.flat()),
      times: Float64Array.from(users.flatMap((items) => [...items.keys()])),
      unit: 'ordinal',
      roles: {},
      skipped: {},
      hash: '',
    },
    trainEnd: asked.map((u) => offsets[u + 1] - 2),
    validation: held(2),
    test: held(1),
  }
}

/** What serves a model that counts, as if every item were trained. */
export function servedCounts(engine: Engine, scores: Counts['scores'], split: Split, { everyItem = true } = {}): Served {
  const items = split.log.catalogue.size
  const variables = new Variables(engine, { seed: 1 })
  const model = { maxLength: 1000, ...counting({ fit: () => undefined, scores }, { engine, items, variables }) }
  const served = servedOn(engine, split, { name: 'test', model, needs: {}, items, variables, parts: [] })
  const popular = Int32Array.from({ length: items }, (_, i) => i)
  return everyItem ? { ...served, popular, trained: Bits.of(items, popular) } : served
}

/** A scorer on the reference engine, with its variables and a way to score lists of items. */
export function smallScorer({ definition, options }: ModelSpec, V: number, source: Source = { seed: 1 }) {
  const engine = loadReference()
  const variables = new Variables(engine, source)
  const { model } = buildSpec({ definition, options }, { engine, items: V, variables })
  const { learner } = model
  if (learner.by !== 'counting') throw new TypeError(`${definition.name} does not count`)
  return { fit: learner.fit, variables, score: (...histories: number[][]) => scope(engine, () => scored(model, histories)) }

  /** [B][V] */
  function scored(scorer: Model, lists: readonly number[][]): number[][] {
    const ends = lists.map((_, b) => lists.slice(0, b + 1).flat().length)
    const histories: Histories = {
      items: Tensor.int32(engine, Int32Array.from(lists.flat())),
      offsets: Tensor.int32(engine, Int32Array.of(0, ...ends)),
    }
    const every = Int32Array.from({ length: lists.length * V }, (_, i) => i % V)
    const offsets = Int32Array.from({ length: lists.length + 1 }, (_, b) => b * V)
    const candidates = { items: Tensor.int32(engine, every), offsets: Tensor.int32(engine, offsets) }
    const values = scorer.score(histories, {}, candidates).float32()
    return lists.map((_, b) => [...values.subarray(b * V, (b + 1) * V)])
  }
}
