import type { Draw } from '../data/random.ts'
import { labelled } from '../examples/labelled.ts'
import { bce } from '../losses/bce.ts'
import { totalWeight } from '../losses/mean.ts'
import { Dice } from '../nn/dice.ts'
import { Embedding } from '../nn/embedding.ts'
import { Linear } from '../nn/linear.ts'
import { add, multiply } from '../ops/elementwise.ts'
import { type PairPlaces, pairLinear, pairMix } from '../ops/pairs.ts'
import { sum } from '../ops/reduce.ts'
import { concat, narrow, reshape, rowDot } from '../ops/rows.ts'
import { lastRows, segmentIds, segmentMean, segmentSum } from '../ops/segments.ts'
import { softmax } from '../ops/softmax.ts'
import { gather } from '../ops/table.ts'
import type { Split } from '../split/split.ts'
import { glorot, normal } from '../tensor/init.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { Batch, Candidates, Histories, Loss, Model, ModelContext } from './contracts.ts'
import { choice, defineModel, integer, number, type OptionsOf } from './define.ts'
import { wordsFeature } from './features.ts'
import { countItems } from './popularity.ts'

/** Prefixes of a window that an epoch learns from, at most. */
const PREFIXES = 4

const fields = {
  dim: integer(64, { min: 1, max: 4096, help: 'the width of the item vectors, and of those of categories beside them' }),
  maxLength: integer(50, { min: 1, max: 10_000, help: 'the latest events that are read' }),
  units: integer(36, { min: 1, max: 4096, help: 'the units that weigh an event for a candidate' }),
  hidden: integer(200, { min: 2, max: 4096, help: 'the units of the first layer above the pooled history; the second has two fifths' }),
  pooling: choice(['target', 'mean'], { help: 'how events are summed: weighed for each candidate, or all the same' }),
  negatives: integer(4, { min: 1, max: 1000, help: 'items that are not wanted, drawn beside each target where the log shows none' }),
  penalty: number(0.01, { min: 0, max: 1000, help: 'the mini-batch aware L2 penalty of the item vectors' }),
}

/**
 * DIN, a ranker: for each candidate a small network weighs the events of the history, by what the two are and by their product,
 * without a softmax, so that many events of a kind count more than one; layers above read the weighted sum, the candidate and
 * the product of both.
 * Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018.
 *
 * Trained by Adam, where the paper takes SGD; layers of 200 and 80, as it has them. The penalty of a step is on the items that a
 * part of it reads. Where the items table has categories, their mean stands beside an item's own vector.
 */
export const din = defineModel(
  'din',
  'A ranker that weighs the history anew for each candidate.',
  fields,
  (options, context) => {
    const din = new Din(options, context)
    const { negatives, maxLength } = options
    const examples = labelled({ prefixes: PREFIXES, negatives })
    const loss = (batch: Batch) => din.loss(batch)
    const score: Model['score'] = (histories, _at, candidates) => din.score(histories, candidates)
    const count = (split: Split) => din.count(split)
    return { maxLength, score, learner: { by: 'steps', examples, negatives, loss, count } }
  },
  { training: { judge: 'gauc', patience: 5 } },
)

class Din {
  private readonly options: OptionsOf<typeof fields>
  private readonly vectors: ItemVectors
  private readonly unit: ActivationUnit | undefined
  private readonly tower: Tower
  /** How often each item stands in the training rows, [V]. */
  private counts: Float32Array = new Float32Array()

  constructor(options: OptionsOf<typeof fields>, context: ModelContext) {
    this.options = options
    this.vectors = new ItemVectors(context, options.dim)
    this.unit = options.pooling === 'target' ? new ActivationUnit(context, this.vectors.width, options.units) : undefined
    this.tower = new Tower(context, [3 * this.vectors.width, options.hidden, Math.ceil(0.4 * options.hidden)])
  }

  count({ log, trainEnd }: Split): void {
    this.counts = countItems(log.items, log.offsets, trainEnd, log.catalogue.size)
  }

  /** Logits of the candidates, [C]. */
  score(histories: Histories, candidates: Candidates, draw?: Draw): Tensor {
    const places = { offsets: histories.offsets, candidateOffsets: candidates.offsets }
    const table = this.vectors.all() // [V, D]
    const [events, items] = [gather(table, histories.items), gather(table, candidates.items)] // [T, D], [C, D]
    const pooled = this.unit ? this.unit.pool(events, items, places, draw) : meanOf(events, places) // [C, D]
    const logits = this.tower.apply(concat(concat(pooled, items), multiply(pooled, items)), draw) // [C]
    return draw ? logits : multiply(logits, hasHistory(events, places)) // who learns has a history
  }

  loss({ histories, targets, labels, weights, draw }: Batch): Loss {
    const logits = this.score(histories, targets, draw)
    const wanted = labels ?? Tensor.float32(logits.engine, new Float32Array(logits.shape[0]).fill(1))
    const mean = bce(logits, wanted, weights)
    return { mean: add(mean, this.penalty(histories, targets)), count: totalWeight(weights, wanted.shape[0]) }
  }

