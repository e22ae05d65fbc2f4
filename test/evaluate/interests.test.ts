import { describe, expect, it } from 'vitest'
import { loadNative } from '../../src/engine/native.ts'
import { describeInterests } from '../../src/evaluate/interests.ts'
import { retrieving } from '../../src/models/adapters.ts'
import { servedOn } from '../../src/recommend/served.ts'
import { Tensor } from '../../src/tensor/tensor.ts'
import { Variables } from '../../src/tensor/variables.ts'
import { smallSplit } from '../models/small.ts'

const engine = loadNative()

/** Users with these interests each, whatever they did, over these item vectors of two numbers. */
function served(vectors: readonly number[][], items: readonly number[][], users: readonly (readonly number[])[]) {
  const split = smallSplit(users, items.length)
  const matrix = (rows: readonly number[][]) => Tensor.float32(engine, Float32Array.from(rows.flat()), [rows.length, 2])
  const encoder = {
    items: () => matrix(items),
    encode: ({ offsets }: { offsets: Tensor }) => {
      const count = offsets.shape[0] - 1
      const ends = Int32Array.from({ length: count + 1 }, (_, b) => b * vectors.length)
      return { vectors: matrix(Array.from({ length: count }, () => vectors).flat()), offsets: Tensor.int32(engine, ends) }
    },
  }
  const variables = new Variables(engine, { seed: 1 })
  const learner = { by: 'counting', fit: () => undefined } as const
  const model = { maxLength: 10, learner, ...retrieving(encoder, { engine, items: items.length, variables }) }
  return { split, served: servedOn(engine, split, { name: 'fixed', model, needs: {}, items: items.length, variables, parts: [] }) }
}

/** Items 0 to 3 lie to the right, 4 to 7 above. All are targets of training rows; one user wants 3 last, the other 7. */
const ITEMS = [0, 1, 2, 3].map((i) => [1 + i, 0]).concat([0, 1, 2, 3].map((i) => [0, 1 + i]))
const USERS = [
  [0, 1, 2, 4, 5, 3],
  [4, 6, 5, 0, 1, 7],
  [0, 3, 7, 2, 6, 1],
]

describe('interests of users', () => {
  it('are several where each finds items and targets of its own', () => {
    const { served: model, split } = served(
      [
        [1, 0],
        [0, 1],
      ],
      ITEMS,
      USERS,
    )
    const figures = describeInterests(model, split, split.test, 2)
    // 3 and 1 lie to the right and 7 above: shares of 2/3 and 1/3
    const entropy = -(2 / 3) * Math.log(2 / 3) - (1 / 3) * Math.log(1 / 3)
    expect(figures).toMatchObject({ users: 3, interests: 2, cosine: 0, dead: 0, unique: 1 })
    expect(figures?.effective).toBeCloseTo(Math.exp(entropy), 6)
  })

  it('are one where they are all the same, and their lists too', () => {
    const { served: model, split } = served(
      [
        [1, 2],
        [1, 2],
        [2, 4],
      ],
      ITEMS,
      USERS,
    )
    const figures = describeInterests(model, split, split.test, 2)
    expect(figures?.cosine).toBeCloseTo(1, 6)
    expect(figures).toMatchObject({ interests: 3, effective: 1, unique: 0 }) // the third is nearest to all
    expect(figures?.dead).toBeCloseTo(2 / 3, 6)
  })

  it('are no matter where a user has one', () => {
    const { served: model, split } = served([[1, 0]], ITEMS, USERS)
    expect(describeInterests(model, split, split.test, 2)).toBeUndefined()
  })
})
