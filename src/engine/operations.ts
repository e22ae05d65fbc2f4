// Made by scripts/operations.mjs from crates/engine/src/operations.rs: change it there.
import type { Id, Ids } from './engine.ts'

/** One function an operation. An argument that may be 0, no tensor, says so. */
export interface Operations {
  // Elementwise, over tensors of one shape
  add(a: Id, b: Id): Id
  multiply(a: Id, b: Id): Id
  scale(x: Id, factor: number): Id
  /** x · s for a scalar tensor s, []. */
  scaleBy(x: Id, s: Id): Id
  relu(x: Id): Id
  reluGradient(x: Id, dy: Id): Id
  /** The exact form, x · Φ(x). */
  gelu(x: Id): Id
  geluGradient(x: Id, dy: Id): Id
  silu(x: Id): Id
  siluGradient(x: Id, dy: Id): Id
  sigmoid(x: Id): Id
  /** From the output y: dy ⊙ y ⊙ (1 − y). */
  sigmoidGradient(y: Id, dy: Id): Id
  tanh(x: Id): Id
  /** From the output y: dy ⊙ (1 − y²). */
  tanhGradient(y: Id, dy: Id): Id
  /**
   * Zeroes each element with probability `rate` and scales the rest by 1 / (1 − rate). The mask depends on
   * (seed, draw, position) alone; its own gradient. `seed` and `draw` are u32.
   */
  dropout(x: Id, rate: number, seed: number, draw: number): Id

  // Rows: [..., D] seen as [rows, D]
  /** x + row, the same row [D] for each. */
  addRow(x: Id, row: Id): Id
  /** Σ over the rows of [..., D] → [D]. */
  sumRows(x: Id): Id
  /** Σ of all elements → []. */
  sum(x: Id): Id
  /** Softmax along the last axis. A row of −∞ alone gives zeros. */
  softmax(x: Id): Id
  softmaxGradient(y: Id, dy: Id): Id
  /** y = gain ⊙ (x − mean) / √(variance + epsilon) + bias, population variance, along the last axis. */
  layerNorm(x: Id, gain: Id, bias: Id, epsilon: number): Id
  /** → [dx, dgain [D], dbias [D]] */
  layerNormGradient(x: Id, gain: Id, dy: Id, epsilon: number): Ids
  /** Rows divided by their Euclidean norm, floored at 1e-6. */
  normalize(x: Id): Id
  normalizeGradient(x: Id, dy: Id): Id

  // Products
  /** x [T, I] · w [I, O] + bias [O] (0: none) → [T, O]. A row's bits do not depend on the other rows. */
  linear(x: Id, w: Id, bias: Id): Id
  /** dy [T, O] · wᵀ → [T, I] */
  linearInputGradient(dy: Id, w: Id): Id
  /** xᵀ · dy → [I, O] */
  linearWeightGradient(x: Id, dy: Id): Id
  /** max(x · w + bias, 0) → [T, O], as `linear` */
  linearRelu(x: Id, w: Id, bias: Id): Id
  /** onto [T, O] + (x · w + bias) → [T, O], as `linear` */
  linearOnto(onto: Id, x: Id, w: Id, bias: Id): Id
  /** a [n, D] · bᵀ, b [m, D] → [n, m]. Bits of an element depend on its two rows alone. */
  inner(a: Id, b: Id): Id

  // Tables
  /** Rows of a table [V, D] by ids [T] → [T, D]. */
  gather(table: Id, ids: Id): Id
  /** dy [T, D] summed by id → [rows [U, D], ids [U]], ids ascending, duplicates summed in order of occurrence. */
  gatherGradient(dy: Id, ids: Id): Ids
  /** factor · rows of a table [V, D] by ids [T] + rows of places [L, D] by positions [T] → [T, D]. */
  embed(table: Id, ids: Id, factor: number, places: Id, positions: Id): Id
  /** Two gradients by rows as one → [rows, ids], ids ascending; a before b where an id is in both. */
  mergeRows(aRows: Id, aIds: Id, bRows: Id, bIds: Id): Ids
  /** Rows by ascending ids → [count, D], zero elsewhere. */
  scatter(rows: Id, ids: Id, count: number): Id