  /** λ / 2 · Σ |e_j|² / n_j over the items j that are read, each once, n_j how often it occurs. */
  private penalty(histories: Histories, targets: Candidates): Tensor {
    const read = Int32Array.from(new Set([...histories.items.int32(), ...targets.items.int32()]))
    const rows = gather(this.vectors.item.table, Tensor.int32(targets.items.engine, read)) // [J, D]
    const shares = Float32Array.from(read, (item) => this.options.penalty / (2 * Math.max(1, this.counts[item] ?? 1)))
    return sum(multiply(rowDot(rows, rows), Tensor.float32(rows.engine, shares)))
  }
}

/** A vector of each item, and beside it the mean of those of its categories, where the items table has any. */
class ItemVectors {
  readonly item: Embedding
  readonly width: number
  readonly all: () => Tensor

  constructor({ variables, items, catalogue }: ModelContext, dim: number) {
    const init = normal(0.05)
    this.item = new Embedding(variables, 'item', items, dim, init)
    const words = wordsFeature({ kind: 'words', of: catalogue?.categories ?? [] })
    this.width = words.size > 0 ? 2 * dim : dim
    if (words.size === 0) {
      this.all = () => this.item.table
      return
    }
    const category = new Embedding(variables, 'category', words.size, dim, init)
    const [values, offsets] = [
      variables.constant('categories', words.values, [words.values.length]),
      variables.constant('categories.offsets', words.offsets, [words.offsets.length]),
    ]
    const table = () => concat(this.item.table, segmentMean(gather(category.table, values), offsets)) // [V, 2 dim]
    this.all = variables.derived('item vectors', table)
  }
}

/** Weighs events for each candidate: a layer over the two and their product, Dice, and a number. */
class ActivationUnit {
  private readonly ofEvent: Linear
  private readonly ofCandidate: Linear
  private readonly ofProduct: Linear
  private readonly dice: Dice
  private readonly weight: Linear

  constructor({ variables }: ModelContext, width: number, units: number) {
    const layer = { inner: width, outer: units, init: glorot }
    this.ofEvent = new Linear(variables, 'unit.event', layer)
    this.ofCandidate = new Linear(variables, 'unit.candidate', { ...layer, bias: false })
    this.ofProduct = new Linear(variables, 'unit.product', { ...layer, bias: false })
    this.dice = new Dice(variables, 'unit.dice', units)
    this.weight = new Linear(variables, 'unit.weight', { inner: units, outer: 1, init: glorot })
  }

  /** @param events [T, D] @param items [C, D] @returns [C, D] */
  pool(events: Tensor, items: Tensor, places: PairPlaces, draw?: Draw): Tensor {
    const [ofEvents, ofCandidates] = [events, items]
    const operands = { events: this.ofEvent.apply(events), candidates: this.ofCandidate.apply(items), ofEvents, ofCandidates }
    const hidden = this.dice.apply(pairLinear({ ...operands, weight: this.ofProduct.weight }, places), draw) // [P, units]
    return pairMix(reshape(this.weight.apply(hidden), []), events, places)
  }
}

/** Layers that make a logit. */
class Tower {
  private readonly layers: readonly { readonly linear: Linear; readonly dice: Dice }[]
  private readonly logit: Linear

  /** @param widths of what is read, and of the layers */
  constructor({ variables }: ModelContext, widths: readonly number[]) {
    this.layers = widths.slice(1).map((outer, i) => ({
      linear: new Linear(variables, `layer.${i}`, { inner: widths[i], outer, init: glorot }),
      dice: new Dice(variables, `layer.${i}.dice`, outer),
    }))
    this.logit = new Linear(variables, 'logit', { inner: widths[widths.length - 1], outer: 1, init: glorot })
  }

  /** @param x [C, widths[0]] @returns [C] */
  apply(x: Tensor, draw?: Draw): Tensor {
    const hidden = this.layers.reduce((y, { linear, dice }) => dice.apply(linear.apply(y), draw), x)
    return reshape(this.logit.apply(hidden), [])
  }
}

/** The mean of each user's events for each of its candidates, [C, D]. */
function meanOf(events: Tensor, { offsets, candidateOffsets }: PairPlaces): Tensor {
  return gather(segmentMean(events, offsets), segmentIds(candidateOffsets))
}

/** 1 for candidates of users with a history, 0 for those of others, of whom nothing is known, [C]. */
function hasHistory(events: Tensor, { offsets, candidateOffsets }: PairPlaces): Tensor {
  const { rows, queries } = lastRows(offsets)
  const ones = softmax(narrow(gather(events, rows), 0, 1)) // of one number it is 1, for as many users as a program runs with
  return reshape(gather(segmentSum(ones, queries), segmentIds(candidateOffsets)), []) // [B, 1] → [C]
}
