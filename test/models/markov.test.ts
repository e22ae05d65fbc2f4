import { describe, expect, it } from 'vitest'
import { markov, scoreMarkov } from '../../src/models/markov.ts'
import { countTransitions } from '../../src/models/transitions.ts'
import { smallScorer, smallSplit } from './small.ts'

const int32 = (...values: number[]) => Int32Array.from(values)

describe('scoreMarkov', () => {
  const chain = countTransitions(int32(0, 1, 2, 1, 2, 0), int32(0, 3, 6), int32(3, 6), 4, 2)
  const popularity = Float32Array.of(1, 0.5, 0.5, 0.25)
  const score = (history: Int32Array, decay: number) => {
    const out = new Float32Array(4).fill(NaN)
    scoreMarkov(chain, history, decay, popularity, out)
    return [...out]
  }

  it('lets the latest event vote whole and the one before it by the decay', () => {
    const scores = score(int32(0, 1), 0.5)
    const expected = [0.2 + 1e-6, 0.5 / 1.5 + 0.5e-6, 0.8 + 0.25 / 1.5 + 0.5e-6, 0.25e-6]
    for (const [j, value] of expected.entries()) expect(scores[j]).toBeCloseTo(value, 7)
  })

  it('hears only the latest event where the decay is 0', () => {
    expect(score(int32(0, 1), 0)).toEqual(score(int32(1), 0.7))
  })

  it('orders by popularity what no transition reaches, and everything for an empty history', () => {
    const shares = [...popularity.map((share) => 1e-6 * share)]
    expect(score(int32(), 0.7)).toEqual(shares)
    expect(score(int32(3), 0.7)).toEqual(shares)
  })

  it('hears the latest ten events and none before them', () => {
    // Item 3 leads nowhere, so item 2 alone votes: for 0
    expect(score(int32(2, 3, 3, 3, 3, 3, 3, 3, 3, 3), 0.7)[0]).toBeCloseTo(0.7 ** 9 + 1e-6, 8)
    expect(score(int32(2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3), 0.7)).toEqual(score(int32(), 0.7))
  })

  it('ranks the true successor of a cycle first', () => {
    const V = 12
    const items = Int32Array.from({ length: 5 * V }, (_, i) => i % V)
    const cycle = countTransitions(items, int32(0, 5 * V), int32(5 * V), V, 5)
    const out = new Float32Array(V)
    for (let last = 0; last < V; last++) {
      scoreMarkov(cycle, int32((last + V - 2) % V, (last + V - 1) % V, last), 0.5, new Float32Array(V), out)
      expect(out.indexOf(Math.max(...out))).toBe((last + 1) % V)
    }
  })

  it.each([-1, 4])('refuses item %i of four', (item) => {
    expect(() => score(int32(0, item), 0.7)).toThrow(
      expect.objectContaining({ code: 'RANGE', message: expect.stringContaining(`item ${item}`) }),
    )
  })
})

describe('markov', () => {
  // What trains is 0 1 2 and 1 2 0, as above; the counts are 2, 2, 2 and 0
  const users = [
    [0, 1, 2, 3, 3],
    [1, 2, 0, 3, 3],
  ]
  const split = smallSplit(users, 4)
  const fitted = (options?: Parameters<typeof markov>[0]) => {
    const scorer = smallScorer(markov(options), 4)
    scorer.fit(split)
    return scorer
  }

  it('scores by the transitions of the training rows', () => {
    const [scores] = fitted({ window: 2, decay: 0.5 }).score([0, 1])
    const expected = [0.2 + 1e-6, 0.5 / 1.5 + 1e-6, 0.8 + 0.25 / 1.5 + 1e-6, 0]
    for (const [j, value] of expected.entries()) expect(scores[j]).toBeCloseTo(value, 7)
  })

  it('takes popularity as a share of the greatest count', () => {
    expect(fitted().score([])).toEqual([[...Float32Array.of(1e-6, 1e-6, 1e-6, 0)]])
  })

  it('looks five lags ahead and decays by .7 unless told otherwise', () => {
    expect(fitted().score([0, 1])).toEqual(fitted({ window: 5, decay: 0.7 }).score([0, 1]))
    expect(fitted().score([0, 1])).not.toEqual(fitted({ window: 1 }).score([0, 1]))
    expect(fitted().score([0, 1])).not.toEqual(fitted({ decay: 0.5 }).score([0, 1]))
  })

  it('gives a user alone the same bits as in a batch', () => {
    const { score } = fitted()
    const histories = [[0, 1], [], [2], [3, 2, 1, 0, 1]]
    expect(score(...histories)).toEqual(histories.flatMap((history) => score(history)))
  })

  it('does not read the rows that are held out', () => {
    const { fit, score } = smallScorer(markov(), 4)
    fit(
      smallSplit(
        users.map((items) => [...items.slice(0, 3), 0, 1]),
        4,
      ),
    )
    expect(score([0, 1])).toEqual(fitted().score([0, 1]))
  })

  it('scores from saved values as it did when fitted', () => {
    const { variables, score } = fitted()
    const loaded = smallScorer(markov(), 4, { artefact: 'a', tensors: variables.values() })
    expect(loaded.score([0, 1], [2])).toEqual(score([0, 1], [2]))
  })

  it('has nothing to say before it is fitted', () => {
    expect(() => smallScorer(markov(), 4).score([0])).toThrow(expect.objectContaining({ code: 'ARTEFACT' }))
  })

  it('refuses a saved table of another type', () => {
    const tensors = fitted().variables.values()
    const swapped = { ...tensors, 'transitions.columns': tensors['transitions.weights'] }
    expect(() => smallScorer(markov(), 4, { artefact: 'a', tensors: swapped })).toThrow(
      expect.objectContaining({ code: 'ARTEFACT', message: expect.stringContaining('transitions.columns') }),
    )
  })

  it.each([{ window: 0 }, { window: 1.5 }, { decay: -0.1 }, { decay: 1.1 }])('refuses %o', (options) => {
    expect(() => markov(options)).toThrow(expect.objectContaining({ code: 'OPTION' }))
  })
})
