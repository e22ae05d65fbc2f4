import { catalogueOf } from '../../src/data/catalogue.ts'
import type { Histories, Scorer } from '../../src/models/contracts.ts'
import { buildSpec, type ModelSpec } from '../../src/models/define.ts'
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
    casesOf(users.map((items, user) => ({ user, end: offsets[user + 1] - last, relevant: items.slice(-last).slice(0, 1) })))
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

/** A scorer on the reference engine, with its variables and a way to score lists of items. */
export function smallScorer({ definition, options }: ModelSpec, V: number, source: Source = { seed: 1 }) {
  const engine = loadReference()
  const variables = new Variables(engine, source)
  const model = buildSpec({ definition, options }, { engine, items: V, variables })
  if (model.kind !== 'scorer') throw new TypeError(`${definition.name} is no scorer`)
  return { model, variables, score: (...histories: number[][]) => scope(engine, () => scored(model, histories)) }

  /** [B][V] */
  function scored(scorer: Scorer, lists: readonly number[][]): number[][] {
    const ends = lists.map((_, b) => lists.slice(0, b + 1).flat().length)
    const histories: Histories = {
      items: Tensor.int32(engine, Int32Array.from(lists.flat())),
      offsets: Tensor.int32(engine, Int32Array.of(0, ...ends)),
    }
    const scores = scorer.scores(histories, {})
    if (scores.shape.join() !== [lists.length, V].join()) throw new TypeError(`scores are [${scores.shape.join(', ')}]`)
    const values = scores.float32()
    return lists.map((_, b) => [...values.subarray(b * V, (b + 1) * V)])
  }
}
