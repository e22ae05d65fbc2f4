/** foci's side of the serving benches: one user after the other through `recommend`, or all through `recommendMany`. */
import { loadWasm, type Recommendations, Recommender } from 'foci'
import { fociVersion, job, report } from '../outcome.ts'
import { latencies, type Ranking, readInputs, type Serving, throughput } from '../requests.ts'

const { artefact, inputs, many, k, engine } = job<Serving & { engine: 'native' | 'wasm' }>()
const { histories } = readInputs(inputs)
const recommender = await Recommender.load(artefact, engine === 'wasm' ? { engine: await loadWasm({ inference: true }) } : {})
const { figures, answer } = many
  ? await throughput(histories.length, everybody, ranking)
  : await latencies(histories, (history) => ranking(recommender.recommend({ history, k })))
report(fociVersion, figures, answer)

async function everybody(take: (answer: Recommendations) => void): Promise<void> {
  const requests = histories.map((history) => ({ history }))
  for await (const each of recommender.recommendMany(requests, { k })) take(each)
}

function ranking({ items }: Recommendations): Ranking {
  return { items: items.map(({ item }) => item), scores: items.map(({ score }) => score) }
}
