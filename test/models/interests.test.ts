import { describe, expect, it } from 'vitest'
import { comirec } from '../../src/models/comirec.ts'
import type { Batch, Model } from '../../src/models/contracts.ts'
import type { ModelSpec } from '../../src/models/define.ts'
import { miSa } from '../../src/models/mi-sa.ts'
import { scope, Tensor } from '../../src/tensor/tensor.ts'
import { expectGradients, type Small, small, V } from './gradients.ts'

const EVENTS = Int32Array.of(0, 3, 5, 2, 7, 7)

/** Two histories, each asked once at its end, or at every event. */
const atEnds = ({ engine, ints }: Small): Batch => ({
  histories: { items: Tensor.int32(engine, EVENTS), offsets: ints(0, 2, 6) },
  requests: {},
  targets: { items: ints(8, 1), offsets: ints(0, 1, 2) },
  draw: { seed: 3, step: 2, epoch: 0 },
})
const everywhere = ({ engine, ints }: Small): Batch => ({
  ...atEnds({ engine, ints } as Small),
  targets: { items: ints(3, 5, 8, 7, 7, 1), offsets: ints(0, 2, 6) },
})

const tiny = { dim: 4, interests: 3, maxLength: 4, negatives: 5 }
const cases: [string, ModelSpec, (of: Small) => Batch][] = [
  ...(['target', 'max'] as const).flatMap((readout) =>
    (['cross-entropy', 'sampled-softmax'] as const).map((loss): [string, ModelSpec, typeof atEnds] => [
      `comirec, ${readout}, ${loss}`,
      comirec({ ...tiny, readout, loss }),
      atEnds,
    ]),
  ),
  ...(['cross-entropy', 'sampled-softmax'] as const).map((loss): [string, ModelSpec, typeof atEnds] => [
    `mi-sa, ${loss}`,
    miSa({ ...tiny, heads: 2, dropout: 0.3, loss }),
    everywhere,
  ]),
  ['mi-sa of one interest', miSa({ ...tiny, interests: 1 }), everywhere],
]

describe.each(cases)('%s', (_, spec, batchOf) => {
  it('has the gradient of its loss by central differences, for every parameter', () => expectGradients(small(spec), batchOf))
})

describe('mi-sa', () => {
  it.each([1, 3])('serves a prefix by the vectors that training gave its last event, by %i interests', (interests) => {
    const own = small(miSa({ ...tiny, interests, maxLength: 6, blocks: 2 }))
    const { engine, model, learner, ints, variables } = own
    const table = variables.all[0].float32() // item [V, 4]
    const [items, targets] = [
      [1, 4, 4, 0, 7],
      [4, 4, 0, 7, 2],
    ]
    const vectorsOf = (history: number[]): Float32Array =>
      scope(engine, () =>
        (model as Required<Model>).interests({ items: ints(...history), offsets: ints(0, history.length) }, {}).vectors.float32(),
      )
    const losses = items.map((_, t) => {
      const vectors = vectorsOf(items.slice(0, t + 1))
      expect(vectors).toHaveLength(4 * interests)
      const product = (k: number, i: number) => [0, 1, 2, 3].reduce((sum, d) => sum + vectors[4 * k + d] * table[4 * i + d], 0)
      const logits = Array.from({ length: V }, (_, i) => Math.max(...Array.from({ length: interests }, (_, k) => product(k, i))))
      return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[targets[t]]
    })
    const trained = scope(engine, () => {
      const histories = { items: ints(...items), offsets: ints(0, 5) }
      return learner.loss({ histories, requests: {}, targets: { items: ints(...targets), offsets: histories.offsets } }).mean.value()
    })
    expect(trained).toBeCloseTo(losses.reduce((sum, loss) => sum + loss, 0) / losses.length, 5)
  })
})

describe('comirec', () => {
  it('explains a score by what each event adds to it, to the last digits', () => {
    const { engine, model, ints } = small(comirec(tiny))
    const { contributions, score } = model as Required<Model>
    const [sums, scores] = scope(engine, () => {
      const histories = { items: Tensor.int32(engine, EVENTS), offsets: ints(0, 2, 2, 6) }
      const candidates = { items: ints(1, 4, 8, 2, 0), offsets: ints(0, 2, 2, 5) }
      const shares = contributions(histories, {}, candidates).float32() // 2 candidates of 2 events, 3 of 4
      const groups = [shares.subarray(0, 2), shares.subarray(2, 4), ...[4, 8, 12].map((at) => shares.subarray(at, at + 4))]
      return [groups.map((group) => group.reduce((sum, share) => sum + share, 0)), [...score(histories, {}, candidates).float32()]]
    })
    for (const [c, sum] of sums.entries()) expect(Math.abs(sum - scores[c])).toBeLessThan(1e-5)
    expect(scores.some((value) => Math.abs(value) > 0.1)).toBe(true)
  })
})
