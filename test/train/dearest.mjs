import { counting, defineModel, finite, itemFeature, Tensor, userFeature } from 'foci'

/** Recommends the items with the highest prices to everybody: a model that reads columns. */
export const dearest = defineModel(
  'dearest',
  'The items that cost most.',
  {},
  (_, context) => {
    const { engine, items, variables } = context
    const prices = variables.table('prices', [items], finite)
    const counts = {
      fit({ log }) {
        userFeature('dearest', context.users ?? {}, 'age') // which is there, in the training thread too
        prices.put(itemFeature('dearest', log.catalogue, 'price').values)
      },
      scores({ offsets }) {
        const users = offsets.shape[0] - 1
        const scores = new Float32Array(users * items)
        for (let b = 0; b < users; b++) scores.set(prices.data, b * items)
        return Tensor.float32(engine, scores, [users, items])
      },
    }
    return { maxLength: 1, ...counting(counts, context) }
  },
  { needs: { items: ['price'], users: ['age'] } },
)
