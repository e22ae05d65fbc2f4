import { type Draw, integers, seedOf } from '../data/random.ts'
import { FociError } from '../errors.ts'
import { next } from '../examples/next.ts'
import { maxCrossEntropy } from '../losses/max-cross-entropy.ts'
import { maxSampledSoftmax } from '../losses/max-sampled-softmax.ts'
import { totalWeight } from '../losses/mean.ts'
import { Attention } from '../nn/attention.ts'
import { Dropout } from '../nn/dropout.ts'
import { Embedding } from '../nn/embedding.ts'
import { LayerNorm } from '../nn/layer-norm.ts'
import { Linear } from '../nn/linear.ts'
import { tanh } from '../ops/activation.ts'
import { prefixMix } from '../ops/prefix-mix.ts'
import { concat, reshape } from '../ops/rows.ts'
import { lastRows, positions, repeatOffsets, segmentIds, segmentMix, segmentSoftmax } from '../ops/segments.ts'
import { gather } from '../ops/table.ts'
import { filled, normal } from '../tensor/init.ts'
import { Tensor } from '../tensor/tensor.ts'
import { type Encoder, retrieving } from './adapters.ts'
import type { Batch, Histories, Interests, Loss, ModelContext } from './contracts.ts'
import { choice, defineModel, integer, number, type OptionsOf } from './define.ts'

const EPSILON = 1e-8

/** Gain that pooled interests begin with. As loud as the anchor, they win items before they know any, and it learns less. */
const QUIET = 0.25

const fields = {
  interests: integer(5, { min: 1, max: 64, help: 'the vectors of a user, the anchor among them; 1 is a single-vector model' }),
  dim: integer(64, { min: 1, max: 4096, help: 'the width of the item vectors' }),
  blocks: integer(1, { min: 1, max: 64, help: 'the number of transformer blocks' }),
  heads: integer(1, { min: 1, max: 64, help: 'the attention heads; they divide dim' }),
  dropout: number(0.1, { min: 0, max: 0.95, help: 'the share of values dropped in training' }),
  valueDropout: number(0.1, { min: 0, max: 0.95, help: 'the share dropped of the item vectors that interests pool' }),
  maxLength: integer(200, { min: 1, max: 10_000, help: 'the latest events that are read' }),
  loss: choice(['cross-entropy', 'sampled-softmax'], { help: 'cross entropy over the whole catalogue, or over sampled negatives' }),
  negatives: integer(512, { min: 1, max: 1_000_000, help: 'the negatives that a batch shares, for sampled softmax' }),
}

/**
 * Several interests on self-attention, trained at every event: the last event's vector, which has read the history, is the
 * first interest, an anchor; the others are attention heads' weighted sums of items, as ComiRec's are (Cen et al., KDD 2020),
 * on logits that the encoder makes (Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018).
 *
 * Ours are the anchor and the loss. Heads alone lack the current state; trained by the target's choice they are never compared
 * with each other, and serving compares them: here every item is scored by the best interest in training as in serving. The
 * heads' logits do not depend on who asks, so one scan pools every prefix.
 */
export const miSa = defineModel(
  'mi-sa',
  'Self-attention with several interests: the last event’s, and what attention heads pool.',
  fields,
  (options, context) => {
    const model = new MultiInterest(options, context)
    const learner = { by: 'steps', examples: next(), loss: (batch: Batch) => model.loss(batch) } as const
    return { maxLength: options.maxLength, learner, ...retrieving(model, context) }
  },
)

class MultiInterest implements Encoder {
  private readonly options: OptionsOf<typeof fields>
  private readonly item: Embedding
  private readonly position: Embedding
  private readonly drop: Dropout
  private readonly blocks: readonly Block[]
  private readonly norm: LayerNorm
  private readonly pool: Pool | undefined

  constructor(options: OptionsOf<typeof fields>, { variables, items }: ModelContext) {
    const { dim, blocks, heads, interests, maxLength, dropout } = options
    if (dim % heads !== 0)
      throw new FociError('OPTION', `mi-sa's ${heads} heads do not divide its dim of ${dim}.`, 'Choose heads that do, such as 1, 2 or 4.')
    this.options = options
    this.item = new Embedding(variables, 'item', items, dim, normal(0.02))
    this.position = new Embedding(variables, 'position', maxLength, dim, normal(0.02))
    this.drop = new Dropout('input', dropout)
    this.blocks = Array.from({ length: blocks }, (_, i) => new Block(variables, `block.${i}`, options))
    this.norm = new LayerNorm(variables, 'norm', dim, EPSILON)
    this.pool = interests > 1 ? new Pool(variables, options) : undefined
  }

  encode(histories: Histories): Interests {
    const { offsets } = histories
    const { rows, queries } = lastRows(offsets) // [S / K], [B + 1]
    const h = this.read(histories) // [T, D]
    const anchors = gather(h, rows) // [S / K, D]
    if (!this.pool) return { vectors: anchors, offsets: queries }
    const pooled = this.pool.last(h, gather(this.item.table, histories.items), offsets) // [B, (K − 1) · D]
    const own = gather(pooled, segmentIds(queries)) // [S / K, (K − 1) · D]
    return { vectors: this.beside(anchors, own), offsets: repeatOffsets(queries, this.options.interests) } // [S, D]
  }

