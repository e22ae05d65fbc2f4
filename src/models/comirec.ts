import { type Draw, integers, seedOf } from '../data/random.ts'
import { prefixes } from '../examples/prefixes.ts'
import { crossEntropy } from '../losses/cross-entropy.ts'
import { maxCrossEntropy } from '../losses/max-cross-entropy.ts'
import { maxSampledSoftmax } from '../losses/max-sampled-softmax.ts'
import { totalWeight } from '../losses/mean.ts'
import { sampledSoftmax } from '../losses/sampled-softmax.ts'
import { Embedding } from '../nn/embedding.ts'
import { Linear } from '../nn/linear.ts'
import { tanh } from '../ops/activation.ts'
import { chosenInterests } from '../ops/interests.ts'
import { reshape } from '../ops/rows.ts'
import { lastRows, positions, repeatOffsets, segmentIds, segmentMix, segmentSoftmax } from '../ops/segments.ts'
import { pairBest } from '../ops/selection.ts'
import { gather } from '../ops/table.ts'
import { normal } from '../tensor/init.ts'
import { Tensor } from '../tensor/tensor.ts'
import { type Encoder, retrieving } from './adapters.ts'
import type { Batch, Candidates, Histories, Interests, Loss, ModelContext } from './contracts.ts'
import { choice, defineModel, integer, type OptionsOf } from './define.ts'

/** Prefixes of a history that an epoch learns from, at most. */
const PREFIXES = 4

const fields = {
  interests: integer(4, { min: 1, max: 64, help: 'the vectors of a user' }),
  dim: integer(64, { min: 1, max: 4096, help: 'the width of the item vectors' }),
  maxLength: integer(50, { min: 1, max: 10_000, help: 'the latest events that are read' }),
  readout: choice(['target', 'max'], {
    help: 'which interest learns: the one that the target is nearest to, or every item the best for it',
  }),
  loss: choice(['cross-entropy', 'sampled-softmax'], { help: 'cross entropy over the whole catalogue, or over sampled negatives' }),
  negatives: integer(1280, { min: 1, max: 1_000_000, help: 'the negatives that a batch shares, for sampled softmax' }),
}

/**
 * ComiRec-SA: K attention heads read the history, and each head's weighted sum of items is one interest; an item's score is
 * its best product with them.
 * Cen et al., "Controllable Multi-Interest Framework for Recommendation", KDD 2020.
 *
 * Prefixes are drawn anew each epoch, where the paper draws one target; negatives are uniform, without a correction, where it
 * draws the popular more often and corrects for it.
 */
export const comirec = defineModel(
  'comirec',
  'Several attention heads over the history; each is an interest of the user.',
  fields,
  (options, context) => {
    const comirec = new ComiRec(options, context)
    const learner = { by: 'steps', examples: prefixes(PREFIXES), loss: (batch: Batch) => comirec.loss(batch) } as const
    const contributions = (histories: Histories, _at: object, candidates: Candidates) => comirec.contributions(histories, candidates)
    return { maxLength: options.maxLength, learner, contributions, ...retrieving(comirec, context) }
  },
)

class ComiRec implements Encoder {
  private readonly options: OptionsOf<typeof fields>
  private readonly item: Embedding
  private readonly position: Embedding
  private readonly inner: Linear
  private readonly heads: Linear

  constructor(options: OptionsOf<typeof fields>, { variables, items }: ModelContext) {
    const { dim, interests, maxLength } = options
    const init = normal(0.02)
    this.options = options
    this.item = new Embedding(variables, 'item', items, dim, init)
    this.position = new Embedding(variables, 'position', maxLength, dim, init)
    this.inner = new Linear(variables, 'inner', { inner: dim, outer: 4 * dim, init, bias: false })
    this.heads = new Linear(variables, 'heads', { inner: 4 * dim, outer: interests, init, bias: false })
  }

  encode(histories: Histories): Interests {
    const { dim, interests } = this.options
    const { offsets } = histories
    const { queries } = lastRows(offsets) // [B + 1]: who has no history has no interests
    const values = gather(this.item.table, histories.items) // [T, D], without positions
    const pooled = segmentMix(this.attention(histories), values, offsets) // [B, K, D]
    const known = gather(reshape(pooled, [interests * dim]), segmentIds(queries)) // [S / K, K · D]
    return { vectors: reshape(known, [dim]), offsets: repeatOffsets(queries, interests) } // [S, D]
  }

  items(): Tensor {
    return this.item.table
  }

  loss({ histories, targets, weights, draw }: Batch): Loss {
    const { readout, loss, interests } = this.options
    const { vectors } = this.encode(histories) // [N · K, D], of one target each
    const [table, wanted] = [this.item.table, targets.items]
    const count = totalWeight(weights, wanted.shape[0])
    const drawn = loss === 'sampled-softmax' && draw ? this.negatives(vectors, draw) : undefined
    if (readout === 'target') {
      const h = chosenInterests(vectors, gather(table, wanted)) // [N, D]
      return { mean: drawn ? sampledSoftmax(h, table, wanted, drawn, { weights }) : crossEntropy(h, table, wanted, weights), count }
    }
    const mean = drawn
      ? maxSampledSoftmax(vectors, table, wanted, drawn, interests, { weights })
      : maxCrossEntropy(vectors, table, wanted, interests, weights)
    return { mean, count }
  }

  /** A score is linear in the events of the interest that it comes from: A[k, t] · e_t · e_i each, and they sum to it. */
  contributions(histories: Histories, candidates: Candidates): Tensor {
    const { interests: K, dim } = this.options
    const { vectors, offsets } = this.encode(histories)
    const rows = gather(this.item.table, candidates.items) // [C, D]
    const chosen = pairBest(vectors, offsets, rows, candidates.offsets).interests.int32() // [C]
    const attention = this.attention(histories).float32() // [T, K]
    const [events, items] = [gather(this.item.table, histories.items).float32(), rows.float32()]
    const [ends, candidateEnds] = [histories.offsets.int32(), candidates.offsets.int32()]
    const shares: number[] = []
    for (let b = 0; b + 1 < ends.length; b++) {
      for (let c = candidateEnds[b]; c < candidateEnds[b + 1]; c++) {
        for (let t = ends[b]; t < ends[b + 1]; t++) {
          let product = 0
          for (let d = 0; d < dim; d++) product += events[t * dim + d] * items[c * dim + d]
          shares.push(attention[t * K + chosen[c]] * product)
        }
      }
    }
    return Tensor.float32(rows.engine, Float32Array.from(shares))
  }

  /** Weights of the events for each head, [T, K]; those of a history sum to 1. */
  private attention({ items, offsets }: Histories): Tensor {
    const g = this.item.placed(items, 1, this.position, positions(offsets)) // [T, D]
    return segmentSoftmax(this.heads.apply(tanh(this.inner.apply(g))), offsets)
  }

  /** Uniform over the catalogue, one set a step. */
  private negatives({ engine }: Tensor, { seed, step }: Draw): Tensor {
    return Tensor.int32(engine, integers(this.options.negatives, this.item.table.shape[0], seedOf(seed, 'negatives'), step)) // [N]
  }
}
