import { add, scale } from '../ops/elementwise.ts'
import { layerNorm } from '../ops/layer-norm.ts'
import { reshape } from '../ops/rows.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { Histories, Model, ModelContext, Requests } from './contracts.ts'
import { type BuiltModel, defineComposite, number } from './define.ts'
import { everyItem, pickScores } from './every-item.ts'
import { recent } from './recent.ts'

/** Scores of the whole catalogue that are written down at once, at most. */
const SCORES = 2 ** 20

/** A user's scores that are all the same are all 0 then, not noise. */
const EPSILON = 1e-12

/**
 * A blend: the scores of two models, each as so many deviations from its mean over the catalogue for this user, added with
 * weights. The cheapest strong ensemble, for models err on different users.
 */
export const blend = defineComposite(
  'blend',
  'The scores of two models, standardised and added.',
  ['first', 'second'],
  { weight: number(0.5, { min: 0, max: 1, help: 'what the second counts; the first counts the rest' }) },
  ({ weight }, context, [first, second]) => {
    const { engine, items: V } = context
    const whole = (histories: Histories, at: Requests): Tensor =>
      add(scale(standard(first, context, histories, at), 1 - weight), scale(standard(second, context, histories, at), weight)) // [B, V]
    const best: Required<Model>['best'] = (histories, at, k, { seen, seenOffsets, allowed }) => {
      const results = engine.topKScores(whole(histories, at).id, k, seen.id, seenOffsets.id, allowed?.id ?? 0)
      const [items, scores] = Array.from(results, (id) => new Tensor(engine, id))
      return { items, scores }
    }
    return {
      maxLength: Math.max(first.model.maxLength, second.model.maxLength),
      score: (histories, at, candidates) => pickScores(whole(histories, at), candidates),
      best,
      usersAtOnce: Math.ceil(SCORES / Math.max(1, V)),
    }
  },
)

/** A model's scores of the whole catalogue, less their mean and over their deviation, [B, V]. */
function standard({ model }: BuiltModel, { engine, items: V }: ModelContext, histories: Histories, at: Requests): Tensor {
  const read = recent(histories, at, model.maxLength)
  const scores = reshape(model.score(read.histories, read.at, everyItem(histories, V)), [V]) // [B, V]
  const [ones, zeros] = [1, 0].map((value) => Tensor.float32(engine, new Float32Array(V).fill(value)))
  return layerNorm(scores, ones, zeros, EPSILON)
}
