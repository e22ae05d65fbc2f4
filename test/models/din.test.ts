import { describe, expect, it } from 'vitest'
import { readArtefact } from '../../src/artefact/artefact.ts'
import { loadNative } from '../../src/engine/native.ts'
import type { Batch } from '../../src/models/contracts.ts'
import { din } from '../../src/models/din.ts'
import { pipeline } from '../../src/models/pipeline.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { buildModel } from '../../src/recommend/build.ts'
import { rankItems } from '../../src/recommend/ranking.ts'
import { Programs } from '../../src/recommend/recorded.ts'
import { scope, Tensor } from '../../src/tensor/tensor.ts'
import { runJob } from '../../src/train/job.ts'
import { defaults } from '../../src/train/train.ts'
import { twoRings } from '../contracts/model.ts'
import { expectGradients, type Small, small } from './gradients.ts'

const tiny = { dim: 4, units: 3, hidden: 5, maxLength: 6, negatives: 2 }

/** Two histories, and of each one what was wanted and what was not. */
const labelled = ({ engine, ints }: Small): Batch => ({
  histories: { items: ints(0, 3, 5, 2, 7, 7), offsets: ints(0, 2, 6) },
  requests: {},
  targets: { items: ints(8, 1, 4, 0, 2), offsets: ints(0, 2, 5) },
  labels: Tensor.float32(engine, Float32Array.of(1, 0, 1, 0, 0)),
})
const drawn = (own: Small): Batch => ({ ...labelled(own), draw: { seed: 3, step: 2, epoch: 0 } })

const scoresOf = ({ engine, model, ints }: Small, history: number[], items = [1, 4, 8]): Float32Array =>
  scope(engine, () => {
    const histories = { items: ints(...history), offsets: ints(0, history.length) }
    return model.score(histories, {}, { items: ints(...items), offsets: ints(0, items.length) }).float32()
  })

const near = (a: Float32Array, b: Float32Array): number => Math.max(...a.map((value, i) => Math.abs(value - b[i])))

describe('din', () => {
  it.each([
    ['as it serves', 'target', labelled],
    ['by the moments of a step', 'target', drawn],
    ['with a mean in the place of the activation unit', 'mean', drawn],
  ] as const)('has the gradient of its loss by central differences, for every parameter, %s', (_, pooling, batchOf) => {
    expectGradients(small(din({ ...tiny, pooling })), batchOf)
  })

  it('reads a history in any order, and sums it: twice the events are another history, but not for a mean', () => {
    const [target, mean] = (['target', 'mean'] as const).map((pooling) => small(din({ ...tiny, pooling })))
    for (const own of [target, mean]) expect(near(scoresOf(own, [0, 3, 5]), scoresOf(own, [5, 0, 3]))).toBeLessThan(1e-5)
    expect(near(scoresOf(mean, [0, 3, 0, 3]), scoresOf(mean, [0, 3]))).toBeLessThan(1e-5)
    expect(near(scoresOf(target, [0, 3, 0, 3]), scoresOf(target, [0, 3]))).toBeGreaterThan(0.01)
  })

  it('gives 0 to candidates of whom nothing is known', () => {
    const own = small(din(tiny))
    expect([...scoresOf(own, [])].map(Math.abs)).toEqual([0, 0, 0])
    expect(scoresOf(own, [2]).every((score) => score !== 0)).toBe(true)
  })

  it('serves by the running moments of what it saw in training', () => {
    const own = small(din(tiny))
    const { engine, learner, variables } = own
    const state = () => variables.all.filter(({ learns }) => !learns).map(({ name, id }) => [name, ...engine.readFloat32(id)] as const)
    const before = state()
    expect(before.map(([name]) => name)).toContain('unit.dice.variance')
    const loss = (batch: Batch) => scope(engine, () => learner.loss(batch).mean.value())
    scope(engine, () => void loss(labelled(own)))
    expect(state()).toEqual(before)
    scope(engine, () => void loss(drawn(own)))
    const after = state()
    for (const [i, [name, ...values]] of after.entries()) expect(values, name).not.toEqual(before[i].slice(1))
  })

  it('penalises what a step reads, each item once, by how often it occurs', () => {
    const [free, held] = [0, 0.5].map((penalty) => small(din({ ...tiny, penalty })))
    const loss = (own: Small) => scope(own.engine, () => own.learner.loss(labelled(own)).mean.value())
    const table = held.variables.all[0].float32() // item [V, 4]
    const square = (item: number) => [0, 1, 2, 3].reduce((sum, d) => sum + table[4 * item + d] ** 2, 0)
    const read = [0, 1, 2, 3, 4, 5, 7, 8]
    const expected = (counts: (item: number) => number) => read.reduce((sum, item) => sum + (0.25 * square(item)) / counts(item), 0)
    expect(loss(held) - loss(free)).toBeCloseTo(
      expected(() => 1),
      4,
    )
    const log = { ...twoRings({ users: 1, length: 4 }), items: Int32Array.of(0, 0, 3, 8), offsets: Int32Array.of(0, 4) }
    const split = { log: { ...log, catalogue: { ...log.catalogue, size: 9 } }, trainEnd: Int32Array.of(3) }
    held.learner.count?.(split as never)
    expect(loss(held) - loss(free)).toBeCloseTo(
      expected((item) => (item === 0 ? 2 : 1)),
      4,
    )
  })

  it('ranks what sasrec finds, by a program as without one', async () => {
    const model = pipeline([sasrec({ dim: 8, blocks: 1, maxLength: 10 }), din({ dim: 8, maxLength: 7 })], { candidates: 12 })
    const given = { epochs: 2, batch: 16 }
    const settings = { ...defaults, ...given, given, model }
    const { artefact, report } = await runJob(loadNative(), { log: twoRings(), settings, resume: false }, {})
    expect(report.map(({ model: name }) => name)).toEqual(['pipeline', 'sasrec'])
    const engine = loadNative()
    const built = buildModel(engine, await readArtefact(artefact))
    const programs = new Programs(engine, built)
    for (const lengths of [[3], [12, 0, 1], [0], [9, 9, 2, 5]]) {
      const ends = Int32Array.of(0, ...lengths.map((_, b) => lengths.slice(0, b + 1).reduce((sum, n) => sum + n, 0)))
      const items = Int32Array.from({ length: ends[lengths.length] }, (_, i) => (7 * i) % 40)
      const seen = { values: new Int32Array(), offsets: new Int32Array(lengths.length + 1) }
      const request = { columns: { items, offsets: ends }, k: 5, seen }
      expect(programs.rank(request)).toEqual(rankItems(engine, built, request))
    }
    programs.empty()
    built.variables[Symbol.dispose]()
  })
})