  // Segments: rows at offsets i32 [B + 1], those of segment b from offsets[b] to offsets[b + 1]
  /** Offsets [B + 1] → i32 [T]: each event's index within its segment. */
  positions(offsets: Id): Id
  /**
   * Offsets [B + 1] → [rows i32 [S], queries i32 [B + 1]]: the last event of each segment that has one, and
   * where they stand.
   */
  lastRows(offsets: Id): Ids

  // Attention
  /**
   * Causal multi-head attention within segments, never materialised. Keys and values stand at `offsets` [B + 1];
   * the queries of segment b, `queries` [B + 1], are its last rows (all of them where queries = offsets).
   * q [Q, D], k and v [T, D], scale 1/√(D/H), a head at most 1,024 wide; dropout on the weights, keyed as
   * `dropout` → [out [Q, D], lse [Q, H]].
   */
  attention(q: Id, k: Id, v: Id, queries: Id, offsets: Id, heads: number, rate: number, seed: number, draw: number): Ids
  /** → [dq, dk, dv] */
  attentionGradient(
    q: Id,
    k: Id,
    v: Id,
    out: Id,
    lse: Id,
    dout: Id,
    queries: Id,
    offsets: Id,
    heads: number,
    rate: number,
    seed: number,
    draw: number,
  ): Ids

  // Selection
  /**
   * The k best items for each user: score = max over the user's vectors of vector · item. vectors [S, D] at
   * `offsets` [B + 1], items [V, D]; `seen` i32 [X] at `seenOffsets` [B + 1] are left out, and items without a bit
   * in `allowed` (i32 [⌈V/32⌉], bit i % 32 of word i / 32; 0: all). Order: score descending, then id ascending. A
   * user without vectors gets none → [items i32 [B, k], scores [B, k], interests i32 [B, k] within the user];
   * absent places hold −1, −∞, −1. Vectors and scores that are not finite are `NON_FINITE`: users would get
   * nothing, and be taken for newcomers.
   *
   * `quantized` is what `quantize` made of these items (0: nothing). Its codes are read in their place, and the
   * items that the codes cannot rule out are scored: the same bits, from about a quarter of the memory.
   */
  topK(vectors: Id, offsets: Id, items: Id, k: number, seen: Id, seenOffsets: Id, allowed: Id, quantized: Id): Ids
  /**
   * Items [V, D] as 8-bit codes, with a scale each and a bound on what they lose: i32, in an order of the
   * engine's own.
   */
  quantize(items: Id): Id
  /** The same over given scores [B, V] → [items i32 [B, k], scores [B, k]]. */
  topKScores(scores: Id, k: number, seen: Id, seenOffsets: Id, allowed: Id): Ids

  // Losses, each with its gradients at a unit upstream gradient
  /**
   * Mean over T of LSE_V(h · itemsᵀ) − h · items[target], in blocks; h [T, D], items [V, D], targets i32 [T]
   * → [loss [], dh, ditems].
   */
  crossEntropy(h: Id, items: Id, targets: Id): Ids
  /**
   * Mean over T of the cross entropy over {target} ∪ negatives: h and positives [T, D], negatives [N, D] shared
   * by all rows, with the ids `targets` [T] and `drawn` [N]; a negative equal to the row's target is left out
   * → [loss [], dh, dpositives, dnegatives].
   */
  sampledSoftmax(h: Id, positives: Id, negatives: Id, targets: Id, drawn: Id): Ids

