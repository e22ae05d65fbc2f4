//! The one table of operations. Each binding crate expands it into its exports, and the arena into its methods.

use crate::arena::Arena;
use crate::fault::Result;
use crate::ops;
#[cfg(not(target_arch = "wasm32"))]
use crate::program::{Constant, Crossing};
use crate::tensor::Tensor;

/// A tensor: its handle.
pub type Id = u32;

/// The results of an operation that has several.
pub type Ids = Vec<Id>;

/// Hands every operation to the macro `$each`, as
/// `#[doc = "…"] name "nameInJavaScript" (argument: type, …) -> result;` with tensors as `Id` and numbers as they are.
///
/// `scripts/operations.mjs` makes `src/engine/operations.ts` of this text, the interface in TypeScript: a line of `//` begins
/// a section, and a gradient goes behind the operation whose name it begins with.
#[macro_export]
macro_rules! operations {
    ($each:ident) => {
        $each! {
            // Elementwise, over tensors of one shape
            add "add" (a: Id, b: Id) -> Id;
            subtract "subtract" (a: Id, b: Id) -> Id;
            multiply "multiply" (a: Id, b: Id) -> Id;
            scale "scale" (x: Id, factor: f64) -> Id;
            /// x · s for a scalar tensor s, [].
            scale_by "scaleBy" (x: Id, s: Id) -> Id;
            relu "relu" (x: Id) -> Id;
            /// The exact form, x · Φ(x).
            gelu "gelu" (x: Id) -> Id;
            silu "silu" (x: Id) -> Id;
            sigmoid "sigmoid" (x: Id) -> Id;
            tanh "tanh" (x: Id) -> Id;

            // Rows: [..., D] seen as [rows, D]
            /// x + row, the same row [D] for each.
            add_row "addRow" (x: Id, row: Id) -> Id;
            /// x ⊙ row, the same row [D] for each.
            multiply_row "multiplyRow" (x: Id, row: Id) -> Id;
            /// Σ over the rows of [..., D] → [D].
            sum_rows "sumRows" (x: Id) -> Id;
            /// Σ of all elements → [].
            sum "sum" (x: Id) -> Id;
            /// The mean of all elements → []; 0 of none.
            mean "mean" (x: Id) -> Id;
            /// Softmax along the last axis. A row of −∞ alone gives zeros.
            softmax "softmax" (x: Id) -> Id;
            /// y = gain ⊙ (x − mean) / √(variance + epsilon) + bias, population variance, along the last axis.
            layer_norm "layerNorm" (x: Id, gain: Id, bias: Id, epsilon: f64) -> Id;
            /// x ⊙ (p + (1 − p) ⊙ alpha) with p = σ((x − mean) / √(variance + epsilon)), column by column; alpha, mean and
            /// variance [D], of which a variance below 0 counts as 0.
            dice "dice" (x: Id, alpha: Id, mean: Id, variance: Id, epsilon: f64) -> Id;
            /// Rows divided by their Euclidean norm, floored at 1e-6.
            normalize "normalize" (x: Id) -> Id;
            /// Inner products of the rows of a and b, both [T, D] → [T].
            row_dot "rowDot" (a: Id, b: Id) -> Id;
            /// Rows of x [T, D], each times its number of s [T] → [T, D].
            scale_rows "scaleRows" (x: Id, s: Id) -> Id;
            /// a [T, A] and b [T, B] beside each other → [T, A + B].
            concat "concat" (a: Id, b: Id) -> Id;
            /// The columns start .. start + length of x [T, D] → [T, length].
            narrow "narrow" (x: Id, start: u32, length: u32) -> Id;
            /// A copy as the first `axes` (1 to 4) of [n, second, third, fourth], n as many as there are: a program finds n
            /// anew in each run.
            reshape "reshape" (x: Id, axes: u32, second: u32, third: u32, fourth: u32) -> Id;

            // Products
            /// x [T, I] · w [I, O] + bias [O] (0: none) → [T, O]. A row's bits do not depend on the other rows.
            linear "linear" (x: Id, w: Id, bias: Id) -> Id;
            /// max(x · w + bias, 0) → [T, O], as `linear`
            linear_relu "linearRelu" (x: Id, w: Id, bias: Id) -> Id;
            /// onto [T, O] + (x · w + bias) → [T, O], as `linear`
            linear_onto "linearOnto" (onto: Id, x: Id, w: Id, bias: Id) -> Id;
            /// a [n, D] · bᵀ, b [m, D] → [n, m]. Bits of an element depend on its two rows alone.
            inner "inner" (a: Id, b: Id) -> Id;

            // Tables
            /// Rows of a table [V, D] by ids [T] → [T, D].
            gather "gather" (table: Id, ids: Id) -> Id;
            /// factor · rows of a table [V, D] by ids [T] + rows of places [L, D] by positions [T] → [T, D].
            embed "embed" (table: Id, ids: Id, factor: f64, places: Id, positions: Id) -> Id;
            /// Rows of a table [V, D] by ids [T], zeros for the id −1 → [T, D].
            gather_or_none "gatherOrNone" (table: Id, ids: Id) -> Id;

            // Segments: rows at offsets i32 [B + 1], those of segment b from offsets[b] to offsets[b + 1]
            /// Offsets [B + 1] → i32 [T]: each event's index within its segment.
            positions "positions" (offsets: Id) -> Id;
            /// Offsets [B + 1] → [rows i32 [S], queries i32 [B + 1]]: the last event of each segment that has one, and
            /// where they stand.
            last_rows "lastRows" (offsets: Id) -> Ids;
            /// Offsets [B + 1] → [rows i32 [R], offsets i32 [B + 1]]: the last `most` rows of each segment, and where they stand.
            recent_rows "recentRows" (offsets: Id, most: u32) -> Ids;
            /// Whole numbers of a column [T] by rows [R] → i32 [R].
            take "take" (column: Id, rows: Id) -> Id;
            /// Times [N] less the first of `from` [T], at `offsets` [B + 1], of the same segment → i32 [N]. Times stand at
            /// `timeOffsets` [B + 1] (0: one for each segment); of a segment without rows they stay.
            since_first "sinceFirst" (times: Id, time_offsets: Id, from: Id, offsets: Id) -> Id;
            /// Offsets [B + 1] → i32 [T]: the segment of each row.
            segment_ids "segmentIds" (offsets: Id) -> Id;
            /// Offsets [B + 1] of segments in which each row becomes `times` rows: K vectors for each that there is one of.
            repeat_offsets "repeatOffsets" (offsets: Id, times: u32) -> Id;
            /// Softmax over the rows of each segment of x [T, H], column by column. A column of −∞ alone gives zeros.
            segment_softmax "segmentSoftmax" (x: Id, offsets: Id) -> Id;
            /// Σ over the rows of each segment of x [T, D] → [B, D], zeros for no rows; its gradient gathers by `segmentIds`.
            segment_sum "segmentSum" (x: Id, offsets: Id) -> Id;
            /// The mean of the rows of each segment of x [T, D] → [B, D], zeros for no rows.
            segment_mean "segmentMean" (x: Id, offsets: Id) -> Id;
            /// Σ_t weights[t, k] · values[t] over the rows of each segment, weights [T, K], values [T, D] → [B, K, D], zeros
            /// for no rows.
            segment_mix "segmentMix" (weights: Id, values: Id, offsets: Id) -> Id;
            /// Every pair of an event and a candidate of one segment, events at `offsets` [B + 1] and candidates at
            /// `candidateOffsets` [B + 1], candidate by candidate → [events i32 [P], candidates i32 [P], offsets i32
            /// [C + 1] of the pairs by candidate].
            pairs "pairs" (offsets: Id, candidate_offsets: Id) -> Ids;
            /// Of each pair, as `pairs` has them, a_t + b_c + (x_t ⊙ y_c) · w: a [T, O] and x [T, I] of the events, b [C, O] and
            /// y [C, I] of the candidates, w [I, O] → [P, O]. Bits of a pair depend on its rows alone.
            pair_linear "pairLinear" (a: Id, b: Id, x: Id, y: Id, w: Id, offsets: Id, candidate_offsets: Id) -> Id;
            /// Of each candidate Σ_t weights[c, t] · values[t] over the events of its segment: weights [P] as `pairs` has them,
            /// values [T, D] → [C, D], zeros for no events.
            pair_mix "pairMix" (weights: Id, values: Id, offsets: Id, candidate_offsets: Id) -> Id;
            /// The items of i32 [B, k] that are not −1, row by row → [items i32 [C], offsets i32 [B + 1]].
            present "present" (items: Id) -> Ids;

            // Attention
            /// Causal multi-head attention within segments, never materialised. Keys and values stand at `offsets` [B + 1];
            /// the queries of segment b, `queries` [B + 1], are its last rows (all of them where queries = offsets).
            /// q [Q, D], k and v [T, D], scale 1/√(D/H), a head at most 1,024 wide; dropout on the weights, keyed as
            /// `dropout` → [out [Q, D], lse [Q, H]].
            attention "attention" (
                q: Id, k: Id, v: Id, queries: Id, offsets: Id, heads: u32, rate: f64, seed: u32, draw: u32
            ) -> Ids;

            // Selection
            /// The k best items for each user: score = max over the user's vectors of vector · item. vectors [S, D] at
            /// `offsets` [B + 1], items [V, D]; `seen` i32 [X] at `seenOffsets` [B + 1] are left out, and items without a bit
            /// in `allowed` (i32 [⌈V/32⌉], bit i % 32 of word i / 32; 0: all). Order: score descending, then id ascending. A
            /// user without vectors gets none → [items i32 [B, k], scores [B, k], interests i32 [B, k] within the user];
            /// absent places hold −1, −∞, −1. Vectors and scores that are not finite are `NON_FINITE`: users would get
            /// nothing, and be taken for newcomers.
            ///
            /// `quantized` is what `quantize` made of these items (0: nothing). Its codes are read in their place, and the
            /// items that the codes cannot rule out are scored: the same bits, from about a quarter of the memory.
            top_k "topK" (
                vectors: Id, offsets: Id, items: Id, k: u32, seen: Id, seen_offsets: Id, allowed: Id, quantized: Id
            ) -> Ids;
            /// Items [V, D] as 8-bit codes, with a scale each and a bound on what they lose: i32, in an order of the
            /// engine's own.
            quantize "quantize" (items: Id) -> Id;
            /// The same over given scores [B, V] → [items i32 [B, k], scores [B, k]].
            top_k_scores "topKScores" (scores: Id, k: u32, seen: Id, seen_offsets: Id, allowed: Id) -> Ids;
            /// Of each candidate the greatest inner product with its user's vectors, with the bits that `topK` gives it:
            /// vectors [S, D] at `offsets` [B + 1], rows [C, D] of candidates at `candidateOffsets` [B + 1] → [scores [C],
            /// interests i32 [C] within the user, winners i32 [C], the vector's row in S]; the first of equals. Without
            /// vectors 0, −1, −1.
            pair_best "pairBest" (vectors: Id, offsets: Id, rows: Id, candidate_offsets: Id) -> Ids;
            /// The k best of each user's candidates by their scores [C], i32 items [C], at `candidateOffsets` [B + 1] →
            /// [items i32 [B, k], scores [B, k], places i32 [B, k], the rows in C]; order and absent places as of `topK`,
            /// −1, −∞, −1. Scores that are not finite are `NON_FINITE`.
            top_k_candidates "topKCandidates" (scores: Id, items: Id, candidate_offsets: Id, k: u32) -> Ids;
        }
        $crate::training_operations!($each);
    };
}

