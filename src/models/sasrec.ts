import { type Draw, integers, seedOf } from '../data/random.ts'
import { FociError } from '../errors.ts'
import { next } from '../examples/next.ts'
import { crossEntropy } from '../losses/cross-entropy.ts'
import { totalWeight } from '../losses/mean.ts'
import { sampledSoftmax } from '../losses/sampled-softmax.ts'
import { Attention, type Segments } from '../nn/attention.ts'
import { Dropout } from '../nn/dropout.ts'
import { Embedding } from '../nn/embedding.ts'
import { LayerNorm } from '../nn/layer-norm.ts'
import { Linear } from '../nn/linear.ts'
import { type LastRows, lastRows, positions } from '../ops/segments.ts'
import { gather } from '../ops/table.ts'
import { normal } from '../tensor/init.ts'
import { Tensor } from '../tensor/tensor.ts'
import { type Encoder, retrieving } from './adapters.ts'
import type { Batch, Histories, Interests, Loss, ModelContext } from './contracts.ts'
import { choice, defineModel, integer, number, type OptionsOf } from './define.ts'

/** The original paper's; with a smaller one the first normalisation of tiny initial rows would be noise. */
const EPSILON = 1e-8

/** What the engine's attention has room for. */
const WIDEST_HEAD = 1024

const fields = {
  dim: integer(64, { min: 1, max: 4096, help: 'the width of the item vectors' }),
  blocks: integer(2, { min: 1, max: 64, help: 'the number of transformer blocks' }),
  heads: integer(1, { min: 1, max: 64, help: 'the attention heads; they divide dim' }),
  dropout: number(0.1, { min: 0, max: 0.95, help: 'the share of values dropped in training' }),
  maxLength: integer(200, { min: 1, max: 10_000, help: 'the latest events that are read' }),
  loss: choice(['cross-entropy', 'sampled-softmax'], { help: 'cross entropy over the whole catalogue, or over sampled negatives' }),
  negatives: integer(1024, { min: 1, max: 1_000_000, help: 'the negatives that a batch shares, for sampled softmax' }),
}

/**
 * SASRec: each event attends to the ones before it, and the last event's vector is the user's one interest.
 * Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018.
 *
 * Trained by cross entropy over the catalogue with the item table on both sides, as Klenitskiy and Vasilev ("Turning Dross
 * Into Gold Loss", RecSys 2023) showed to be decisive; the attention has an output projection, as in most implementations.
 */
export const sasrec = defineModel(
  'sasrec',
  'Self-attention over the history; the last event is the user’s one interest.',
  fields,
  (options, context) => {
    const sasrec = new Sasrec(options, context)
    const learner = { by: 'steps', examples: next(), loss: (batch: Batch) => sasrec.loss(batch) } as const
    return { maxLength: options.maxLength, learner, ...retrieving(sasrec, context) }
  },
)

class Sasrec implements Encoder {
  private readonly options: OptionsOf<typeof fields>
  private readonly item: Embedding
  private readonly position: Embedding
  private readonly drop: Dropout
  private readonly blocks: readonly Block[]
  private readonly norm: LayerNorm

  constructor(options: OptionsOf<typeof fields>, { variables, items }: ModelContext) {
    const { dim, blocks, heads, maxLength, dropout } = options
    if (dim % heads !== 0)
      throw new FociError('OPTION', `sasrec's ${heads} heads do not divide its dim of ${dim}.`, 'Choose heads that do, such as 1, 2 or 4.')
    if (dim / heads > WIDEST_HEAD) {
      const message = `sasrec's ${heads} heads are ${dim / heads} wide at a dim of ${dim}, and ${WIDEST_HEAD} is the most.`
      throw new FociError('OPTION', message, 'Choose more heads, or a smaller dim.')
    }
    this.options = options
    this.item = new Embedding(variables, 'item', items, dim, normal(0.02))
    this.position = new Embedding(variables, 'position', maxLength, dim, normal(0.02))
    this.drop = new Dropout('input', dropout)
    this.blocks = Array.from({ length: blocks }, (_, i) => new Block(variables, `block.${i}`, options))
    this.norm = new LayerNorm(variables, 'norm', dim, EPSILON)
  }

  encode(histories: Histories): Interests {
    const last = lastRows(histories.offsets)
    return { vectors: this.read(histories, last), offsets: last.queries } // [S, D], [B + 1]
  }

  items(): Tensor {
    return this.item.table
  }

  loss({ histories, targets, weights, draw }: Batch): Loss {
    const h = this.read(histories, undefined, draw) // [T, D]
    const count = totalWeight(weights, targets.items.shape[0])
    if (this.options.loss === 'cross-entropy' || !draw) return { mean: crossEntropy(h, this.item.table, targets.items, weights), count }
    return { mean: sampledSoftmax(h, this.item.table, targets.items, this.negatives(h, draw), { weights }), count }
  }

  /** What each event, or the last of each history alone, has read of those up to it: [T, D] or [S, D]. */
  private read({ items, offsets }: Histories, last?: LastRows, draw?: Draw): Tensor {
    let x = this.events(items, offsets, draw) // [T, D]
    for (const block of this.blocks.slice(0, -1)) x = block.apply(x, x, { queries: offsets, offsets }, draw)
    const asked = last ? gather(x, last.rows) : x
    const read = this.blocks[this.blocks.length - 1].apply(asked, x, { queries: last?.queries ?? offsets, offsets }, draw)
    return this.norm.apply(read)
  }

  /** √D · item + position, [T, D]. */
  private events(items: Tensor, offsets: Tensor, draw?: Draw): Tensor {
    const x = this.item.placed(items, Math.sqrt(this.options.dim), this.position, positions(offsets))
    return this.drop.apply(x, draw)
  }

  /** Uniform over the catalogue, one set a step. */
  private negatives(h: Tensor, { seed, step }: Draw): Tensor {
    const drawn = integers(this.options.negatives, this.item.table.shape[0], seedOf(seed, 'negatives'), step)
    return Tensor.int32(h.engine, drawn) // [N]
  }
}

/** The paper's block: the query is normalised, keys and values are not, and the residual is the normalised query. */
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

  /** @param x the rows that ask, [Q, D]; @param memory all rows, [T, D] */
  apply(x: Tensor, memory: Tensor, segments: Segments, draw?: Draw): Tensor {
    const q = this.queryNorm.apply(x) // [Q, D]
    const y = this.forwardNorm.apply(this.attention.apply(q, memory, segments, draw)) // [Q, D]
    const f = this.innerDrop.apply(this.inner.relu(y), draw) // [Q, D]
    return this.outerDrop.onto(y, this.outer, f, draw) // [Q, D]
  }
}
