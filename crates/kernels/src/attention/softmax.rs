//! From scores to weights and back: the rows of a block, one query each, with sixteen keys in the lanes.

use std::ops::Range;

use super::blocks::{Block, GROUP, ROWS};
use super::layout::{Upstream, View};
use crate::multiversion;
use crate::parallel::Panel;
use crate::random::Stream;
use crate::simd::matrix::PANEL;
use crate::simd::{LANES, Lane, fma, fold_sum, math, max_lanes, sum_lanes};

/// Which weights are dropped.
#[derive(Clone, Copy)]
pub(super) struct Mask {
    pub(super) stream: Stream,
    pub(super) threshold: u32,
    /// What kept weights are multiplied by.
    pub(super) scale: f32,
    /// The row of the segment's first query.
    pub(super) row: u32,
}

impl Mask {
    /// `kept` where the weights of query `query` for sixteen keys, from `key` on, are kept, else 0.
    #[inline(always)]
    fn apply(&self, query: usize, key: usize, kept: &Lane) -> Lane {
        let row = self.row.wrapping_add(query as u32);
        let mut result = [0.0; LANES];
        for i in 0..LANES {
            let bits = self.stream.bits(index(row, (key + i) as u32));
            result[i] = if bits >= self.threshold { kept[i] } else { 0.0 };
        }
        result
    }
}

/// Where a weight's bits stand: rows of 65,536 keys, and rows that would wrap around scattered among the earlier ones.
#[inline(always)]
pub(crate) fn index(row: u32, key: u32) -> u32 {
    row.wrapping_mul(65_536).wrapping_add(key) ^ (row >> 16).wrapping_mul(0x9e37_79b9)
}

/// A number for each query of a block.
pub(super) struct PerQuery(pub(super) [Lane; ROWS / LANES]);

impl PerQuery {
    pub(super) fn of(x: f32) -> Self {
        Self([[x; LANES]; ROWS / LANES])
    }

    #[inline(always)]
    pub(super) fn get(&self, i: usize) -> f32 {
        self.0.as_flattened()[i]
    }

    #[inline(always)]
    pub(super) fn set(&mut self, i: usize, x: f32) {
        self.0.as_flattened_mut()[i] = x;
    }
}

/// How a chunk is merged into the softmax of the keys before it.
pub(super) struct Softmax {
    /// What the chunk's sums of values are multiplied by,
    new: PerQuery,
    /// and what the output was before.
    old: PerQuery,
}

/// Scores · √d become weights exp(score − max), 0 for keys that are not seen, dropped ones 0; `lse` takes the chunk in.
#[inline(always)]
fn online_softmax_body<const FMA: bool>(
    block: &Block,
    mask: &Mask,
    scale: f32,
    scores: &mut [f32],
    lse: &mut Panel<'_>,
) -> Softmax {
    let mut softmax = Softmax { new: PerQuery::of(0.0), old: PerQuery::of(0.0) };
    for (n, rows) in block.groups(LANES).enumerate() {
        let (max, total) = exponentials::<FMA>(block, rows.clone(), scale, scores);
        if mask.threshold > 0 {
            for i in rows.clone() {
                for (v, weights) in block.seen(scores, i).iter_mut().enumerate() {
                    *weights = mask.apply(block.first + i, block.start + v * LANES, weights);
                }
            }
        }
        let mut whole = [0.0; LANES];
        for l in 0..LANES {
            softmax.new.0[n][l] = mask.scale / total[l];
            whole[l] = fma::<FMA>(max[l], scale, math::ln::<FMA>(total[l]));
        }
        if block.start > 0 {
            let mut before = [0.0; LANES];
            for (before, i) in before.iter_mut().zip(rows.clone()) {
                *before = lse.row(block.first + i)[0];
            }
            rescale::<FMA>(&mut whole, &before, &mut softmax.old.0[n], &mut softmax.new.0[n]);
        }
        for (whole, i) in whole.iter().zip(rows) {
            lse.row(block.first + i)[0] = *whole;
        }
    }
    softmax
}