/// The operations of training alone, which a build that only serves leaves out.
#[cfg(feature = "training")]
#[macro_export]
macro_rules! training_operations {
    ($each:ident) => {
        $each! {
            // Elementwise, over tensors of one shape
            relu_gradient "reluGradient" (x: Id, dy: Id) -> Id;
            gelu_gradient "geluGradient" (x: Id, dy: Id) -> Id;
            silu_gradient "siluGradient" (x: Id, dy: Id) -> Id;
            /// From the output y: dy ⊙ y ⊙ (1 − y).
            sigmoid_gradient "sigmoidGradient" (y: Id, dy: Id) -> Id;
            /// From the output y: dy ⊙ (1 − y²).
            tanh_gradient "tanhGradient" (y: Id, dy: Id) -> Id;
            /// ln(1 + exp(x)), without overflow; its derivative is the sigmoid.
            softplus "softplus" (x: Id) -> Id;
            /// Zeroes each element with probability `rate` and scales the rest by 1 / (1 − rate). The mask depends on
            /// (seed, draw, position) alone; its own gradient. `seed` and `draw` are u32.
            dropout "dropout" (x: Id, rate: f64, seed: u32, draw: u32) -> Id;

            // Rows: [..., D] seen as [rows, D]
            softmax_gradient "softmaxGradient" (y: Id, dy: Id) -> Id;
            /// → [dx, dgain [D], dbias [D]]
            layer_norm_gradient "layerNormGradient" (x: Id, gain: Id, dy: Id, epsilon: f64) -> Ids;
            /// → [dx, dalpha, dmean, dvariance]
            dice_gradient "diceGradient" (x: Id, alpha: Id, mean: Id, variance: Id, dy: Id, epsilon: f64) -> Ids;
            normalize_gradient "normalizeGradient" (x: Id, dy: Id) -> Id;
            /// dy [T, length] in the columns from `start` on → [T, width], zero elsewhere.
            narrow_gradient "narrowGradient" (dy: Id, start: u32, width: u32) -> Id;

            // Products
            /// dy [T, O] · wᵀ → [T, I]
            linear_input_gradient "linearInputGradient" (dy: Id, w: Id) -> Id;
            /// xᵀ · dy → [I, O]
            linear_weight_gradient "linearWeightGradient" (x: Id, dy: Id) -> Id;
            /// y[t, n] = h_t · own_tn; h [T, D], own [T · N, D] with the N rows of t one after the other → [T, N].
            row_inner "rowInner" (h: Id, own: Id) -> Id;
            /// → [dh, down]
            row_inner_gradient "rowInnerGradient" (h: Id, own: Id, dy: Id) -> Ids;

            // Tables
            /// dy [T, D] summed by id → [rows [U, D], ids [U]], ids ascending, duplicates summed in order of occurrence.
            gather_gradient "gatherGradient" (dy: Id, ids: Id) -> Ids;
            /// Two gradients by rows as one → [rows, ids], ids ascending; a before b where an id is in both.
            merge_rows "mergeRows" (a_rows: Id, a_ids: Id, b_rows: Id, b_ids: Id) -> Ids;
            /// Rows by ascending ids → [count, D], zero elsewhere.
            scatter "scatter" (rows: Id, ids: Id, count: u32) -> Id;
            /// As `gatherGradient`, without the rows whose id is −1.
            gather_or_none_gradient "gatherOrNoneGradient" (dy: Id, ids: Id) -> Ids;

            // Segments: rows at offsets i32 [B + 1], those of segment b from offsets[b] to offsets[b + 1]
            /// dx = y ⊙ (dy − Σ y ⊙ dy), the sum over the rows of each segment.
            segment_softmax_gradient "segmentSoftmaxGradient" (y: Id, dy: Id, offsets: Id) -> Id;
            /// dy [B, D] divided by the rows of each segment → [T, D].
            segment_mean_gradient "segmentMeanGradient" (dy: Id, offsets: Id) -> Id;
            /// → [dweights [T, K], dvalues [T, D]] from dy [B, K, D]
            segment_mix_gradient "segmentMixGradient" (weights: Id, values: Id, dy: Id, offsets: Id) -> Ids;

            // Attention
            /// → [dq, dk, dv]
            attention_gradient "attentionGradient" (
                q: Id, k: Id, v: Id, out: Id, lse: Id, dout: Id,
                queries: Id, offsets: Id, heads: u32, rate: f64, seed: u32, draw: u32
            ) -> Ids;
            /// Attention in general within segments: q [Q, D] at `queries` and k, v [T, D] at `offsets`, both [B + 1]. With
            /// `causal` 1 the queries of a segment are its last rows, and see the keys up to their own; with 0 there are any
            /// number of them, and they see all keys of their segment. Weights are softmax(q · k / √(D/H) + bias) where `silu`
            /// is 0, else SiLU(q · k + bias) / silu, a constant length. Biases are shared by the heads: `places` [2 L − 1]
            /// (0: none) by the place of the key less that of the query, L − 1 for none, beyond the ends the outermost, where
            /// the last query stands at the last key; `times` [129] (0: none) by the seconds between `querySeconds` i32 [Q]
            /// and `keySeconds` i32 [T], bucket ⌊ln(max(1, |Δ|)) / .301⌋ up to 128. Dropout on the weights of a softmax, the
            /// mask of `attention` → [out [Q, D], lse [Q, H]]; a query that sees no key gets zeros.
            attend "attend" (
                q: Id, k: Id, v: Id, queries: Id, offsets: Id,
                places: Id, times: Id, query_seconds: Id, key_seconds: Id,
                heads: u32, causal: u32, silu: u32, rate: f64, seed: u32, draw: u32
            ) -> Ids;
            /// → [dq, dk, dv, dplaces, dtimes], the last two empty where there is none.
            attend_gradient "attendGradient" (
                q: Id, k: Id, v: Id, out: Id, lse: Id, dout: Id, queries: Id, offsets: Id,
                places: Id, times: Id, query_seconds: Id, key_seconds: Id,
                heads: u32, causal: u32, silu: u32, rate: f64, seed: u32, draw: u32
            ) -> Ids;

            // Scans along segments
            /// Softmax pooling of every prefix: out[t, k] = Σ_{s ≤ t} e^{l_sk} x_s / Σ_{s ≤ t} e^{l_sk} over t's segment, of
            /// logits [T, K], x [T, D] and offsets [B + 1] → [out [T, K, D], lse [T, K]], the second the logarithms of the
            /// sums below.
            prefix_mix "prefixMix" (logits: Id, x: Id, offsets: Id) -> Ids;
            /// → [dlogits, dx]
            prefix_mix_gradient "prefixMixGradient" (
                logits: Id, x: Id, out: Id, lse: Id, dout: Id, offsets: Id
            ) -> Ids;
            /// A gated recurrent unit, in the form of Cho et al. (EMNLP 2014): r = σ(x_r + h U_r), z = σ(x_z + h U_z),
            /// c = tanh(x_c + (r ⊙ h) U_c), h ← h + a z ⊙ (c − h), from zeros in each segment. x [T, 3 D] holds what the
            /// inputs give to r, z and c, u [D, 3 D]; `gate` a [T] (0: all 1) makes it AUGRU → [h [T, D], gates [T, 3 D]],
            /// the second r, z and c.
            gru "gru" (x: Id, u: Id, gate: Id, offsets: Id) -> Ids;
            /// → [dx, du, dgate], the last empty where there is none.
            gru_gradient "gruGradient" (u: Id, gate: Id, h: Id, gates: Id, dh: Id, offsets: Id) -> Ids;
            /// A memory of K slots that each event of a segment reads, out_t = Σ_k read_tk M_k, and then writes,
            /// M_k ← M_k ⊙ (1 − write_tk erase_t) + write_tk add_t; read and write [T, K], erase and add [T, D]. Memories
            /// begin with `start` [B, K, D] (0: zeros), which has no gradient → [out [T, D], memories after the last event
            /// [B, K, D]].
            memory_scan "memoryScan" (read: Id, write: Id, erase: Id, add: Id, start: Id, offsets: Id) -> Ids;
            /// → [dread, dwrite, derase, dadd], of the first result.
            memory_scan_gradient "memoryScanGradient" (
                read: Id, write: Id, erase: Id, add: Id, start: Id, dout: Id, offsets: Id
            ) -> Ids;

            // Losses, each with its gradients at a unit upstream gradient
            /// Mean over T of LSE_V(h · itemsᵀ) − h · items[target], in blocks; h [T, D], items [V, D], targets i32 [T]
            /// → [loss [], dh, ditems]. `weights` [T] are those of the rows, none negative (0: all count the same): the
            /// loss is Σ w l / Σ w, and 0 where there is no weight.
            cross_entropy "crossEntropy" (h: Id, items: Id, targets: Id, weights: Id) -> Ids;
            /// Mean over T of the cross entropy over {target} ∪ negatives: h and positives [T, D], negatives [N, D] shared
            /// by all rows, with the ids `targets` [T] and `drawn` [N]; a negative equal to the row's target is left out
            /// → [loss [], dh, dpositives, dnegatives]. `logQ` of the drawn [N] and `targetLogQ` [T] are subtracted from
            /// their logits (0: nothing); `weights` as in `crossEntropy`.
            sampled_softmax "sampledSoftmax" (
                h: Id, positives: Id, negatives: Id, targets: Id, drawn: Id, log_q: Id, target_log_q: Id, weights: Id
            ) -> Ids;
            /// The same over negatives [T · N, D] of each row's own, one row's after the other's, with the ids `drawn` and
            /// their `logQ`, both [T · N].
            row_sampled_softmax "rowSampledSoftmax" (
                h: Id, positives: Id, negatives: Id, targets: Id, drawn: Id, log_q: Id, target_log_q: Id, weights: Id
            ) -> Ids;
            /// The cross entropy of events with K = `interests` vectors each, every item scored by the best of them: mean over
            /// T of LSE_i(max_k h_tk · items_i) − max_k h_tk · items[target], in blocks; h [T · K, D] in rows t · K + k, items
            /// [V, D], targets i32 [T] → [loss [], dh, ditems]. An item's gradient flows to the vector that scores it,
            /// the first among equals. `weights` as in `crossEntropy`.
            max_cross_entropy "maxCrossEntropy" (h: Id, items: Id, targets: Id, weights: Id, interests: u32) -> Ids;
            /// The same over {target} ∪ negatives, as `sampledSoftmax` → [loss [], dh, dpositives, dnegatives].
            max_sampled_softmax "maxSampledSoftmax" (
                h: Id, positives: Id, negatives: Id, targets: Id, drawn: Id,
                log_q: Id, target_log_q: Id, weights: Id, interests: u32
            ) -> Ids;
            /// The row of h [T · K, D] whose product with its event's row of items [T, D] is the greatest, the first among
            /// equals → i32 [T].
            best_interests "bestInterests" (h: Id, items: Id) -> Id;

            // Optimisers
            /// Σ x², in f64.
            squared_norm "squaredNorm" (x: Id) -> f64;
            /// 1 where every element is finite, else 0.
            finite "finite" (x: Id) -> f64;
            /// One Adam step in place on variables: g = clip · gradient, m = β1 m + (1 − β1) g, v = β2 v + (1 − β2) g²,
            /// θ −= rate · decay · θ + rate · m̂ / (√v̂ + ε), with bias corrections for `step` ≥ 1.
            adam "adam" (
                parameter: Id, first: Id, second: Id, gradient: Id,
                rate: f64, beta1: f64, beta2: f64, epsilon: f64, decay: f64, step: f64, clip: f64
            ) -> ();
            /// The same on the rows `ids` [U] alone (ascending, distinct), rows [U, D]; bias corrections by the global step.
            adam_rows "adamRows" (
                parameter: Id, first: Id, second: Id, rows: Id, ids: Id,
                rate: f64, beta1: f64, beta2: f64, epsilon: f64, decay: f64, step: f64, clip: f64
            ) -> ();
            /// One step of stochastic gradient descent in place on a variable: θ −= rate · decay · θ + rate · clip · gradient.
            sgd "sgd" (parameter: Id, gradient: Id, rate: f64, decay: f64, clip: f64) -> ();
            /// The same on the rows `ids` [U] alone (ascending, distinct), rows [U, D].
            sgd_rows "sgdRows" (parameter: Id, rows: Id, ids: Id, rate: f64, decay: f64, clip: f64) -> ();
            /// One step of Adagrad in place on variables: g = clip · gradient, s += g²,
            /// θ −= rate · decay · θ + rate · g / (√s + ε).
            adagrad "adagrad" (
                parameter: Id, squares: Id, gradient: Id, rate: f64, epsilon: f64, decay: f64, clip: f64
            ) -> ();
            /// The same on the rows `ids` [U] alone (ascending, distinct), rows [U, D].
            adagrad_rows "adagradRows" (
                parameter: Id, squares: Id, rows: Id, ids: Id, rate: f64, epsilon: f64, decay: f64, clip: f64
            ) -> ();
        }
    };
}

