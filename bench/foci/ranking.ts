/** foci's side of the ranking bench: given candidates, through `rank`. */
import { Recommender } from 'foci'
import { fociVersion, job, report } from '../outcome.ts'
import { latencies, questionsOf, type Serving } from '../requests.ts'

const { artefact, inputs } = job<Serving>()
const recommender = await Recommender.load(artefact)
const { figures, answer } = await latencies(questionsOf(inputs), (question) => {
  const { items } = recommender.rank(question)
  return { items: items.map(({ item }) => item), scores: items.map(({ score }) => score) }
})
report(fociVersion, figures, answer)
