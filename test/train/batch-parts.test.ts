import { describe, expect, it } from 'vitest'
import type { ExampleSet } from '../../src/examples/examples.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { Gradients } from '../../src/tensor/backward.ts'
import { scope } from '../../src/tensor/tensor.ts'
import { Variables } from '../../src/tensor/variables.ts'
import { batchOf, partsOf } from '../../src/train/batch-parts.ts'
import { loadReference } from '../engine/reference.ts'
import { smallSplit } from '../models/small.ts'

/** Examples of so many events each, whose rows are numbered through, each with the row 100 further on to predict. */
function examplesOf(...lengths: number[]): ExampleSet {
  const offsets = Int32Array.from([0, ...lengths.map((_, b) => lengths.slice(0, b + 1).reduce((sum, length) => sum + length, 0))])
  const history = Int32Array.from({ length: offsets[lengths.length] }, (_, i) => i)
  return { history, offsets, rows: history.map((row) => row + 100), rowOffsets: offsets }
}

const lengths = (batch: ExampleSet, events: number): number[][] =>
  Array.from(partsOf(batch, undefined, events), ({ examples: { offsets } }) =>
    Array.from(offsets.subarray(1), (end, b) => end - offsets[b]),
  )

describe('the parts of a batch', () => {
  it('are the users in their order, of about the same number of events', () => {
    expect(lengths(examplesOf(3, 2, 4, 1, 2), 12)).toEqual([[3, 2, 4, 1, 2]])
    expect(lengths(examplesOf(3, 2, 4, 1, 2), 11)).toEqual([
      [3, 2, 4],
      [1, 2],
    ])
    expect(lengths(examplesOf(1, 1, 1, 1, 1, 1), 2)).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ])
    expect(lengths(examplesOf(1, 20, 1), 4)).toEqual([[1, 20], [1]])
    expect(lengths(examplesOf(), 4)).toEqual([])
  })

  it('carry the rows of their histories, and what is asked of them', () => {
    const batch = examplesOf(2, 1, 3)
    const all = { ...batch, asked: Int32Array.of(1, 2, 4), rows: Int32Array.of(101, 102, 104), rowOffsets: Int32Array.of(0, 1, 2, 3) }
    const labelled = { ...all, targets: Int32Array.of(7, 8, 9), labels: Float32Array.of(1, 0, 1) }
    expect(Array.from(partsOf(labelled, undefined, 4), ({ examples }) => examples)).toEqual([
      {
        ...{ history: Int32Array.of(0, 1, 2), offsets: Int32Array.of(0, 2, 3), asked: Int32Array.of(1, 2) },
        ...{ rows: Int32Array.of(101, 102), rowOffsets: Int32Array.of(0, 1, 2), targets: Int32Array.of(7, 8) },
        labels: Float32Array.of(1, 0),
      },
      {
        ...{ history: Int32Array.of(3, 4, 5), offsets: Int32Array.of(0, 3), asked: Int32Array.of(1) },
        ...{ rows: Int32Array.of(104), rowOffsets: Int32Array.of(0, 1), targets: Int32Array.of(9), labels: Float32Array.of(1) },
      },
    ])
  })

  it('draw masks of their own, and the first those of the step', () => {
    const draws = Array.from(partsOf(examplesOf(4, 4, 4), { seed: 7, step: 5, epoch: 2 }, 4), ({ draw }) => draw)
    expect(draws[0]).toEqual({ seed: 7, step: 5, epoch: 2 })
    expect(new Set(draws.map((draw) => draw?.seed)).size).toBe(3)
    expect(draws.map((draw) => draw?.step)).toEqual([5, 5, 5])
  })

  it('add up to the loss and the gradients of the whole batch', () => {
    const engine = loadReference()
    using variables = new Variables(engine, { seed: 5 })
    const spec = sasrec({ dim: 4, blocks: 2, maxLength: 6, dropout: 0 })
    const { learner } = spec.definition.build(spec.options, { engine, items: 9, variables })
    if (learner.by !== 'steps') throw new TypeError('sasrec takes steps')
    const batch = examplesOf(3, 1, 5, 2, 4)
    const { log } = smallSplit([Array.from({ length: 200 }, (_, i) => (i < 100 ? i % 9 : (4 * i + 1) % 9))], 9)
    const inParts = (events: number) =>
      scope(
        engine,
        () => {
          const gradients = new Gradients(engine)
          let mean = 0
          for (const part of partsOf(batch, undefined, events)) {
            const loss = learner.loss(batchOf(engine, log, {}, part))
            const share = loss.count / batch.rows.length
            gradients.backward(loss.mean, share)
            mean += share * loss.mean.value()
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