#[cfg(not(feature = "training"))]
#[macro_export]
macro_rules! training_operations {
    ($each:ident) => {};
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $js:literal ($($argument:ident: $type:ident),*) -> $result:tt;)*) => {
        #[allow(clippy::too_many_arguments, reason = "an operation takes what its row of the table says")]
        impl Arena {
            $($(#[$doc])*
            pub fn $name(&mut self, $($argument: $type),*) -> Result<$result> {
                let made = kept(ops::$name(self, $($argument),*), self, $js);
                #[cfg(not(target_arch = "wasm32"))]
                if let (true, Ok(made)) = (self.records(), &made) {
                    $(let $argument = place!(self, $argument: $type);)*
                    let run = move |arena: &mut Self, live: &[Id]| {
                        let made = arena.$name($($argument.at(live)),*)?;
                        Ok(made.ids().unwrap_or_default())
                    };
                    self.record(made.ids(), run);
                }
                made
            })*
        }
    };
}

/// An argument as a program keeps it.
#[cfg(not(target_arch = "wasm32"))]
macro_rules! place {
    ($arena:ident, $argument:ident: Id) => {
        $arena.place_of($argument)
    };
    ($arena:ident, $argument:ident: $number:ident) => {
        Constant($argument)
    };
}
operations!(methods);

