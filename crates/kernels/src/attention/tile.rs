//! A tile: sixteen queries in the lanes by up to [`KEYS`] keys, on the stack.

use super::layout::View;
use crate::multiversion;
use crate::parallel::Panel;
use crate::random::Stream;
use crate::simd::matrix::{Into, Left, PANEL, multiply};
use crate::simd::{Instructions, LANES, Lane, fma, fold_sum, math};

/// Keys of one tile.
pub(super) const KEYS: usize = 64;

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
    /// `kept` where the weights of sixteen queries, from `query` on, for key `key` are kept, else 0.
    #[inline(always)]
    pub(super) fn apply(&self, query: usize, key: usize, kept: &Lane) -> Lane {
        let row = self.row.wrapping_add(query as u32);
        let mut result = [0.0; LANES];
        for i in 0..LANES {
            let index = index(row.wrapping_add(i as u32), key as u32);
            result[i] = if self.stream.bits(index) >= self.threshold { kept[i] } else { 0.0 };
        }
        result
    }
}

/// Where a weight's bits stand: rows of 65,536 keys, and rows that would wrap around scattered among the earlier ones.
#[inline(always)]
pub(super) fn index(row: u32, key: u32) -> u32 {
    row.wrapping_mul(65_536).wrapping_add(key) ^ (row >> 16).wrapping_mul(0x9e37_79b9)
}

/// A block's working memory, on its stack: `N` matrices of a head's columns by sixteen queries, and tiles by key.
pub(super) struct Buffers<const COLUMNS: usize, const N: usize> {
    pub(super) columns: [[Lane; COLUMNS]; N],
    pub(super) weights: [[Lane; KEYS]; 2],
    pub(super) sums: [[f32; PANEL]; KEYS],
}

impl<const COLUMNS: usize, const N: usize> Buffers<COLUMNS, N> {
    pub(super) fn new() -> Self {
        Self { columns: [[[0.0; LANES]; COLUMNS]; N], weights: [[[0.0; LANES]; KEYS]; 2], sums: [[0.0; PANEL]; KEYS] }
    }

    pub(super) fn parts(&mut self) -> Parts<'_, N> {
        Parts {
            columns: self.columns.each_mut().map(|x| x.as_flattened_mut()),
            weights: self.weights.each_mut(),
            sums: &mut self.sums,
        }
    }
}

