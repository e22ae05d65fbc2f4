import { describe, expect, it } from 'vitest'
import type { Batch, Model } from '../../src/models/contracts.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { backward } from '../../src/tensor/backward.ts'
import { scope, Tensor } from '../../src/tensor/tensor.ts'
import { Variables } from '../../src/tensor/variables.ts'
import { Optimiser } from '../../src/train/optimiser.ts'
import { trainStep } from '../../src/train/step.ts'
import { loadReference } from '../engine/reference.ts'
import { smallSplit } from './small.ts'

const V = 9
const EVENTS = Int32Array.of(0, 3, 5, 2, 7, 7)
const TARGETS = Int32Array.of(3, 5, 8, 7, 7, 1)
const OFFSETS = Int32Array.of(0, 3, 3, 6)

function small(options: Parameters<typeof sasrec>[0]) {
  const engine = loadReference()
  const variables = new Variables(engine, { seed: 5 })
  const spec = sasrec({ dim: 4, heads: 2, blocks: 2, maxLength: 4, dropout: 0.3, negatives: 5, ...options })
  const model = spec.definition.build(spec.options, { engine, items: V, variables })
  const batch = (): Batch => ({
    histories: { items: Tensor.int32(engine, EVENTS), offsets: Tensor.int32(engine, OFFSETS) },
    requests: {},
    targets: { items: Tensor.int32(engine, TARGETS), offsets: Tensor.int32(engine, OFFSETS) },
    draw: { seed: 3, step: 2, epoch: 0 },
  })
  const { learner } = model
  if (learner.by !== 'steps') throw new TypeError('sasrec takes steps')
  return { engine, variables, model, learner, batch }
}

/** Gives the variables larger values than the initial ones. */
function spread(variables: Variables): void {
  for (const { engine, id, name } of variables.all) {
    const values = engine.readFloat32(id)
    engine.write(
      id,
      values.map((value, i) => value + 0.4 * Math.sin(3 * i + name.length)),
    )
  }
}

describe('sasrec', () => {
  for (const loss of ['cross-entropy', 'sampled-softmax'] as const) {
    it(`has the gradient of its ${loss} by central differences, for every parameter`, () => {
      const { engine, variables, learner, batch } = small({ loss })
      spread(variables) // so that no gradient hides below the differences' error
      const value = (): number => scope(engine, () => learner.loss(batch()).mean.value())
      const gradients = scope(
        engine,
        () => {
          const found = backward(learner.loss(batch()).mean)
          return Object.fromEntries(
            [...found].map(([{ name, shape }, gradient]) => {
              const dense = 'dense' in gradient ? gradient.dense : engine.scatter(gradient.rows, gradient.ids, shape[0])
              return [name, engine.readFloat32(dense)]
            }),
          )
        },
        { record: true },
      )
      expect(Object.keys(gradients).sort()).toEqual(variables.all.map(({ name }) => name).sort())
      const h = 1 / 1024
      for (const variable of variables.all) {
        const values = variable.float32()
        const slope = values.map((_, i) => {
          const at = (shift: number): number => {
            engine.write(variable.id, values.with(i, values[i] + shift))
            return value()
          }
          const difference = (at(h) - at(-h)) / (2 * h)
          engine.write(variable.id, values)
          return difference
        })
        // f32 losses of about 2 are off by 1e-7, so differences by 1e-4; h² terms are smaller.
        const off = Math.max(...slope.map((difference, i) => Math.abs(difference - gradients[variable.name][i])))
        expect(off, variable.name).toBeLessThan(5e-4)
      }
    })
  }

  it.each(['cross-entropy', 'sampled-softmax'] as const)('counts an event of weight 2 twice in its %s', (loss) => {
    const { engine, learner, batch, variables } = small({ loss })
    spread(variables)
    const weighted = (values: number[]) =>
      scope(engine, () => {
        const { mean, count } = learner.loss({ ...batch(), weights: Tensor.float32(engine, Float32Array.from(values)) })
        return { mean: mean.value(), count }
      })
    const one = (event: number): number => weighted(Array.from(TARGETS, (_, i) => Number(i === event))).mean
    const losses = Array.from(TARGETS, (_, event) => one(event))
    const sum = losses.reduce((total, x) => total + x, 0)
    const { mean, count } = weighted([1, 1, 1, 1, 2, 1])
    expect(count).toBe(7)
    expect(mean).toBeCloseTo((sum + losses[4]) / 7, 5) // as a log does in which it stands twice
    expect(weighted([1, 1, 1, 1, 1, 1])).toEqual(
      scope(engine, () => {
        const plain = learner.loss(batch())
        return { mean: plain.mean.value(), count: plain.count }
      }),
    )
    expect(weighted([0, 0, 0, 0, 0, 0])).toEqual({ mean: 0, count: 0 })
  })

  it('learns two windows by heart', () => {
    const { engine, variables, learner } = small({ dropout: 0, dim: 16, blocks: 1 })
    const { log } = smallSplit([[...EVENTS, ...TARGETS]], V)
    const [history, rows] = [Int32Array.from(EVENTS.keys()), Int32Array.from(TARGETS.keys(), (row) => EVENTS.length + row)]
    const batch = { history, offsets: OFFSETS, rows, rowOffsets: OFFSETS }
    const learning = { learner, needs: {}, log }
    using optimiser = new Optimiser(engine, variables.all)
    const first = trainStep(engine, learning, { optimiser, learningRate: 0.02 }, batch)
    for (let step = 0; step < 120; step++) trainStep(engine, learning, { optimiser, learningRate: 0.02 }, batch)
    expect(first).toBeGreaterThan(2)
    expect(trainStep(engine, learning, { optimiser, learningRate: 0.02 }, batch)).toBeLessThan(0.05)
  })

  it.each([1, 2])('gives the last event alone what training gives it among all, and no event what follows it, by %i heads', (heads) => {
    const { engine, model, learner, variables } = small({ maxLength: 6, heads })
    spread(variables) // so that every weight and bias tells
    const table = variables.all[0].float32() // item [V, 4]
    const vector = (items: number[]): number[] =>
      scope(engine, () => {
        const histories = {
          items: Tensor.int32(engine, Int32Array.from(items)),
          offsets: Tensor.int32(engine, Int32Array.of(0, items.length)),
        }
        return [...(model as Required<Model>).interests(histories, {}).vectors.float32()]
      })
    /** The mean loss of a sequence by the vectors that serving gives each of its prefixes. */
    const served = (items: number[], targets: number[]): number => {
      const losses = items.map((_, t) => {
        const h = vector(items.slice(0, t + 1))
        const logits = Array.from({ length: V }, (_, i) => h.reduce((sum, x, c) => sum + x * table[4 * i + c], 0))
        return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[targets[t]]
      })
      return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
    }
    const [items, targets] = [
      [1, 4, 4, 0, 7],
      [4, 4, 0, 7, 2],
    ]
    const trained = scope(engine, () => {
      const histories = { items: Tensor.int32(engine, Int32Array.from(items)), offsets: Tensor.int32(engine, Int32Array.of(0, 5)) }
      const wanted = { items: Tensor.int32(engine, Int32Array.from(targets)), offsets: histories.offsets }
      return learner.loss({ histories, requests: {}, targets: wanted }).mean.value()
    })
    // Serving sees prefixes alone, so the losses agree only where no row of training saw beyond its own.
    expect(trained).toBeCloseTo(served(items, targets), 5)
  })
})
