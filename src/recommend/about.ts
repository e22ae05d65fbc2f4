import type { Model } from '../models/contracts.ts'
import { scope, Tensor } from '../tensor/tensor.ts'
import { present } from './ranking.ts'
import type { InterestSummary } from './request.ts'
import type { Served } from './served.ts'

/** What interests are about: the k best items of each, and how often their categories are among these. @param vectors [D] each */
export function aboutInterests(served: Served, vectors: readonly Float32Array[], k: number): InterestSummary[] {
  const { engine, model, catalogue, trained } = served
  if (vectors.length === 0) return []
  return scope(engine, () => {
    const joined = Float32Array.from(vectors.flatMap((vector) => [...vector]))
    const queries = Tensor.float32(engine, joined, [vectors.length, vectors[0].length])
    const ints = (values: Int32Array) => Tensor.int32(engine, values).id
    const [one, none] = [Int32Array.from({ length: vectors.length + 1 }, (_, i) => i), new Int32Array(vectors.length + 1)]
    const mask = trained.mask ? ints(trained.mask) : 0
    const table = (model as Required<Model>).items().id
    const results = engine.topK(queries.id, ints(one), table, k, ints(new Int32Array()), ints(none), mask, 0)
    const [items, scores] = [engine.readInt32(results[0]), engine.readFloat32(results[1])]
    return vectors.map((_, interest) => {
      const own = present(items.subarray(interest * k, (interest + 1) * k))
      return {
        interest,
        items: Array.from(own, (item, place) => ({ item: catalogue.ids[item], score: scores[interest * k + place] })),
        categories: sharesOfCategories(Array.from(own, (item) => catalogue.categories?.[item] ?? [])),
      }
    })
  })
}

/** The most frequent first, equal ones in the order in which they come. */
function sharesOfCategories(categories: readonly (readonly string[])[]): InterestSummary['categories'] {
  const counts = new Map<string, number>()
  for (const name of categories.flatMap((names) => [...new Set(names)])) counts.set(name, (counts.get(name) ?? 0) + 1)
  return Array.from(counts, ([name, count]) => ({ name, share: count / categories.length })).sort((a, b) => b.share - a.share)
}