pub(super) struct Parts<'a, const N: usize> {
    pub(super) columns: [&'a mut [f32]; N],
    pub(super) weights: [&'a mut [Lane; KEYS]; 2],
    pub(super) sums: &'a mut [[f32; PANEL]; KEYS],
}

/// Where a tile of keys and its sixteen queries stand: the first query among the segment's, its place among the keys, and
/// the first key.
pub(super) struct Tile {
    pub(super) first: usize,
    pub(super) place: usize,
    pub(super) start: usize,
    /// Queries, at most sixteen.
    pub(super) lanes: usize,
    pub(super) mask: Mask,
}

/// The running softmax of sixteen queries.
pub(super) struct State {
    pub(super) max: Lane,
    pub(super) total: Lane,
}

impl State {
    pub(super) fn new() -> Self {
        Self { max: [f32::NEG_INFINITY; LANES], total: [0.0; LANES] }
    }
}

/// `lse` and D = dout · out of sixteen queries.
pub(super) struct Known {
    pub(super) lse: Lane,
    pub(super) delta: Lane,
}

/// Scores become weights exp(score − max), dropped ones 0; what stands in `sums` is brought to the new maximum.
#[inline(always)]
fn weigh_body<const FMA: bool>(tile: &Tile, weights: &mut [Lane], state: &mut State, sums: &mut [f32]) {
    let own = (tile.place + 1).saturating_sub(tile.start).min(weights.len());
    for (j, s) in (tile.start + own..).zip(&mut weights[own..]) {
        let later = (j - tile.place) as u32;
        for i in 0..LANES {
            s[i] = if i as u32 >= later { s[i] } else { f32::NEG_INFINITY };
        }
    }
    let mut max = state.max;
    for s in &*weights {
        for i in 0..LANES {
            max[i] = if s[i] > max[i] { s[i] } else { max[i] };
        }
    }
    let mut factor = [0.0; LANES];
    for i in 0..LANES {
        factor[i] = math::exp::<FMA>(state.max[i] - max[i]);
    }
    if tile.start > 0 {
        rescale(sums, &factor, tile.lanes);
    }
    let mut total = [0.0; LANES];
    for s in &mut *weights {
        for i in 0..LANES {
            s[i] = math::exp::<FMA>(s[i] - max[i]);
            total[i] += s[i];
        }
    }
    for i in 0..LANES {
        state.total[i] = fma::<FMA>(state.total[i], factor[i], total[i]);
    }
    state.max = max;
    if tile.mask.threshold > 0 {
        for (j, s) in (tile.start..).zip(weights) {
            *s = tile.mask.apply(tile.first, j, s);
        }
    }
}

#[inline(always)]
fn rescale(sums: &mut [f32], factor: &Lane, lanes: usize) {
    for sum in sums.chunks_exact_mut(LANES) {
        for (x, factor) in sum[..lanes].iter_mut().zip(&factor[..lanes]) {
            *x *= factor;
        }
    }
}

/// Scores and dout · v become the weights of dout in dv, and ds.
#[inline(always)]
fn differentiate_body<const FMA: bool>(tile: &Tile, known: &Known, scores: &mut [Lane], changes: &mut [Lane]) {
    for (j, (s, ds)) in (tile.start..).zip(scores.iter_mut().zip(changes)) {
        let mut kept = [tile.mask.scale; LANES];
        if tile.mask.threshold > 0 {
            kept = tile.mask.apply(tile.first, j, &kept);
        }
        for i in 0..LANES {
            let p = math::exp::<FMA>(s[i] - known.lse[i]);
            let change = p * fma::<FMA>(kept[i], ds[i], -known.delta[i]);
            ds[i] = if tile.place + i >= j { change } else { 0.0 };
            s[i] = if tile.place + i >= j { p * kept[i] } else { 0.0 };
        }
    }
}

/// `scores[j]` = Σ_c rows[start + j][c] · lanes[c].
pub(super) fn scores(set: Instructions, lanes: &[f32], rows: &View<'_>, start: usize, scores: &mut [Lane]) {
    let left = Left { values: rows.from(start), row: rows.stride, step: 1 };
    let shape = (scores.len(), rows.columns, LANES);
    multiply(set, left, lanes, LANES, shape, Into::Set, scores.as_flattened_mut(), LANES);
}

/// `sums[c]` += Σ_j weights[j] · rows[start + j][c].
pub(super) fn mix(set: Instructions, weights: &[Lane], rows: &View<'_>, start: usize, sums: &mut [f32]) {
    let left = Left { values: rows.from(start), row: 1, step: rows.stride };
    let shape = (rows.columns, weights.len(), LANES);
    multiply(set, left, weights.as_flattened(), LANES, shape, Into::Add, sums, LANES);
}

/// [`mix`] where a later key holds an infinity or NaN: its weight of 0 would not keep it out of an earlier query.
#[inline(always)]
fn mix_visible_body<const FMA: bool>(tile: &Tile, weights: &[Lane], rows: &View<'_>, sums: &mut [f32]) {
    for (c, sum) in sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate().take(rows.columns) {
        let mut part = [0.0; LANES];
        for (j, w) in (tile.start..).zip(weights) {
            let x = rows.row(j)[c];
            for i in 0..LANES {
                part[i] = if tile.place + i >= j { fma::<FMA>(x, w[i], part[i]) } else { part[i] };
            }
        }
        for i in 0..LANES {
            sum[i] += part[i];
        }
    }
}

/// `panel[start + j]` += Σ_i weights[j][i] · rows[i], rows padded to whole lanes.
pub(super) fn spread(
    set: Instructions,
    weights: &[Lane],
    rows: &[f32],
    start: usize,
    sums: &mut [[f32; PANEL]],
    panel: &mut Panel<'_>,
) {
    let columns = panel.columns();
    let width = columns.next_multiple_of(LANES);
    let left = Left { values: weights.as_flattened(), row: LANES, step: 1 };
    for from in (0..columns).step_by(PANEL) {
        let count = PANEL.min(columns - from);
        let shape = (weights.len(), rows.len() / width, count);
        multiply(set, left, &rows[from..], width, shape, Into::Set, sums.as_flattened_mut(), PANEL);
        for (j, sums) in (start..).zip(&sums[..weights.len()]) {
            for (y, sum) in panel.row(j)[from..from + count].iter_mut().zip(sums) {
                *y += sum;
            }
        }
    }
}

#[inline(always)]
fn dot_body<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    fold_sum(a, b, |sum, a, b| fma::<FMA>(a, b, sum))
}

multiversion!(pub(super) fn dot = dot_body(a: &[f32], b: &[f32]) -> f32);
multiversion!(pub(super) fn weigh = weigh_body(tile: &Tile, weights: &mut [Lane], state: &mut State, sums: &mut [f32]));
multiversion!(
    pub(super) fn differentiate = differentiate_body(tile: &Tile, known: &Known, scores: &mut [Lane], changes: &mut [Lane])
);
multiversion!(
    pub(super) fn mix_visible = mix_visible_body(tile: &Tile, weights: &[Lane], rows: &View<'_>, sums: &mut [f32])
);
