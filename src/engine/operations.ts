// Made by scripts/operations.mjs from crates/engine/src/operations.rs: change it there.
import type { Id, Ids } from './engine.ts'

/** One function an operation. An argument that may be 0, no tensor, says so. */
export interface Operations {
  // Elementwise, over tensors of one shape
  add(a: Id, b: Id): Id
  subtract(a: Id, b: Id): Id
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
  /** ln(1 + exp(x)), without overflow; its derivative is the sigmoid. */
  softplus(x: Id): Id
  /**
   * Zeroes each element with probability `rate` and scales the rest by 1 / (1 − rate). The mask depends on
   * (seed, draw, position) alone; its own gradient. `seed` and `draw` are u32.
   */
  dropout(x: Id, rate: number, seed: number, draw: number): Id

  // Rows: [..., D] seen as [rows, D]
  /** x + row, the same row [D] for each. */
  addRow(x: Id, row: Id): Id
  /** x ⊙ row, the same row [D] for each. */
  multiplyRow(x: Id, row: Id): Id
  /** Σ over the rows of [..., D] → [D]. */
  sumRows(x: Id): Id
  /** Σ of all elements → []. */
  sum(x: Id): Id
  /** The mean of all elements → []; 0 of none. */
  mean(x: Id): Id
  /** Softmax along the last axis. A row of −∞ alone gives zeros. */
  softmax(x: Id): Id
  softmaxGradient(y: Id, dy: Id): Id
  /** y = gain ⊙ (x − mean) / √(variance + epsilon) + bias, population variance, along the last axis. */
  layerNorm(x: Id, gain: Id, bias: Id, epsilon: number): Id
  /** → [dx, dgain [D], dbias [D]] */
  layerNormGradient(x: Id, gain: Id, dy: Id, epsilon: number): Ids
  /**
   * x ⊙ (p + (1 − p) ⊙ alpha) with p = σ((x − mean) / √(variance + epsilon)), column by column; alpha, mean and
   * variance [D], of which a variance below 0 counts as 0.
   */
  dice(x: Id, alpha: Id, mean: Id, variance: Id, epsilon: number): Id
  /** → [dx, dalpha, dmean, dvariance] */
  diceGradient(x: Id, alpha: Id, mean: Id, variance: Id, dy: Id, epsilon: number): Ids
  /** Rows divided by their Euclidean norm, floored at 1e-6. */
  normalize(x: Id): Id
  normalizeGradient(x: Id, dy: Id): Id
  /** Inner products of the rows of a and b, both [T, D] → [T]. */
  rowDot(a: Id, b: Id): Id
  /** Rows of x [T, D], each times its number of s [T] → [T, D]. */
  scaleRows(x: Id, s: Id): Id
  /** a [T, A] and b [T, B] beside each other → [T, A + B]. */
  concat(a: Id, b: Id): Id
  /** The columns start .. start + length of x [T, D] → [T, length]. */
  narrow(x: Id, start: number, length: number): Id
  /** dy [T, length] in the columns from `start` on → [T, width], zero elsewhere. */
  narrowGradient(dy: Id, start: number, width: number): Id
  /**
   * A copy as the first `axes` (1 to 4) of [n, second, third, fourth], n as many as there are: a program finds n
   * anew in each run.
   */
  reshape(x: Id, axes: number, second: number, third: number, fourth: number): Id

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
  /** y[t, n] = h_t · own_tn; h [T, D], own [T · N, D] with the N rows of t one after the other → [T, N]. */
  rowInner(h: Id, own: Id): Id
  /** → [dh, down] */
  rowInnerGradient(h: Id, own: Id, dy: Id): Ids

