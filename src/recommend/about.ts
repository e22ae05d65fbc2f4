import type { Model } from '../models/contracts.ts'
import { scope, Tensor } from '../tensor/tensor.ts'
import type { Lists } from './lists.ts'
import { present } from './ranking.ts'
import type { InterestSummary } from './request.ts'
import type { Served } from './served.ts'

/** The k best items that the model may show for each vector [S, D] by itself: items [S, k], −1 where there are fewer, and scores. */
export function listOfEach({ engine, model, trained }: Served, vectors: Tensor, hidden: Lists, k: number) {
  const one = Int32Array.from({ length: hidden.offsets.length }, (_, s) => s)
  const [offsets, seen, seenOffsets] = [one, hidden.values, hidden.offsets].map((values) => Tensor.int32(engine, values).id)
  const mask = trained.mask ? Tensor.int32(engine, trained.mask).id : 0
  const table = (model as Required<Model>).items().id
  const [items, scores] = Array.from(engine.topK(vectors.id, offsets, table, k, seen, seenOffsets, mask, 0))
  return { items: engine.readInt32(items), scores: engine.readFloat32(scores) }
}

/** What interests are about: the k best items of each, and how often their categories are among these. @param vectors [D] each */
export function aboutInterests(served: Served, vectors: readonly Float32Array[], k: number): InterestSummary[] {
  const { engine, catalogue } = served
  if (vectors.length === 0) return []
  const joined = Float32Array.from(vectors.flatMap((vector) => [...vector]))
  const none = { values: new Int32Array(), offsets: new Int32Array(vectors.length + 1) }
  const { items, scores } = scope(engine, () =>
    listOfEach(served, Tensor.float32(engine, joined, [vectors.length, vectors[0].length]), none, k),
  )
  return vectors.map((_, interest) => {
    const own = present(items.subarray(interest * k, (interest + 1) * k))
    return {
      interest,
      items: Array.from(own, (item, place) => ({ item: catalogue.ids[item], score: scores[interest * k + place] })),
      categories: sharesOfCategories(Array.from(own, (item) => catalogue.categories?.[item] ?? [])),
    }
  })
}

/** The most frequent first, equal ones in the order in which they come. */
function sharesOfCategories(categories: readonly (readonly string[])[]): InterestSummary['categories'] {
  const counts = new Map<string, number>()
  for (const name of categories.flatMap((names) => [...new Set(names)])) counts.set(name, (counts.get(name) ?? 0) + 1)
  return Array.from(counts, ([name, count]) => ({ name, share: count / categories.length })).sort((a, b) => b.share - a.share)
}
