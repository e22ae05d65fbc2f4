import { counting, defineModel, indices, Tensor } from 'foci'

/** Recommends the item that follows the last one in the catalogue: a model that foci does not know. */
export const follower = defineModel('follower', 'The next item of the catalogue.', {}, (_, context) => {
  const { engine, items, variables } = context
  const step = variables.table('step', [1], indices(items))
  const counts = {
    fit() {
      step.put(Int32Array.of(1))
    },
    scores({ items: events, offsets }) {
      const [history, ends] = [events.int32(), offsets.int32()]
      const scores = new Float32Array((ends.length - 1) * items)
      for (let b = 0; b + 1 < ends.length; b++)
        if (ends[b + 1] > ends[b]) scores[b * items + ((history[ends[b + 1] - 1] + step.data[0]) % items)] = 1
      return Tensor.float32(engine, scores, [ends.length - 1, items])
    },
  }
  return { maxLength: 1, ...counting(counts, context) }
})