/// Sixteen softmaxes over a chunk become ones over the keys before it, too.
#[inline(always)]
fn rescale<const FMA: bool>(lse: &mut Lane, before: &Lane, old: &mut Lane, new: &mut Lane) {
    for l in 0..LANES {
        let most = if before[l] > lse[l] { before[l] } else { lse[l] };
        let both = math::exp::<FMA>(before[l] - most) + math::exp::<FMA>(lse[l] - most);
        let both = most + math::ln::<FMA>(both);
        old[l] = math::exp::<FMA>(before[l] - both);
        new[l] *= math::exp::<FMA>(lse[l] - both);
        lse[l] = both;
    }
}

/// Scores of up to sixteen queries become exp((score − max) · scale); the maxima and the sums.
///
/// Loop by loop over all rows: of one row after the other each would wait for a long chain of steps.
#[inline(always)]
fn exponentials<const FMA: bool>(block: &Block, rows: Range<usize>, scale: f32, scores: &mut [f32]) -> (Lane, Lane) {
    let (mut lanes, mut max, mut total) = ([[0.0; LANES]; LANES], [0.0; LANES], [1.0; LANES]);
    for (i, lanes) in rows.clone().zip(&mut lanes) {
        mask_after(block.row(scores, i), block.visible(i), f32::NEG_INFINITY);
        *lanes = [f32::NEG_INFINITY; LANES];
        for x in block.seen(scores, i) {
            for l in 0..LANES {
                lanes[l] = if x[l] > lanes[l] { x[l] } else { lanes[l] };
            }
        }
    }
    for (max, lanes) in max.iter_mut().zip(&lanes).take(rows.len()) {
        *max = max_lanes(*lanes);
    }
    for ((i, lanes), max) in rows.clone().zip(&mut lanes).zip(max) {
        *lanes = [0.0; LANES];
        for x in block.seen(scores, i) {
            for l in 0..LANES {
                x[l] = math::exp::<FMA>((x[l] - max) * scale);
                lanes[l] += x[l];
            }
        }
    }
    for (total, lanes) in total.iter_mut().zip(&lanes).take(rows.len()) {
        *total = sum_lanes(*lanes);
    }
    (max, total)
}

/// The bits of a lane that is seen, sixteen times, then of one that is not.
const EDGE: [u32; 2 * LANES] = {
    let mut edge = [0; 2 * LANES];
    let mut l = 0;
    while l < LANES {
        edge[l] = u32::MAX;
        l += 1;
    }
    edge
};

/// Everything from lane `visible` on becomes `masked` in the vector that is seen in part, and 0 in the one behind: products
/// by groups of queries or keys read no further.
#[inline(always)]
pub(super) fn mask_after(row: &mut [Lane], visible: usize, masked: f32) {
    const { assert!(GROUP <= LANES) };
    let rest = visible % LANES;
    if rest > 0 {
        // By bits: of a choice by lane the compiler makes sixteen branches.
        let edge: &[u32; LANES] = EDGE[LANES - rest..].first_chunk().expect("twice the lanes");
        let mut x = row[visible / LANES];
        for l in 0..LANES {
            x[l] = f32::from_bits(x[l].to_bits() & edge[l] | masked.to_bits() & !edge[l]);
        }
        row[visible / LANES] = x;
    }
    if let Some(x) = row.get_mut(visible.div_ceil(LANES)) {
        *x = [0.0; LANES];
    }
}

/// `out` = old · `out` + new · sums for columns from `from` on.
#[inline(always)]
fn normalise_body<const FMA: bool>(
    block: &Block,
    softmax: &Softmax,
    sums: &[[f32; PANEL]],
    from: usize,
    out: &mut Panel<'_>,
) {
    for i in 0..block.count {
        let (new, old) = (softmax.new.get(i), softmax.old.get(i));
        let out = &mut out.row(block.first + i)[from..];
        let count = out.len().min(PANEL);
        let (out, sums) = (&mut out[..count], &sums[i][..count]);
        if block.start == 0 {
            for c in 0..count {
                out[c] = sums[c] * new;
            }
        } else {
            for c in 0..count {
                out[c] = fma::<FMA>(out[c], old, sums[c] * new);
            }
        }
    }
}

/// What the gradient knows of a block's queries: `lse`, and D = out · dout.
pub(super) struct RowStats {
    lse: PerQuery,
    delta: PerQuery,
}

