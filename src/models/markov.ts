import { FociError } from '../errors.ts'
import type { Split } from '../split/split.ts'
import { indices, offsets, shares } from '../tensor/kinds.ts'
import type { Table } from '../tensor/table.ts'
import { Tensor } from '../tensor/tensor.ts'
import { type Counts, counting } from './adapters.ts'
import type { Histories, ModelContext } from './contracts.ts'
import { defineModel, integer, number, type OptionsOf } from './define.ts'
import { countItems } from './popularity.ts'
import { Room } from './room.ts'
import { targetWeights } from './target-weights.ts'
import { countTransitions, type Transitions } from './transitions.ts'

/** Events of a history that vote, the latest ones: at decay .7 the next would weigh less than .03. */
const LOOKBACK = 10

/** What popularity adds at most: less than a transition, so that it only orders what no transition reaches. */
const TIE_BREAK = 1e-6

const fields = {
  window: integer(5, { min: 1, max: 1000, help: 'how many events after an item count as its successors' }),
  decay: number(0.7, { min: 0, max: 1, help: 'what each older event of the history still weighs, relative to the next' }),
}

/**
 * A decayed Markov chain: what followed an item within a few events, the nearer the heavier, scores what follows it now;
 * the latest events of a history vote, each older one less.
 *
 * Rendle, Freudenthaler and Schmidt-Thieme, "Factorizing Personalized Markov Chains", WWW 2010, has the chain of one
 * step; several lags and several voters are ours, and lift NDCG@10 by a quarter on MovieLens-1M.
 */
export const markov = defineModel(
  'markov',
  'What followed the latest items of the history, counted over a few events.',
  fields,
  (options, context) => ({ maxLength: LOOKBACK, ...counting(new Markov(options, context), context) }),
)

class Markov implements Counts {
  private readonly options: OptionsOf<typeof fields>
  private readonly context: ModelContext
  private readonly offsets: Table<Int32Array>
  private readonly columns: Table<Int32Array>
  private readonly weights: Table<Float32Array>
  private readonly popularity: Table<Float32Array>
  private readonly room = new Room()

  constructor(options: OptionsOf<typeof fields>, context: ModelContext) {
    this.options = options
    this.context = context
    const { items: V, variables } = context
    this.offsets = variables.table('transitions.offsets', [V + 1], offsets)
    this.columns = variables.table('transitions.columns', [this.offsets], indices(V))
    this.weights = variables.table('transitions.weights', [this.offsets], shares)
    this.popularity = variables.table('popularity', [V], shares)
  }

  fit({ log, trainEnd }: Split): void {
    const { items } = this.context
    const targets = targetWeights(log)
    const { offsets, columns, weights } = countTransitions(log.items, log.offsets, trainEnd, items, this.options.window, targets)
    const counts = countItems(log.items, log.offsets, trainEnd, items, targets)
    const most = counts.reduce((a, b) => Math.max(a, b), 0) || 1
    this.offsets.put(offsets)
    this.columns.put(columns)
    this.weights.put(weights)
    this.popularity.put(counts.map((count) => count / most))
  }

  scores(histories: Histories): Tensor {
    const { engine, items: V } = this.context
    const transitions = { offsets: this.offsets.data, columns: this.columns.data, weights: this.weights.data }
    const popularity = this.popularity.data // [V]
    const items = histories.items.int32() // [T]
    const offsets = histories.offsets.int32() // [B + 1]
    const users = offsets.length - 1
    const scores = this.room.of(users * V)
    for (let b = 0; b < users; b++) {
      const history = items.subarray(offsets[b], offsets[b + 1])
      scoreMarkov(transitions, history, this.options.decay, popularity, scores.subarray(b * V, (b + 1) * V))
    }
    return Tensor.float32(engine, scores, [users, V]) // [B, V]
  }
}

/**
 * score = Σ_{age < 10} decay^age · T[item of that age, ·] + 1e-6 · popularity. An empty history gets popularity alone.
 * @param history items, the latest last
 * @param popularity training counts as shares of the greatest, [V]
 * @param out scores, [V]
 * @throws FociError RANGE for an item outside the catalogue
 */
export function scoreMarkov(
  transitions: Transitions,
  history: Int32Array,
  decay: number,
  popularity: Float32Array,
  out: Float32Array,
): void {
  const { offsets, columns, weights } = transitions
  for (let j = 0; j < out.length; j++) out[j] = TIE_BREAK * popularity[j]
  for (let age = 0; age < Math.min(LOOKBACK, history.length); age++) {
    const item = history[history.length - 1 - age]
    if (!(item >= 0 && item < out.length)) {
      throw new FociError(
        'RANGE',
        `markov: item ${item} of a history is outside the catalogue of ${out.length}.`,
        'Leave unknown items out.',
      )
    }
    const vote = decay ** age
    for (let c = offsets[item]; c < offsets[item + 1]; c++) out[columns[c]] += vote * weights[c]
  }
}
