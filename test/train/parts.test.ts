import { describe, expect, it } from 'vitest'
import type { Encoder } from '../../src/models/contracts.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import type { TrainingBatch } from '../../src/split/batches.ts'
import { Gradients } from '../../src/tensor/backward.ts'
import { scope } from '../../src/tensor/tensor.ts'
import { Variables } from '../../src/tensor/variables.ts'
import { partsOf, tensorsOf } from '../../src/train/parts.ts'
import { loadReference } from '../engine/reference.ts'

/** A batch of users with so many events each, numbered through. */
function batchOf(...lengths: number[]): TrainingBatch {
  const offsets = Int32Array.from([0, ...lengths.map((_, b) => lengths.slice(0, b + 1).reduce((sum, length) => sum + length, 0))])
  const count = offsets[lengths.length]
  return {
    items: Int32Array.from({ length: count }, (_, i) => i % 9),
    offsets,
    targets: Int32Array.from({ length: count }, (_, i) => (4 * i + 1) % 9),
    users: Int32Array.from(lengths.keys()),
    times: Float64Array.from({ length: count }, (_, i) => i),
  }
}

const lengths = (batch: TrainingBatch, events: number): number[][] =>
  Array.from(partsOf(batch, undefined, events), ({ offsets }) => Array.from(offsets.subarray(1), (end, b) => end - offsets[b]))

describe('the parts of a batch', () => {
  it('are the users in their order, of about the same number of events', () => {
    expect(lengths(batchOf(3, 2, 4, 1, 2), 12)).toEqual([[3, 2, 4, 1, 2]])
    expect(lengths(batchOf(3, 2, 4, 1, 2), 11)).toEqual([
      [3, 2, 4],
      [1, 2],
    ])
    expect(lengths(batchOf(1, 1, 1, 1, 1, 1), 2)).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ])
    expect(lengths(batchOf(1, 20, 1), 4)).toEqual([[1, 20], [1]])
    expect(lengths(batchOf(), 4)).toEqual([])
  })

  it('carry the rows of their users, and their share of all', () => {
    const batch = batchOf(2, 1, 3)
    expect(Array.from(partsOf(batch, undefined, 4))).toEqual([
      {
        items: batch.items.slice(0, 3),
        offsets: Int32Array.of(0, 2, 3),
        targets: batch.targets.slice(0, 3),
        times: batch.times.slice(0, 3),
        share: 1 / 2,
      },
      {
        items: batch.items.slice(3),
        offsets: Int32Array.of(0, 3),
        targets: batch.targets.slice(3),
        times: batch.times.slice(3),
        share: 1 / 2,
      },
    ])
  })

  it('draw masks of their own, and the first those of the step', () => {
    const draws = Array.from(partsOf(batchOf(4, 4, 4), { seed: 7, step: 5 }, 4), ({ draw }) => draw)
    expect(draws[0]).toEqual({ seed: 7, step: 5 })
    expect(new Set(draws.map((draw) => draw?.seed)).size).toBe(3)
    expect(draws.map((draw) => draw?.step)).toEqual([5, 5, 5])
  })

  it('add up to the loss and the gradients of the whole batch', () => {
    const engine = loadReference()
    using variables = new Variables(engine, { seed: 5 })
    const spec = sasrec({ dim: 4, blocks: 2, maxLength: 6, dropout: 0 })
    const model = spec.definition.build(spec.options, { engine, items: 9, variables }) as Encoder
    const batch = batchOf(3, 1, 5, 2, 4)
    const inParts = (events: number) =>
      scope(
        engine,
        () => {
          const gradients = new Gradients(engine)
          let mean = 0
          for (const part of partsOf(batch, undefined, events)) {
            const loss = model.loss(tensorsOf(engine, part))
            gradients.backward(loss, part.share)
            mean += part.share * loss.value()
          }
          const dense = [...gradients.variables].map(([{ name, shape }, gradient]) => {
            const id = 'dense' in gradient ? gradient.dense : engine.scatter(gradient.rows, gradient.ids, shape[0])
            return [name, engine.readFloat32(id)] as const
          })
          return { mean, dense }
        },
        { record: true },
      )
    const [whole, parted] = [inParts(100), inParts(4)]
    expect(parted.mean).toBeCloseTo(whole.mean, 6)
    expect(parted.dense.map(([name]) => name)).toEqual(whole.dense.map(([name]) => name))
    for (const [i, [name, expected]] of whole.dense.entries()) {
      const off = Math.max(...expected.map((value, at) => Math.abs(value - parted.dense[i][1][at])))
      expect(off, name).toBeLessThan(1e-6)
      expect(Math.max(...expected.map(Math.abs)), name).toBeGreaterThan(0)
    }
  })
})