#[inline(always)]
fn row_stats_body<const FMA: bool>(block: &Block, up: &Upstream<'_>) -> RowStats {
    let mut row_stats = RowStats { lse: PerQuery::of(0.0), delta: PerQuery::of(0.0) };
    for i in 0..block.count {
        let (out, dout) = (up.out.row(block.first + i), up.dout.row(block.first + i));
        row_stats.lse.set(i, up.lse.row(block.first + i)[0]);
        row_stats.delta.set(i, fold_sum(out, dout, |sum, a, b| fma::<FMA>(a, b, sum)));
    }
    row_stats
}

/// Scores · √d and dout · v become the weights of dout in dv, and ds; both 0 for keys that are not seen.
#[inline(always)]
fn softmax_gradient_body<const FMA: bool>(
    block: &Block,
    mask: &Mask,
    scale: f32,
    row_stats: &RowStats,
    scores: &mut [f32],
    dscores: &mut [f32],
) {
    for i in 0..block.count {
        let (lse, delta) = (row_stats.lse.get(i), row_stats.delta.get(i));
        for (v, (s, ds)) in block.seen(scores, i).iter_mut().zip(block.seen(dscores, i)).enumerate() {
            let mut kept = [mask.scale; LANES];
            if mask.threshold > 0 {
                kept = mask.apply(block.first + i, block.start + v * LANES, &kept);
            }
            for l in 0..LANES {
                let p = math::exp::<FMA>(fma::<FMA>(s[l], scale, -lse));
                ds[l] = p * fma::<FMA>(kept[l], ds[l], -delta);
                s[l] = p * kept[l];
            }
        }
        mask_after(block.row(scores, i), block.visible(i), 0.0);
        mask_after(block.row(dscores, i), block.visible(i), 0.0);
    }
}

/// Adds `factor` · sums to the block's rows of `out`, columns from `from` on; the first chunk's are set.
#[inline(always)]
fn accumulate_body<const FMA: bool>(
    block: &Block,
    sums: &[[f32; PANEL]],
    factor: f32,
    from: usize,
    out: &mut Panel<'_>,
) {
    for i in 0..block.count {
        let out = &mut out.row(block.first + i)[from..];
        let count = out.len().min(PANEL);
        let (out, sums) = (&mut out[..count], &sums[i][..count]);
        if block.start == 0 {
            for c in 0..count {
                out[c] = sums[c] * factor;
            }
        } else {
            for c in 0..count {
                out[c] = fma::<FMA>(sums[c], factor, out[c]);
            }
        }
    }
}

/// Rows of `out` from `start` on become `factor` · sums [keys, width].
#[inline(always)]
fn write_body<const FMA: bool>(sums: &[f32], width: usize, factor: f32, start: usize, out: &mut Panel<'_>) {
    for (j, sums) in sums.chunks_exact(width).enumerate() {
        let out = out.row(start + j);
        let count = out.len();
        let sums = &sums[..count];
        for c in 0..count {
            out[c] = sums[c] * factor;
        }
    }
}

/// Whether the first rows are finite.
#[inline(always)]
fn finite_body<const FMA: bool>(rows: usize, view: &View<'_>) -> bool {
    (0..rows).all(|i| view.row(i).iter().fold(true, |all, x| all & x.is_finite()))
}

multiversion!(
    pub(super) fn online_softmax =
        online_softmax_body(block: &Block, mask: &Mask, scale: f32, scores: &mut [f32], lse: &mut Panel<'_>) -> Softmax
);
multiversion!(
    pub(super) fn normalise =
        normalise_body(block: &Block, softmax: &Softmax, sums: &[[f32; PANEL]], from: usize, out: &mut Panel<'_>)
);
multiversion!(pub(super) fn row_stats = row_stats_body(block: &Block, up: &Upstream<'_>) -> RowStats);
multiversion!(
    pub(super) fn softmax_gradient = softmax_gradient_body(
        block: &Block, mask: &Mask, scale: f32, row_stats: &RowStats, scores: &mut [f32], dscores: &mut [f32])
);
multiversion!(
    pub(super) fn accumulate =
        accumulate_body(block: &Block, sums: &[[f32; PANEL]], factor: f32, from: usize, out: &mut Panel<'_>)
);
multiversion!(
    pub(super) fn write = write_body(sums: &[f32], width: usize, factor: f32, start: usize, out: &mut Panel<'_>)
);
multiversion!(pub(super) fn finite = finite_body(rows: usize, view: &View<'_>) -> bool);