  items(): Tensor {
    return this.item.table
  }

  loss({ histories, targets, weights, draw }: Batch): Loss {
    const { interests, loss } = this.options
    const h = this.read(histories, draw) // [T, D]
    const pooled = this.pool?.every(h, gather(this.item.table, histories.items), histories.offsets, draw) // [T, (K − 1) · D]
    const vectors = pooled ? this.beside(h, pooled) : h // [T · K, D]
    const [table, wanted] = [this.item.table, targets.items]
    const mean =
      loss === 'sampled-softmax' && draw
        ? maxSampledSoftmax(vectors, table, wanted, this.negatives(h, draw), interests, { weights })
        : maxCrossEntropy(vectors, table, wanted, interests, weights)
    return { mean, count: totalWeight(weights, wanted.shape[0]) }
  }

  /** What each event has read of those up to it, [T, D]. */
  private read({ items, offsets }: Histories, draw?: Draw): Tensor {
    const placed = this.item.placed(items, Math.sqrt(this.options.dim), this.position, positions(offsets))
    let x = this.drop.apply(placed, draw) // [T, D]
    for (const block of this.blocks) x = block.apply(x, offsets, draw)
    return this.norm.apply(x)
  }

  /** An anchor and its other interests, one after the other: [n, D], [n, (K − 1) · D] → [n · K, D]. */
  private beside(anchors: Tensor, others: Tensor): Tensor {
    return reshape(concat(anchors, others), [this.options.dim])
  }

  /** Uniform over the catalogue, one set a step. */
  private negatives({ engine }: Tensor, { seed, step }: Draw): Tensor {
    return Tensor.int32(engine, integers(this.options.negatives, this.item.table.shape[0], seedOf(seed, 'negatives'), step)) // [N]
  }
}

/** Attention heads that pool item vectors; each pool, normalised, is an interest. */
class Pool {
  private readonly inner: Linear
  private readonly heads: Linear
  private readonly norm: LayerNorm
  private readonly drop: Dropout
  private readonly width: number

  constructor(variables: ModelContext['variables'], { dim, interests, valueDropout }: OptionsOf<typeof fields>) {
    const init = normal(0.02)
    this.inner = new Linear(variables, 'pool.inner', { inner: dim, outer: 4 * dim, init, bias: false })
    this.heads = new Linear(variables, 'pool.heads', { inner: 4 * dim, outer: interests - 1, init, bias: false })
    this.norm = new LayerNorm(variables, 'pool.norm', dim, EPSILON, filled(QUIET))
    this.drop = new Dropout('pool.values', valueDropout)
    this.width = (interests - 1) * dim
  }

  /** Of every prefix, [T, (K − 1) · D]. @param values item vectors, [T, D] */
  every(h: Tensor, values: Tensor, offsets: Tensor, draw?: Draw): Tensor {
    const pooled = prefixMix(this.logits(h), this.drop.apply(values, draw), offsets) // [T, K − 1, D]
    return reshape(this.norm.apply(pooled), [this.width])
  }

  /** Of whole histories, [B, (K − 1) · D]. */
  last(h: Tensor, values: Tensor, offsets: Tensor): Tensor {
    const pooled = segmentMix(segmentSoftmax(this.logits(h), offsets), values, offsets) // [B, K − 1, D]
    return reshape(this.norm.apply(pooled), [this.width])
  }

  private logits(h: Tensor): Tensor {
    return this.heads.apply(tanh(this.inner.apply(h))) // [T, K − 1]
  }
}

/** A causal pre-normalised block. */
class Block {
  private readonly queryNorm: LayerNorm
  private readonly attention: Attention
  private readonly forwardNorm: LayerNorm
  private readonly inner: Linear
  private readonly outer: Linear
  private readonly innerDrop: Dropout
  private readonly outerDrop: Dropout

  constructor(variables: ModelContext['variables'], name: string, { dim, heads, dropout }: OptionsOf<typeof fields>) {
    const init = normal(0.02)
    this.queryNorm = new LayerNorm(variables, `${name}.query-norm`, dim, EPSILON)
    this.attention = new Attention(variables, `${name}.attention`, { dim, heads, dropout, init })
    this.forwardNorm = new LayerNorm(variables, `${name}.forward-norm`, dim, EPSILON)
    this.inner = new Linear(variables, `${name}.inner`, { inner: dim, outer: dim, init })
    this.outer = new Linear(variables, `${name}.outer`, { inner: dim, outer: dim, init })
    this.innerDrop = new Dropout(`${name}.inner`, dropout)
    this.outerDrop = new Dropout(`${name}.outer`, dropout)
  }

  /** @param x [T, D] */
  apply(x: Tensor, offsets: Tensor, draw?: Draw): Tensor {
    const q = this.queryNorm.apply(x) // [T, D]
    const read = this.attention.apply(q, q, { queries: offsets, offsets }, draw, x) // [T, D]
    const y = this.forwardNorm.apply(read) // [T, D]
    const f = this.innerDrop.apply(this.inner.relu(y), draw) // [T, D]
    return this.outerDrop.onto(read, this.outer, f, draw) // [T, D]
  }
}