  // Tables
  /** Rows of a table [V, D] by ids [T] → [T, D]. */
  gather(table: Id, ids: Id): Id
  /** dy [T, D] summed by id → [rows [U, D], ids [U]], ids ascending, duplicates summed in order of occurrence. */
  gatherGradient(dy: Id, ids: Id): Ids
  /** factor · rows of a table [V, D] by ids [T] + rows of places [L, D] by positions [T] → [T, D]. */
  embed(table: Id, ids: Id, factor: number, places: Id, positions: Id): Id
  /** Rows of a table [V, D] by ids [T], zeros for the id −1 → [T, D]. */
  gatherOrNone(table: Id, ids: Id): Id
  /** As `gatherGradient`, without the rows whose id is −1. */
  gatherOrNoneGradient(dy: Id, ids: Id): Ids
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
  /** Offsets [B + 1] → [rows i32 [R], offsets i32 [B + 1]]: the last `most` rows of each segment, and where they stand. */
  recentRows(offsets: Id, most: number): Ids
  /** Whole numbers of a column [T] by rows [R] → i32 [R]. */
  take(column: Id, rows: Id): Id
  /**
   * Times [N] less the first of `from` [T], at `offsets` [B + 1], of the same segment → i32 [N]. Times stand at
   * `timeOffsets` [B + 1] (0: one for each segment); of a segment without rows they stay.
   */
  sinceFirst(times: Id, timeOffsets: Id, from: Id, offsets: Id): Id
  /** Offsets [B + 1] → i32 [T]: the segment of each row. */
  segmentIds(offsets: Id): Id
  /** Offsets [B + 1] of segments in which each row becomes `times` rows: K vectors for each that there is one of. */
  repeatOffsets(offsets: Id, times: number): Id
  /** Softmax over the rows of each segment of x [T, H], column by column. A column of −∞ alone gives zeros. */
  segmentSoftmax(x: Id, offsets: Id): Id
  /** dx = y ⊙ (dy − Σ y ⊙ dy), the sum over the rows of each segment. */
  segmentSoftmaxGradient(y: Id, dy: Id, offsets: Id): Id
  /** Σ over the rows of each segment of x [T, D] → [B, D], zeros for no rows; its gradient gathers by `segmentIds`. */
  segmentSum(x: Id, offsets: Id): Id
  /** The mean of the rows of each segment of x [T, D] → [B, D], zeros for no rows. */
  segmentMean(x: Id, offsets: Id): Id
  /** dy [B, D] divided by the rows of each segment → [T, D]. */
  segmentMeanGradient(dy: Id, offsets: Id): Id
  /**
   * Σ_t weights[t, k] · values[t] over the rows of each segment, weights [T, K], values [T, D] → [B, K, D], zeros
   * for no rows.
   */
  segmentMix(weights: Id, values: Id, offsets: Id): Id
  /** → [dweights [T, K], dvalues [T, D]] from dy [B, K, D] */
  segmentMixGradient(weights: Id, values: Id, dy: Id, offsets: Id): Ids
  /**
   * Every pair of an event and a candidate of one segment, events at `offsets` [B + 1] and candidates at
   * `candidateOffsets` [B + 1], candidate by candidate → [events i32 [P], candidates i32 [P], offsets i32
   * [C + 1] of the pairs by candidate].
   */
  pairs(offsets: Id, candidateOffsets: Id): Ids
  /**
   * Of each pair, as `pairs` has them, a_t + b_c + (x_t ⊙ y_c) · w: a [T, O] and x [T, I] of the events, b [C, O] and
   * y [C, I] of the candidates, w [I, O] → [P, O]. Bits of a pair depend on its rows alone.
   */
  pairLinear(a: Id, b: Id, x: Id, y: Id, w: Id, offsets: Id, candidateOffsets: Id): Id
  /**
   * Of each candidate Σ_t weights[c, t] · values[t] over the events of its segment: weights [P] as `pairs` has them,
   * values [T, D] → [C, D], zeros for no events.
   */
  pairMix(weights: Id, values: Id, offsets: Id, candidateOffsets: Id): Id
  /** The items of i32 [B, k] that are not −1, row by row → [items i32 [C], offsets i32 [B + 1]]. */
  present(items: Id): Ids

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
  /**
   * Attention in general within segments: q [Q, D] at `queries` and k, v [T, D] at `offsets`, both [B + 1]. With
   * `causal` 1 the queries of a segment are its last rows, and see the keys up to their own; with 0 there are any
   * number of them, and they see all keys of their segment. Weights are softmax(q · k / √(D/H) + bias) where `silu`
   * is 0, else SiLU(q · k + bias) / silu, a constant length. Biases are shared by the heads: `places` [2 L − 1]
   * (0: none) by the place of the key less that of the query, L − 1 for none, beyond the ends the outermost, where
   * the last query stands at the last key; `times` [129] (0: none) by the seconds between `querySeconds` i32 [Q]
   * and `keySeconds` i32 [T], bucket ⌊ln(max(1, |Δ|)) / .301⌋ up to 128. Dropout on the weights of a softmax, the
   * mask of `attention` → [out [Q, D], lse [Q, H]]; a query that sees no key gets zeros.
   */
  attend(
    q: Id,
    k: Id,
    v: Id,
    queries: Id,
    offsets: Id,
    places: Id,
    times: Id,
    querySeconds: Id,
    keySeconds: Id,
    heads: number,
    causal: number,
    silu: number,
    rate: number,
    seed: number,
    draw: number,
  ): Ids
  /** → [dq, dk, dv, dplaces, dtimes], the last two empty where there is none. */
  attendGradient(
    q: Id,
    k: Id,
    v: Id,
    out: Id,
    lse: Id,
    dout: Id,
    queries: Id,
    offsets: Id,
    places: Id,
    times: Id,
    querySeconds: Id,
    keySeconds: Id,
    heads: number,
    causal: number,
    silu: number,
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
  /**
   * Of each candidate the greatest inner product with its user's vectors, with the bits that `topK` gives it:
   * vectors [S, D] at `offsets` [B + 1], rows [C, D] of candidates at `candidateOffsets` [B + 1] → [scores [C],
   * interests i32 [C] within the user, winners i32 [C], the vector's row in S]; the first of equals. Without
   * vectors 0, −1, −1.
   */
  pairBest(vectors: Id, offsets: Id, rows: Id, candidateOffsets: Id): Ids
  /**
   * The k best of each user's candidates by their scores [C], i32 items [C], at `candidateOffsets` [B + 1] →
   * [items i32 [B, k], scores [B, k], places i32 [B, k], the rows in C]; order and absent places as of `topK`,
   * −1, −∞, −1. Scores that are not finite are `NON_FINITE`.
   */
  topKCandidates(scores: Id, items: Id, candidateOffsets: Id, k: number): Ids

  // Scans along segments
  /**
   * Softmax pooling of every prefix: out[t, k] = Σ_{s ≤ t} e^{l_sk} x_s / Σ_{s ≤ t} e^{l_sk} over t's segment, of
   * logits [T, K], x [T, D] and offsets [B + 1] → [out [T, K, D], lse [T, K]], the second the logarithms of the
   * sums below.
   */
  prefixMix(logits: Id, x: Id, offsets: Id): Ids
  /** → [dlogits, dx] */
  prefixMixGradient(logits: Id, x: Id, out: Id, lse: Id, dout: Id, offsets: Id): Ids
  /**
   * A gated recurrent unit, in the form of Cho et al. (EMNLP 2014): r = σ(x_r + h U_r), z = σ(x_z + h U_z),
   * c = tanh(x_c + (r ⊙ h) U_c), h ← h + a z ⊙ (c − h), from zeros in each segment. x [T, 3 D] holds what the
   * inputs give to r, z and c, u [D, 3 D]; `gate` a [T] (0: all 1) makes it AUGRU → [h [T, D], gates [T, 3 D]],
   * the second r, z and c.
   */
  gru(x: Id, u: Id, gate: Id, offsets: Id): Ids
  /** → [dx, du, dgate], the last empty where there is none. */
  gruGradient(u: Id, gate: Id, h: Id, gates: Id, dh: Id, offsets: Id): Ids
  /**
   * A memory of K slots that each event of a segment reads, out_t = Σ_k read_tk M_k, and then writes,
   * M_k ← M_k ⊙ (1 − write_tk erase_t) + write_tk add_t; read and write [T, K], erase and add [T, D]. Memories
   * begin with `start` [B, K, D] (0: zeros), which has no gradient → [out [T, D], memories after the last event
   * [B, K, D]].
   */
  memoryScan(read: Id, write: Id, erase: Id, add: Id, start: Id, offsets: Id): Ids
  /** → [dread, dwrite, derase, dadd], of the first result. */
  memoryScanGradient(read: Id, write: Id, erase: Id, add: Id, start: Id, dout: Id, offsets: Id): Ids

  // Losses, each with its gradients at a unit upstream gradient
  /**
   * Mean over T of LSE_V(h · itemsᵀ) − h · items[target], in blocks; h [T, D], items [V, D], targets i32 [T]
   * → [loss [], dh, ditems]. `weights` [T] are those of the rows, none negative (0: all count the same): the
   * loss is Σ w l / Σ w, and 0 where there is no weight.
   */
  crossEntropy(h: Id, items: Id, targets: Id, weights: Id): Ids
  /**
   * Mean over T of the cross entropy over {target} ∪ negatives: h and positives [T, D], negatives [N, D] shared
   * by all rows, with the ids `targets` [T] and `drawn` [N]; a negative equal to the row's target is left out
   * → [loss [], dh, dpositives, dnegatives]. `logQ` of the drawn [N] and `targetLogQ` [T] are subtracted from
   * their logits (0: nothing); `weights` as in `crossEntropy`.
   */
  sampledSoftmax(h: Id, positives: Id, negatives: Id, targets: Id, drawn: Id, logQ: Id, targetLogQ: Id, weights: Id): Ids
  /**
   * The same over negatives [T · N, D] of each row's own, one row's after the other's, with the ids `drawn` and
   * their `logQ`, both [T · N].
   */
  rowSampledSoftmax(h: Id, positives: Id, negatives: Id, targets: Id, drawn: Id, logQ: Id, targetLogQ: Id, weights: Id): Ids
  /**
   * The cross entropy of events with K = `interests` vectors each, every item scored by the best of them: mean over
   * T of LSE_i(max_k h_tk · items_i) − max_k h_tk · items[target], in blocks; h [T · K, D] in rows t · K + k, items
   * [V, D], targets i32 [T] → [loss [], dh, ditems]. An item's gradient flows to the vector that scores it,
   * the first among equals. `weights` as in `crossEntropy`.
   */
  maxCrossEntropy(h: Id, items: Id, targets: Id, weights: Id, interests: number): Ids
  /** The same over {target} ∪ negatives, as `sampledSoftmax` → [loss [], dh, dpositives, dnegatives]. */
  maxSampledSoftmax(
    h: Id,
    positives: Id,
    negatives: Id,
    targets: Id,
    drawn: Id,
    logQ: Id,
    targetLogQ: Id,
    weights: Id,
    interests: number,
  ): Ids
  /**
   * The row of h [T · K, D] whose product with its event's row of items [T, D] is the greatest, the first among
   * equals → i32 [T].
   */
  bestInterests(h: Id, items: Id): Id

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
  /** One step of stochastic gradient descent in place on a variable: θ −= rate · decay · θ + rate · clip · gradient. */
  sgd(parameter: Id, gradient: Id, rate: number, decay: number, clip: number): void
  /** The same on the rows `ids` [U] alone (ascending, distinct), rows [U, D]. */
  sgdRows(parameter: Id, rows: Id, ids: Id, rate: number, decay: number, clip: number): void
  /**
   * One step of Adagrad in place on variables: g = clip · gradient, s += g²,
   * θ −= rate · decay · θ + rate · g / (√s + ε).
   */
  adagrad(parameter: Id, squares: Id, gradient: Id, rate: number, epsilon: number, decay: number, clip: number): void
  /** The same on the rows `ids` [U] alone (ascending, distinct), rows [U, D]. */
  adagradRows(parameter: Id, squares: Id, rows: Id, ids: Id, rate: number, epsilon: number, decay: number, clip: number): void
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
  subtract: { tensors: [0, 1], gives: 'tensors' },
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
  softplus: { tensors: [0], gives: 'tensors', training: true },
  dropout: { tensors: [0], gives: 'tensors', training: true },
  addRow: { tensors: [0, 1], gives: 'tensors' },
  multiplyRow: { tensors: [0, 1], gives: 'tensors' },
  sumRows: { tensors: [0], gives: 'tensors' },
  sum: { tensors: [0], gives: 'tensors' },
  mean: { tensors: [0], gives: 'tensors' },
  softmax: { tensors: [0], gives: 'tensors' },
  softmaxGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  layerNorm: { tensors: [0, 1, 2], gives: 'tensors' },
  layerNormGradient: { tensors: [0, 1, 2], gives: 'tensors', training: true },
  dice: { tensors: [0, 1, 2, 3], gives: 'tensors' },
  diceGradient: { tensors: [0, 1, 2, 3, 4], gives: 'tensors', training: true },
  normalize: { tensors: [0], gives: 'tensors' },
  normalizeGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  rowDot: { tensors: [0, 1], gives: 'tensors' },
  scaleRows: { tensors: [0, 1], gives: 'tensors' },
  concat: { tensors: [0, 1], gives: 'tensors' },
  narrow: { tensors: [0], gives: 'tensors' },
  narrowGradient: { tensors: [0], gives: 'tensors', training: true },
  reshape: { tensors: [0], gives: 'tensors' },
  linear: { tensors: [0, 1, 2], gives: 'tensors' },
  linearInputGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  linearWeightGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  linearRelu: { tensors: [0, 1, 2], gives: 'tensors' },
  linearOnto: { tensors: [0, 1, 2, 3], gives: 'tensors' },
  inner: { tensors: [0, 1], gives: 'tensors' },
  rowInner: { tensors: [0, 1], gives: 'tensors', training: true },
  rowInnerGradient: { tensors: [0, 1, 2], gives: 'tensors', training: true },
  gather: { tensors: [0, 1], gives: 'tensors' },
  gatherGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  embed: { tensors: [0, 1, 3, 4], gives: 'tensors' },
  gatherOrNone: { tensors: [0, 1], gives: 'tensors' },
  gatherOrNoneGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  mergeRows: { tensors: [0, 1, 2, 3], gives: 'tensors', training: true },
  scatter: { tensors: [0, 1], gives: 'tensors', training: true },
  positions: { tensors: [0], gives: 'tensors' },
  lastRows: { tensors: [0], gives: 'tensors' },
  recentRows: { tensors: [0], gives: 'tensors' },
  take: { tensors: [0, 1], gives: 'tensors' },
  sinceFirst: { tensors: [0, 1, 2, 3], gives: 'tensors' },
  segmentIds: { tensors: [0], gives: 'tensors' },
  repeatOffsets: { tensors: [0], gives: 'tensors' },
  segmentSoftmax: { tensors: [0, 1], gives: 'tensors' },
  segmentSoftmaxGradient: { tensors: [0, 1, 2], gives: 'tensors', training: true },
  segmentSum: { tensors: [0, 1], gives: 'tensors' },
  segmentMean: { tensors: [0, 1], gives: 'tensors' },
  segmentMeanGradient: { tensors: [0, 1], gives: 'tensors', training: true },
  segmentMix: { tensors: [0, 1, 2], gives: 'tensors' },
  segmentMixGradient: { tensors: [0, 1, 2, 3], gives: 'tensors', training: true },
  pairs: { tensors: [0, 1], gives: 'tensors' },
  pairLinear: { tensors: [0, 1, 2, 3, 4, 5, 6], gives: 'tensors' },
  pairMix: { tensors: [0, 1, 2, 3], gives: 'tensors' },
  present: { tensors: [0], gives: 'tensors' },
  attention: { tensors: [0, 1, 2, 3, 4], gives: 'tensors' },
  attentionGradient: { tensors: [0, 1, 2, 3, 4, 5, 6, 7], gives: 'tensors', training: true },
  attend: { tensors: [0, 1, 2, 3, 4, 5, 6, 7, 8], gives: 'tensors', training: true },
  attendGradient: { tensors: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], gives: 'tensors', training: true },
  topK: { tensors: [0, 1, 2, 4, 5, 6, 7], gives: 'tensors' },
  quantize: { tensors: [0], gives: 'tensors' },
  topKScores: { tensors: [0, 2, 3, 4], gives: 'tensors' },
  pairBest: { tensors: [0, 1, 2, 3], gives: 'tensors' },
  topKCandidates: { tensors: [0, 1, 2], gives: 'tensors' },
  prefixMix: { tensors: [0, 1, 2], gives: 'tensors', training: true },
  prefixMixGradient: { tensors: [0, 1, 2, 3, 4, 5], gives: 'tensors', training: true },
  gru: { tensors: [0, 1, 2, 3], gives: 'tensors', training: true },
  gruGradient: { tensors: [0, 1, 2, 3, 4, 5], gives: 'tensors', training: true },
  memoryScan: { tensors: [0, 1, 2, 3, 4, 5], gives: 'tensors', training: true },
  memoryScanGradient: { tensors: [0, 1, 2, 3, 4, 5, 6], gives: 'tensors', training: true },
  crossEntropy: { tensors: [0, 1, 2, 3], gives: 'tensors', training: true },
  sampledSoftmax: { tensors: [0, 1, 2, 3, 4, 5, 6, 7], gives: 'tensors', training: true },
  rowSampledSoftmax: { tensors: [0, 1, 2, 3, 4, 5, 6, 7], gives: 'tensors', training: true },
  maxCrossEntropy: { tensors: [0, 1, 2, 3], gives: 'tensors', training: true },
  maxSampledSoftmax: { tensors: [0, 1, 2, 3, 4, 5, 6, 7], gives: 'tensors', training: true },
  bestInterests: { tensors: [0, 1], gives: 'tensors', training: true },
  squaredNorm: { tensors: [0], gives: 'number', training: true },
  finite: { tensors: [0], gives: 'number', training: true },
  adam: { tensors: [0, 1, 2, 3], gives: 'nothing', training: true },
  adamRows: { tensors: [0, 1, 2, 3, 4], gives: 'nothing', training: true },
  sgd: { tensors: [0, 1], gives: 'nothing', training: true },
  sgdRows: { tensors: [0, 1, 2], gives: 'nothing', training: true },
  adagrad: { tensors: [0, 1, 2], gives: 'nothing', training: true },
  adagradRows: { tensors: [0, 1, 2, 3], gives: 'nothing', training: true },
} as const satisfies Readonly<Record<keyof Operations, Signature>>

/** The operations that builds which only serve leave out. */
export type Training = {
  [Op in keyof Operations]: (typeof signatures)[Op] extends { training: true } ? Op : never
}[keyof Operations]
