import { FociError } from '../errors.ts'
import { present } from '../ops/segments.ts'
import { topKCandidates } from '../ops/selection.ts'
import type { Model } from './contracts.ts'
import { type BuiltModel, defineComposite, integer } from './define.ts'
import { recent } from './recent.ts'

/** Users who are searched for at once: a ranker looks at each of their candidates. */
const USERS = 32

/**
 * A pipeline: one model searches the catalogue for candidates, and another, which may look at each of them together with the
 * history, ranks them. Covington, Adams and Sargin, "Deep Neural Networks for YouTube Recommendations", RecSys 2016.
 */
export const pipeline = defineComposite(
  'pipeline',
  'One model finds candidates, and another ranks them.',
  ['retrieval', 'ranker'],
  { candidates: integer(200, { min: 1, max: 100_000, help: 'how many are found and ranked' }) },
  ({ candidates }, _context, [retrieval, ranker]) => {
    const find = searchOf(retrieval)
    const { model } = ranker
    const score: Model['score'] = (histories, at, given) => {
      const read = recent(histories, at, model.maxLength)
      return model.score(read.histories, read.at, given)
    }
    const best: Required<Model>['best'] = (histories, at, k, masks) => {
      const found = find(histories, at, Math.max(k, candidates), masks)
      const jagged = present(found.items) // [C], [B + 1]
      return topKCandidates(score(histories, at, jagged), jagged.items, jagged.offsets, k)
    }
    const { items, interests } = retrieval.model
    return {
      maxLength: Math.max(retrieval.model.maxLength, model.maxLength),
      ...{ score, best },
      ...(items && { items: () => items.call(retrieval.model) }),
      ...(interests && { interests: readRecently(retrieval, interests) }),
      usersAtOnce: Math.min(USERS, retrieval.model.usersAtOnce ?? USERS, model.usersAtOnce ?? USERS),
    }
  },
)

/** A part's search, which reads no more of a history than it did in training. */
function searchOf({ name, model }: BuiltModel): Required<Model>['best'] {
  const { best, maxLength } = model
  if (!best) throw new FociError('OPTION', `${name} does not search the catalogue.`, 'Begin with a model that does, such as sasrec.')
  return (histories, at, k, masks) => {
    const read = recent(histories, at, maxLength)
    return best.call(model, read.histories, read.at, k, masks)
  }
}

const readRecently =
  ({ model }: BuiltModel, interests: Required<Model>['interests']): Required<Model>['interests'] =>
  (histories, at) => {
    const read = recent(histories, at, model.maxLength)
    return interests.call(model, read.histories, read.at)
  }
