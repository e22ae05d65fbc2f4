import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { selectEngine } from '../../src/engine/select.ts'
import { evaluate } from '../../src/evaluate/evaluate.ts'
import { buildSpec, type ModelSpec } from '../../src/models/define.ts'
import { markov } from '../../src/models/markov.ts'
import { popularity } from '../../src/models/popularity.ts'
import { readInteractions } from '../../src/read/read.ts'
import { servedOn } from '../../src/recommend/served.ts'
import { leaveOneOut } from '../../src/split/split.ts'
import { Variables } from '../../src/tensor/variables.ts'

/** Test HR@10 and NDCG@10 of models fitted on all but each user's last two rows, as counted by an independent program. */
const known: Readonly<Record<string, readonly (readonly [spec: ModelSpec, hr: number, ndcg: number])[]>> = {
  'movielens-1m': [
    [popularity(), 0.0369, 0.018],
    [markov({ window: 1, decay: 0 }), 0.2144, 0.1259],
    [markov({ window: 3, decay: 0.5 }), 0.2613, 0.153],
    [markov({ window: 5, decay: 0.7 }), 0.2705, 0.1583],
  ],
  'amazon-beauty': [
    [popularity(), 0.0115, 0.0055],
    [markov({ window: 1, decay: 0 }), 0.0668, 0.0439],
    [markov({ window: 3, decay: 0.5 }), 0.0793, 0.0502],
    [markov({ window: 5, decay: 0.7 }), 0.079, 0.0495],
  ],
}

describe('models that count', () => {
  it.for(Object.entries(known))('reach their known figures on %s', { timeout: 60_000 }, async ([name, rows], { skip }) => {
    const path = fileURLToPath(new URL(`../../../shared/data/${name}/interactions.csv.gz`, import.meta.url))
    skip(!existsSync(path), `there is no ${path}`)
    const split = leaveOneOut(await readInteractions(path))
    const engine = await selectEngine()
    const items = split.log.catalogue.size
    for (const [{ definition, options }, hr, ndcg] of rows) {
      using variables = new Variables(engine, { seed: 1 })
      const built = buildSpec({ definition, options }, { engine, items, variables })
      if (built.model.learner.by === 'counting') built.model.learner.fit(split)
      const { metrics } = evaluate(servedOn(engine, split, built), split, 'test', 10)
      const label = `${definition.name} ${JSON.stringify(options)}`
      expect(Math.abs(metrics['hr@10'].mean - hr), `hr@10 of ${label}`).toBeLessThan(0.0005)
      expect(Math.abs(metrics['ndcg@10'].mean - ndcg), `ndcg@10 of ${label}`).toBeLessThan(0.0005)
    }
  })
})
