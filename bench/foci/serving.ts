/** foci's side of the serving benches: one user after the other through `recommend`, or all users at once. */
import { loadArtefact, Recommender, selectEngine } from 'foci'
import { buildModel } from '#foci/recommend/build.js'
import { rankItems } from '#foci/recommend/ranking.js'
import { fociVersion, job, report } from '../outcome.ts'
import { latencies, type Ranking, readInputs, type Serving, throughput } from '../requests.ts'

const { artefact, inputs, many, k } = job<Serving>()
const { ids, histories } = readInputs(inputs)
if (many) await manyUsers()
else await oneUser()

async function oneUser(): Promise<void> {
  const recommender = await Recommender.load(artefact)
  const { figures, answer } = await latencies(histories, (history) => {
    const { items } = recommender.recommend({ history, k })
    return { items: items.map(({ item }) => item), scores: items.map(({ score }) => score) }
  })
  report(fociVersion, figures, answer)
}

async function manyUsers(): Promise<void> {
  const { model } = buildModel(await selectEngine(), await loadArtefact(artefact))
  const engine = await selectEngine()
  const indexOf = new Map(ids.map((id, index) => [id, index]))
  const maxLength = model.kind === 'encoder' ? model.maxLength : Number.POSITIVE_INFINITY
  const { figures, answer } = await throughput(histories, (batch) => {
    const pasts = batch.map((history) => Int32Array.from(history, (id) => indexOf.get(id) ?? -1))
    const { items, scores } = rankItems(engine, model, {
      histories: jagged(pasts.map((past) => past.slice(-maxLength))),
      seen: jagged(pasts.map((past) => Int32Array.from(new Set(past)).sort())),
      k,
    })
    return batch.map(
      (_, b): Ranking => ({
        items: Array.from(items.subarray(k * b, k * b + k), (item) => ids[item]),
        scores: Array.from(scores.subarray(k * b, k * b + k)),
      }),
    )
  })
  report(fociVersion, figures, answer)
}

function jagged(lists: readonly Int32Array[]) {
  const offsets = new Int32Array(lists.length + 1)
  for (const [b, list] of lists.entries()) offsets[b + 1] = offsets[b] + list.length
  const values = new Int32Array(offsets[lists.length])
  for (const [b, list] of lists.entries()) values.set(list, offsets[b])
  return { values, offsets }
}