  // Optimisers
  /** Σ x², in f64. */
  squaredNorm(x: Id): number
  /** 1 where every element is finite, else 0. */
  finite(x: Id): number
  /**
   * One Adam step in place on variables: g = clip · gradient, m = β1 m + (1 − β1) g, v = β2 v + (1 − β2) g²,
   * θ −= rate · decay · θ + rate · m̂ / (√v̂ + ε), with bias corrections for `step` ≥ 1.
   */
  adam(
    parameter: Id,
    first: Id,
    second: Id,
    gradient: Id,
    rate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    decay: number,
    step: number,
    clip: number,
  ): void
  /** The same on the rows `ids` [U] alone (ascending, distinct), rows [U, D]; bias corrections by the global step. */
  adamRows(
    parameter: Id,
    first: Id,
    second: Id,
    rows: Id,
    ids: Id,
    rate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    decay: number,
    step: number,
    clip: number,
  ): void
}

/** What the table says of an operation besides its type. */
export interface Signature {
  /** Which of the arguments are tensors. */
  readonly tensors: readonly number[]
  readonly gives: 'tensors' | 'number' | 'nothing'
  /** Whether builds that only serve leave it out. */
  readonly training?: true
}

export const signatures = {
  add: { tensors: [0, 1], gives: 'tensors' },
  multiply: { tensors: [0, 1], gives: 'tensors' },
  scale: { tensors: [0], gives: 'tensors' },
  scaleBy: { tensors: [0, 1], gives: 'tensors' },
  relu: { tensors: [0], gives: 'tensors' },
  reluGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  gelu: { tensors: [0], gives: 'tensors' },
  geluGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  silu: { tensors: [0], gives: 'tensors' },
  siluGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  sigmoid: { tensors: [0], gives: 'tensors' },
  sigmoidGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  tanh: { tensors: [0], gives: 'tensors' },
  tanhGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  dropout: { tensors: [0], gives: 'tensors', training: true },
  addRow: { tensors: [0, 1], gives: 'tensors' },
  sumRows: { tensors: [0], gives: 'tensors' },
  sum: { tensors: [0], gives: 'tensors' },
  softmax: { tensors: [0], gives: 'tensors' },
  softmaxGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  layerNorm: { tensors: [0, 1, 2], gives: 'tensors' },
  layerNormGradient: { tensors: [0, 1, 2], gives: 'tensors', training: true },
  normalize: { tensors: [0], gives: 'tensors' },
  normalizeGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  linear: { tensors: [0, 1, 2], gives: 'tensors' },
  linearInputGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  linearWeightGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  linearRelu: { tensors: [0, 1, 2], gives: 'tensors' },
  linearOnto: { tensors: [0, 1, 2, 3], gives: 'tensors' },
  inner: { tensors: [0, 1], gives: 'tensors' },
  gather: { tensors: [0, 1], gives: 'tensors' },
  gatherGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  embed: { tensors: [0, 1, 3, 4], gives: 'tensors' },
  mergeRows: { tensors: [0, 1, 2, 3], gives: 'tensors', training: true },
  scatter: { tensors: [0, 1], gives: 'tensors', training: true },
  positions: { tensors: [0], gives: 'tensors' },
  lastRows: { tensors: [0], gives: 'tensors' },
  attention: { tensors: [0, 1, 2, 3, 4], gives: 'tensors' },
  attentionGradient: { tensors: [0, 1, 2, 3, 4, 5, 6, 7], gives: 'tensors', training: true },
  topK: { tensors: [0, 1, 2, 4, 5, 6, 7], gives: 'tensors' },
  quantize: { tensors: [0], gives: 'tensors' },
  topKScores: { tensors: [0, 2, 3, 4], gives: 'tensors' },
  crossEntropy: { tensors: [0, 1, 2], gives: 'tensors', training: true },
  sampledSoftmax: { tensors: [0, 1, 2, 3, 4], gives: 'tensors', training: true },
  squaredNorm: { tensors: [0], gives: 'number', training: true },
  finite: { tensors: [0], gives: 'number', training: true },
  adam: { tensors: [0, 1, 2, 3], gives: 'nothing', training: true },
  adamRows: { tensors: [0, 1, 2, 3, 4], gives: 'nothing', training: true },
} as const satisfies Readonly<Record<keyof Operations, Signature>>

/** The operations that builds which only serve leave out. */
export type Training = {
  [Op in keyof Operations]: (typeof signatures)[Op] extends { training: true } ? Op : never
}[keyof Operations]
