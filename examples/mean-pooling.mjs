/** A model of one's own: what a user wants is near the mean of the items of the history. */
import {
  crossEntropy,
  defineModel,
  Embedding,
  gather,
  integer,
  lastRows,
  normal,
  prefixes,
  retrieving,
  segmentIds,
  segmentMean,
} from 'foci/model'

export const meanPooling = defineModel(
  'mean-pooling',
  'The mean of the items of the history is the user’s one interest.',
  {
    dim: integer(32, { min: 1, max: 4096, help: 'the width of the item vectors' }),
    maxLength: integer(20, { min: 1, max: 10_000, help: 'the latest events that are read' }),
  },
  ({ dim, maxLength }, context) => {
    const item = new Embedding(context.variables, 'item', context.items, dim, normal(0.1)).table // [V, D]
    const encode = ({ items, offsets }) => {
      const mean = segmentMean(gather(item, items), offsets) // [B, D]
      const { queries } = lastRows(offsets) // [B + 1]: a user without history has no vector
      return { vectors: gather(mean, segmentIds(queries)), offsets: queries } // [S, D], [B + 1]
    }
    const loss = ({ histories, targets }) => ({
      mean: crossEntropy(encode(histories).vectors, item, targets.items),
      count: targets.items.shape[0],
    })
    const learner = { by: 'steps', examples: prefixes(4), loss }
    return { maxLength, learner, ...retrieving({ encode, items: () => item }, context) }
  },
  { training: { learningRate: 0.01, epochs: 20 } },
)