/// Gives the results of an operation their ids, and a fault the operation's name. Each operation calls it, so that it stands in
/// WebAssembly once for a kind of result.
#[inline(never)]
fn kept<O: Outcome>(made: Result<O>, arena: &mut Arena, js: &'static str) -> Result<O::Crossing> {
    made.and_then(|made| made.keep(arena)).map_err(|fault| fault.of(js))
}

/// What an operation gives back, as it crosses to JavaScript.
trait Outcome {
    type Crossing;
    fn keep(self, arena: &mut Arena) -> Result<Self::Crossing>;
}

impl Outcome for Tensor {
    type Crossing = u32;
    fn keep(self, arena: &mut Arena) -> Result<u32> {
        arena.keep(self)
    }
}

impl<const N: usize> Outcome for [Tensor; N] {
    type Crossing = Ids;
    fn keep(self, arena: &mut Arena) -> Result<Ids> {
        self.into_iter().map(|tensor| arena.keep(tensor)).collect()
    }
}

impl Outcome for f64 {
    type Crossing = f64;
    fn keep(self, _: &mut Arena) -> Result<f64> {
        Ok(self)
    }
}

impl Outcome for () {
    type Crossing = ();
    fn keep(self, _: &mut Arena) -> Result<()> {
        Ok(())
    }
}
