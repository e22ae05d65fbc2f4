import { describe } from 'vitest'
import { mix } from '../../src/data/random.ts'
import { blend } from '../../src/models/blend.ts'
import { comirec } from '../../src/models/comirec.ts'
import { din } from '../../src/models/din.ts'
import { markov } from '../../src/models/markov.ts'
import { miSa } from '../../src/models/mi-sa.ts'
import { pipeline } from '../../src/models/pipeline.ts'
import { popularity } from '../../src/models/popularity.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { checkCoverage, describeModel, logOf } from '../contracts/model.ts'

/**
 * The first two items of a walk, one of 0 to 3 and one of 4 to 7, tell the thirteenth, one of 32 to 35, and the fourteenth, one
 * of 36 to 39. Between them come ten of 8 to 31 at random, as many as a Markov chain looks back. Half of the users go on for two
 * items more, so that the two can be learned.
 */
function longMemory(users = 600) {
  const walks = Array.from({ length: users }, (_, u) => {
    const [a, b] = [mix(u) % 4, mix(u + 7919) % 4]
    const between = Array.from({ length: 12 }, (_, i) => 8 + (mix(1000 * u + i) % 24))
    return [a, 4 + b, ...between.slice(0, 10), 32 + a, 36 + b, ...(u % 2 ? between.slice(10) : [])]
  })
  return logOf(walks, `long memory, ${users}`)
}

/** One item follows everything, and all else is chance. */
function oneForAll(users = 200) {
  const walks = Array.from({ length: users }, (_, u) => {
    const others = Array.from({ length: 6 }, (_, i) => 1 + (mix(1000 * u + i) % 39))
    return u % 2 ? [...others, 0] : [others[0], 0, ...others.slice(1)]
  })
  return logOf(walks, `one for all, ${users}`)
}

/** Users of two of eight themes of five items each, in turns at random: what comes next is of the one or of the other. */
function twoThemes(users = 400, length = 8) {
  const walks = Array.from({ length: users }, (_, u) => {
    const first = mix(u) % 8
    const themes = [first, (first + 3 + (mix(u + 17) % 3)) % 8]
    const order = themes.flatMap((theme) => [0, 1, 2, 3, 4].map((i) => 5 * theme + i)).sort((a, b) => mix(1000 * u + a) - mix(1000 * u + b))
    return order.slice(0, length)
  })
  return logOf(walks, `two themes, ${users}`)
}

/**
 * Twenty pairs of items: a user sees five of 0 to 19 and then takes the partners of three of them, of 20 to 39. Which these are
 * each event tells for itself; of the sum of all events, in so few dimensions, they cannot be told.
 */
function partners(users = 800) {
  const walks = Array.from({ length: users }, (_, u) => {
    const order = Array.from({ length: 20 }, (_, i) => i).sort((a, b) => mix(1000 * u + a) - mix(1000 * u + b))
    return [...order.slice(0, 5), ...order.slice(0, 3).map((i) => 20 + i)]
  })
  const log = logOf(
    walks.map((walk, u) => [...walk.slice(0, 5).sort((a, b) => mix(u + a) - mix(u + b)), ...walk.slice(5)]),
    `partners, ${users}`,
  )
  return { ...log, eventNames: ['view', 'take'], events: log.items.map((item) => (item < 20 ? 0 : 1)), roles: { target: ['take'] } }
}

const small = sasrec({ dim: 16, blocks: 1, maxLength: 16 })
const chain = { spec: markov(), hits: 0.35 }
const patient = { epochs: 60, patience: 30, batch: 32 }

// Half of the users are asked for the fourteenth item, which is known to who remembers the second; of the others nothing is known
describeModel(small, { world: longMemory(), hits: 0.48, twin: chain, training: patient })
describeModel(markov(), { hits: 0.95, twin: { spec: popularity(), hits: 0.3 } })
describeModel(popularity(), { world: oneForAll(), hits: 0.5 })
describeModel(pipeline([markov(), small], { candidates: 40 }), { world: longMemory(), hits: 0.48, twin: chain, training: patient })
describeModel(blend([markov(), popularity()], { weight: 0.1 }), { hits: 0.9, twin: { spec: popularity(), hits: 0.3 } })

// In so few dimensions one vector cannot be near two themes that lie far from each other; normalised, three numbers are as two
const slow = { epochs: 60, patience: 60, batch: 32, learningRate: 0.02 }
const world = twoThemes()
const pools = (interests: number) => comirec({ interests, dim: 2, maxLength: 10, readout: 'max' })
describeModel(pools(4), { world, hits: 0.55, twin: { spec: pools(1), hits: 0.48 }, training: slow })
const anchored = (interests: number) => miSa({ interests, dim: 3, maxLength: 10, dropout: 0, valueDropout: 0 })
describeModel(anchored(4), { world, hits: 0.55, twin: { spec: anchored(1), hits: 0.5 }, training: slow })

const paired = { epochs: 30, patience: 30, batch: 32, learningRate: 0.005 }
const ranker = (pooling: 'target' | 'mean') => din({ dim: 8, maxLength: 16, pooling, negatives: 8, penalty: 0 })
describeModel(ranker('target'), { world: partners(), hits: 0.5, twin: { spec: ranker('mean'), hits: 0.44 }, training: paired })

describe('the contract suite', () => checkCoverage())
