import { describe, expect, it } from 'vitest'
import { settledTraining, type Training, trainingDefaults } from '../../src/models/training.ts'
import { rateAt } from '../../src/train/schedule.ts'

const training = (given: Partial<Training>): Training => settledTraining(trainingDefaults, { learningRate: 0.8, ...given })
const at = (given: Partial<Training>, epochs: readonly number[], best: readonly boolean[] = []) =>
  epochs.map((epoch) => rateAt(training(given), { epoch, reports: best.map((each) => ({ best: each })) }))

describe('the learning rate', () => {
  it('stays, is halved after each epoch, or falls as half a cosine', () => {
    expect(at({}, [0, 0.5, 7])).toEqual([0.8, 0.8, 0.8])
    expect(at({ schedule: 'halving' }, [0, 0.9, 1, 2.5])).toEqual([0.8, 0.8, 0.4, 0.2])
    const [first, third, half, last] = at({ schedule: 'cosine', epochs: 6 }, [0, 2, 3, 6])
    expect([first, third, half, last]).toEqual([0.8, expect.closeTo(0.6, 12), expect.closeTo(0.4, 12), expect.closeTo(0, 12)])
  })

  it('falls by √.1 after half of the patience without a better validation, and again after as long', () => {
    // Patience 4, so two epochs: the third and the fourth are no better, then the sixth and the seventh
    const best = [true, true, false, false, true, false, false, false, false]
    const falls = at({ schedule: 'plateau', patience: 4 }, [0, 3, 4, 6, 7, 8, 9], best)
    expect(falls.map((rate) => Math.round(2 * Math.log10(0.8 / rate)))).toEqual([0, 0, 1, 1, 2, 2, 3])
  })

  it('rises over the warm-up, under any schedule', () => {
    expect(at({ warmup: 2 }, [0, 0.5, 1, 2, 9])).toEqual([0, 0.2, 0.4, 0.8, 0.8])
    expect(at({ warmup: 2, schedule: 'halving' }, [1, 2])).toEqual([0.2, 0.2])
  })
})

describe('adamw', () => {
  it('decays where nobody says how much, and adam does not', () => {
    expect(settledTraining(trainingDefaults, { optimiser: 'adamw' }).weightDecay).toBe(0.01)
    expect(settledTraining(trainingDefaults, { optimiser: 'adamw', weightDecay: 0 }).weightDecay).toBe(0)
    expect(settledTraining({ ...trainingDefaults, weightDecay: 2 }, { optimiser: 'adamw' }).weightDecay).toBe(2)
    expect(settledTraining(trainingDefaults, { optimiser: 'adam' }).weightDecay).toBe(0)
  })
})
