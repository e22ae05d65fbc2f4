import { expect, it } from 'vitest'
import { shareOfThemes } from '../../scripts/themes.mjs'
import { loadNative } from '../../src/engine/native.ts'
import { miSa } from '../../src/models/mi-sa.ts'
import { readInteractions } from '../../src/read/read.ts'
import { Recommender } from '../../src/recommend/recommender.ts'
import { sampleWorld } from '../../src/sample/sample.ts'
import { runJob } from '../../src/train/job.ts'
import { defaults } from '../../src/train/train.ts'

const { interactions, items, truth } = sampleWorld()

/** As the demo trains it, on the whole sample. */
async function share(interests: number): Promise<number> {
  const log = await readInteractions(interactions, { items })
  const model = miSa({ dim: 32, interests })
  const given = { learningRate: 0.003, epochs: 20 }
  const settings = { ...defaults, ...model.definition.training, ...given, given, model }
  const { artefact } = await runJob(loadNative(), { log, settings, resume: false }, {})
  using recommender = await Recommender.load(artefact, { log })
  return shareOfThemes(recommender, truth)
}

it('tells most of the themes that were planted in users by interests of their own, where one vector tells few', async () => {
  expect(await share(miSa().options.interests as number)).toBeGreaterThan(0.7)
  expect(await share(1)).toBeLessThan(0.32)
})
