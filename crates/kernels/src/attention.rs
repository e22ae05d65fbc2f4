//! Causal attention within the segments of a jagged batch; no [n, n] matrix is ever in memory.
//!
//! Sixteen queries stand in the lanes and the keys go by in tiles, so that a query's bits depend on its own row and the keys
//! up to it, whatever stands beside it. Dao et al., "FlashAttention", NeurIPS 2022, for the running softmax and the gradient.

use crate::dropout::Dropout;
use crate::multiversion;
use crate::parallel::{Panel, Parallel, Segmented, over_panels};
use crate::random::Stream;
use crate::reduce::finite;
use crate::simd::matrix::{Into, Left, PANEL, multiply};
use crate::simd::{Instructions, LANES, Lane, fma, fold_sum, instructions, math, transpose};

/// The widest head.
pub const MAX_HEAD: usize = 1024;

/// Keys of one tile.
const KEYS: usize = 64;

/// `out` [Q, width] and `lse` [Q, heads], the log of each softmax's denominator.
///
/// Keys and values `k`, `v` [T, width] stand at `offsets` [B + 1]; the queries of segment b, at `queries` [B + 1], are its
/// last rows. With s_ij = q_i · k_j / √d over d = width / heads columns of a head, j up to i's place, p = softmax(s) and m
/// the dropout's mask: out_i = Σ_j m_ij p_ij v_j / (1 − rate); `lse` knows no dropout.
pub fn attention(
    run: &impl Parallel,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    queries: &[i32],
    offsets: &[i32],
    width: usize,
    heads: usize,
    dropout: &Dropout,
    out: &mut [f32],
    lse: &mut [f32],
) {
    let shape = Shape::new(queries, offsets, width, heads);
    attention_on(
        instructions(),
        run,
        &Inputs {
            q,
            k,
            v,
            shape,
            dropout,
        },
        out,
        lse,
    );
}

fn attention_on(
    set: Instructions,
    run: &impl Parallel,
    inputs: &Inputs<'_>,
    out: &mut [f32],
    lse: &mut [f32],
) {
    let Inputs {
        q,
        k,
        v,
        shape:
            Shape {
                queries,
                width,
                heads,
                ..
            },
        ..
    } = *inputs;
    assert!(q.len() == out.len() && k.len() == v.len() && lse.len() * width == q.len() * heads);
    let out = Segmented {
        data: out,
        width,
        offsets: queries,
    };
    let lse = Segmented {
        data: lse,
        width: heads,
        offsets: queries,
    };
    if inputs.shape.columns() <= 128 {
        over_panels(
            run,
            [out, lse],
            heads,
            Buffers::<128, 3>::new,
            |buffers, b, head, panels| {
                forward(set, &inputs.head(b, head), panels, buffers.parts());
            },
        );
    } else {
        over_panels(
            run,
            [out, lse],
            heads,
            Buffers::<MAX_HEAD, 3>::new,
            |buffers, b, head, panels| {
                forward(set, &inputs.head(b, head), panels, buffers.parts());
            },
        );
    }
}

/// The gradients `dq` [Q, width], `dk` and `dv` [T, width] for `dout` [Q, width].
///
/// With P = exp(s − lse) and D_i = dout_i · out_i: ds_ij = P_ij (m_ij / (1 − rate) dout_i · v_j − D_i), dq_i = Σ_j ds_ij k_j / √d,
/// dk_j = Σ_i ds_ij q_i / √d, dv_j = Σ_i m_ij / (1 − rate) P_ij dout_i.
pub fn attention_gradient(
    run: &impl Parallel,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    out: &[f32],
    lse: &[f32],
    dout: &[f32],
    queries: &[i32],
    offsets: &[i32],
    width: usize,
    heads: usize,
    dropout: &Dropout,
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
) {
    let shape = Shape::new(queries, offsets, width, heads);
    let inputs = Inputs {
        q,
        k,
        v,
        shape,
        dropout,
    };
    gradient_on(instructions(), run, &inputs, out, lse, dout, [dq, dk, dv]);
}

fn gradient_on(
    set: Instructions,
    run: &impl Parallel,
    inputs: &Inputs<'_>,
    out: &[f32],
    lse: &[f32],
    dout: &[f32],
    [dq, dk, dv]: [&mut [f32]; 3],
) {
    let Inputs { q, k, v, shape, .. } = *inputs;
    let Shape {
        queries,
        offsets,
        width,
        heads,
    } = shape;
    assert!(q.len() == out.len() && q.len() == dout.len() && q.len() == dq.len());
    assert!(k.len() == v.len() && k.len() == dk.len() && k.len() == dv.len());
    assert_eq!(lse.len() * width, q.len() * heads);
    let upstream = |b, head| Upstream {
        out: shape.rows(out, queries, b, head),
        dout: shape.rows(dout, queries, b, head),
        lse: View {
            data: lse,
            stride: heads,
            start: queries[b] as usize * heads + head,
            columns: 1,
        },
    };
    let panels = [
        Segmented {
            data: dq,
            width,
            offsets: queries,
        },
        Segmented {
            data: dk,
            width,
            offsets,
        },
        Segmented {
            data: dv,
            width,
            offsets,
        },
    ];
    if shape.columns() <= 128 {
        over_panels(
            run,
            panels,
            heads,
            Buffers::<128, 6>::new,
            |buffers, b, head, panels| {
                backward(
                    set,
                    &inputs.head(b, head),
                    &upstream(b, head),
                    panels,
                    buffers.parts(),
                );
            },
        );
    } else {
        over_panels(
            run,
            panels,
            heads,
            Buffers::<MAX_HEAD, 6>::new,
            |buffers, b, head, panels| {
                backward(
                    set,
                    &inputs.head(b, head),
                    &upstream(b, head),
                    panels,
                    buffers.parts(),
                );
            },
        );
    }
}

/// How rows are cut into segments and columns into heads.
#[derive(Clone, Copy)]
struct Shape<'a> {
    queries: &'a [i32],
    offsets: &'a [i32],
    width: usize,
    heads: usize,
}

impl<'a> Shape<'a> {
    fn new(queries: &'a [i32], offsets: &'a [i32], width: usize, heads: usize) -> Self {
        assert!(
            heads > 0 && width.is_multiple_of(heads),
            "heads divide the width"
        );
        assert!(
            width / heads <= MAX_HEAD,
            "a head has at most {MAX_HEAD} columns"
        );
        assert_eq!(queries.len(), offsets.len());
        let fewer = |(q, k): (&[i32], &[i32])| q[1] - q[0] <= k[1] - k[0];
        assert!(
            queries.windows(2).zip(offsets.windows(2)).all(fewer),
            "queries are rows of their segment"
        );
        Self {
            queries,
            offsets,
            width,
            heads,
        }
    }

    fn columns(&self) -> usize {
        self.width / self.heads
    }

    /// One head's columns of one segment's rows.
    fn rows<'d>(&self, data: &'d [f32], offsets: &[i32], segment: usize, head: usize) -> View<'d> {
        let columns = self.columns();
        let start = offsets[segment] as usize * self.width + head * columns;
        View {
            data,
            stride: self.width,
            start,
            columns,
        }
    }
}

/// Some columns of a row-major matrix, from some row on.
#[derive(Clone, Copy)]
struct View<'a> {
    data: &'a [f32],
    stride: usize,
    start: usize,
    columns: usize,
}

impl<'a> View<'a> {
    #[inline(always)]
    fn row(&self, i: usize) -> &'a [f32] {
        &self.data[self.start + i * self.stride..][..self.columns]
    }

    /// Everything from the view's row `i` on.
    fn from(&self, i: usize) -> &'a [f32] {
        self.data
            .get(self.start + i * self.stride..)
            .unwrap_or_default()
    }

    /// Whether rows `from .. to` are finite.
    fn finite(&self, from: usize, to: usize) -> bool {
        (from..to).all(|i| finite(self.row(i)))
    }

    /// Sixteen rows, times `factor`, padded with zeros to whole lanes; zero rows beyond `count`.
    fn copy_padded(&self, first: usize, count: usize, factor: f32, padded: &mut [f32]) {
        if self.columns == 0 {
            return;
        }
        for (i, padded) in padded
            .chunks_exact_mut(self.columns.next_multiple_of(LANES))
            .enumerate()
        {
            let row = if i < count { self.row(first + i) } else { &[] };
            for (y, x) in padded.iter_mut().zip(row) {
                *y = x * factor;
            }
            padded[row.len()..].fill(0.0);
        }
    }
}

struct Inputs<'a> {
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    shape: Shape<'a>,
    dropout: &'a Dropout,
}

impl<'a> Inputs<'a> {
    fn head(&self, b: usize, head: usize) -> Head<'a> {
        let Shape {
            queries, offsets, ..
        } = self.shape;
        Head {
            q: self.shape.rows(self.q, queries, b, head),
            k: self.shape.rows(self.k, offsets, b, head),
            v: self.shape.rows(self.v, offsets, b, head),
            keys: (offsets[b + 1] - offsets[b]) as usize,
            scale: 1.0 / (self.shape.columns() as f32).sqrt(),
            mask: Mask {
                stream: self.dropout.head(head),
                threshold: self.dropout.threshold(),
                scale: self.dropout.scale(),
                row: queries[b] as u32,
            },
        }
    }
}

/// One head of one segment.
struct Head<'a> {
    q: View<'a>,
    k: View<'a>,
    v: View<'a>,
    keys: usize,
    scale: f32,
    mask: Mask,
}

/// What the gradient reads beside the inputs.
struct Upstream<'a> {
    out: View<'a>,
    dout: View<'a>,
    lse: View<'a>,
}

impl Upstream<'_> {
    /// What is known of sixteen queries. A lane without one has no weights: exp(s − ∞) = 0.
    fn state(&self, set: Instructions, first: usize, count: usize) -> Known {
        let (mut lse, mut delta) = ([f32::INFINITY; LANES], [0.0; LANES]);
        for i in 0..count {
            lse[i] = self.lse.row(first + i)[0];
            delta[i] = dot::on(set, self.out.row(first + i), self.dout.row(first + i));
        }
        Known { lse, delta }
    }
}

/// Which weights are dropped.
#[derive(Clone, Copy)]
struct Mask {
    stream: Stream,
    threshold: u32,
    /// What kept weights are multiplied by.
    scale: f32,
    /// The row of the segment's first query.
    row: u32,
}

impl Mask {
    /// `kept` where the weights of sixteen queries, from `query` on, for key `key` are kept, else 0.
    #[inline(always)]
    fn apply(&self, query: usize, key: usize, kept: &Lane) -> Lane {
        let row = self.row.wrapping_add(query as u32);
        let mut result = [0.0; LANES];
        for i in 0..LANES {
            let index = row
                .wrapping_add(i as u32)
                .wrapping_mul(65_536)
                .wrapping_add(key as u32);
            result[i] = if self.stream.bits(index) >= self.threshold {
                kept[i]
            } else {
                0.0
            };
        }
        result
    }
}

/// A block's working memory, on its stack: `N` matrices of a head's columns by sixteen queries, and tiles by key.
struct Buffers<const COLUMNS: usize, const N: usize> {
    columns: [[Lane; COLUMNS]; N],
    weights: [[Lane; KEYS]; 2],
    sums: [[f32; PANEL]; KEYS],
}

impl<const COLUMNS: usize, const N: usize> Buffers<COLUMNS, N> {
    fn new() -> Self {
        Self {
            columns: [[[0.0; LANES]; COLUMNS]; N],
            weights: [[[0.0; LANES]; KEYS]; 2],
            sums: [[0.0; PANEL]; KEYS],
        }
    }

    fn parts(&mut self) -> Parts<'_, N> {
        Parts {
            columns: self.columns.each_mut().map(|x| x.as_flattened_mut()),
            weights: self.weights.each_mut(),
            sums: &mut self.sums,
        }
    }
}

struct Parts<'a, const N: usize> {
    columns: [&'a mut [f32]; N],
    weights: [&'a mut [Lane; KEYS]; 2],
    sums: &'a mut [[f32; PANEL]; KEYS],
}

fn forward(set: Instructions, head: &Head<'_>, panels: [Panel<'_>; 2], parts: Parts<'_, 3>) {
    let [mut out, mut lse] = panels;
    let size = head.k.columns.next_multiple_of(LANES) * LANES;
    let [q, sums, rows] = parts.columns.map(|x| &mut x[..size]);
    let [weights, _] = parts.weights;
    for first in (0..out.rows()).step_by(LANES) {
        let count = LANES.min(out.rows() - first);
        let place = head.keys - out.rows() + first;
        head.q.copy_padded(first, count, head.scale, rows);
        transpose::to_lanes(set, rows, q);
        sums.fill(0.0);
        let mut state = State::new();
        for start in (0..place + count).step_by(KEYS) {
            let weights = &mut weights[..KEYS.min(place + count - start)];
            scores(set, q, &head.k, start, weights);
            let tile = Tile {
                first,
                place,
                start,
                lanes: count,
                mask: head.mask,
            };
            weigh::on(set, &tile, weights, &mut state, sums);
            if head.v.finite(start.max(place + 1), start + weights.len()) {
                mix(set, weights, &head.v, start, sums);
            } else {
                mix_visible::on(set, &tile, weights, &head.v, sums);
            }
        }
        transpose::to_rows(set, sums, rows);
        for (i, row) in rows.chunks_exact(size / LANES).take(count).enumerate() {
            let factor = head.mask.scale / state.total[i];
            for (out, sum) in out.row(first + i).iter_mut().zip(row) {
                *out = sum * factor;
            }
            lse.row(first + i)[0] = state.max[i] + math::ln::<false>(state.total[i]);
        }
    }
}

fn backward(
    set: Instructions,
    head: &Head<'_>,
    up: &Upstream<'_>,
    panels: [Panel<'_>; 3],
    parts: Parts<'_, 6>,
) {
    let [mut dq, mut dk, mut dv] = panels;
    let size = head.k.columns.next_multiple_of(LANES) * LANES;
    let [q, dout, dq_sums, q_rows, dout_rows, rows] = parts.columns.map(|x| &mut x[..size]);
    let [weights, changes] = parts.weights;
    for j in 0..head.keys {
        dk.row(j).fill(0.0);
        dv.row(j).fill(0.0);
    }
    for first in (0..dq.rows()).step_by(LANES) {
        let count = LANES.min(dq.rows() - first);
        let place = head.keys - dq.rows() + first;
        head.q.copy_padded(first, count, head.scale, q_rows);
        up.dout.copy_padded(first, count, 1.0, dout_rows);
        transpose::to_lanes(set, q_rows, q);
        transpose::to_lanes(set, dout_rows, dout);
        let state = up.state(set, first, count);
        dq_sums.fill(0.0);
        for start in (0..place + count).step_by(KEYS) {
            let keys = KEYS.min(place + count - start);
            let (weights, changes) = (&mut weights[..keys], &mut changes[..keys]);
            scores(set, q, &head.k, start, weights);
            scores(set, dout, &head.v, start, changes);
            let tile = Tile {
                first,
                place,
                start,
                lanes: count,
                mask: head.mask,
            };
            differentiate::on(set, &tile, &state, weights, changes);
            mix(set, changes, &head.k, start, dq_sums);
            spread(
                set,
                weights,
                &dout_rows[..count * (size / LANES)],
                start,
                parts.sums,
                &mut dv,
            );
            spread(
                set,
                changes,
                &q_rows[..count * (size / LANES)],
                start,
                parts.sums,
                &mut dk,
            );
        }
        transpose::to_rows(set, dq_sums, rows);
        for (i, row) in rows.chunks_exact(size / LANES).take(count).enumerate() {
            for (dq, sum) in dq.row(first + i).iter_mut().zip(row) {
                *dq = sum * head.scale;
            }
        }
    }
}

/// Where a tile of keys and its sixteen queries stand: the first query among the segment's, its place among the keys, and
/// the first key.
struct Tile {
    first: usize,
    place: usize,
    start: usize,
    /// Queries, at most sixteen.
    lanes: usize,
    mask: Mask,
}

/// The running softmax of sixteen queries.
struct State {
    max: Lane,
    total: Lane,
}

impl State {
    fn new() -> Self {
        Self {
            max: [f32::NEG_INFINITY; LANES],
            total: [0.0; LANES],
        }
    }
}

/// `lse` and D = dout · out of sixteen queries.
struct Known {
    lse: Lane,
    delta: Lane,
}

/// Scores become weights exp(score − max), dropped ones 0; what stands in `sums` is brought to the new maximum.
#[inline(always)]
fn weigh_body<const FMA: bool>(
    tile: &Tile,
    weights: &mut [Lane],
    state: &mut State,
    sums: &mut [f32],
) {
    let own = (tile.place + 1)
        .saturating_sub(tile.start)
        .min(weights.len());
    for (j, s) in (tile.start + own..).zip(&mut weights[own..]) {
        let later = (j - tile.place) as u32;
        for i in 0..LANES {
            s[i] = if i as u32 >= later {
                s[i]
            } else {
                f32::NEG_INFINITY
            };
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
fn differentiate_body<const FMA: bool>(
    tile: &Tile,
    known: &Known,
    scores: &mut [Lane],
    changes: &mut [Lane],
) {
    for (j, (s, ds)) in (tile.start..).zip(scores.iter_mut().zip(changes)) {
        let mut kept = [tile.mask.scale; LANES];
        if tile.mask.threshold > 0 {
            kept = tile.mask.apply(tile.first, j, &kept);
        }
        for i in 0..LANES {
            let p = math::exp::<FMA>(s[i] - known.lse[i]);
            let change = p * fma::<FMA>(kept[i], ds[i], -known.delta[i]);
            ds[i] = if tile.place + i >= j { change } else { 0.0 };
            s[i] = if tile.place + i >= j {
                p * kept[i]
            } else {
                0.0
            };
        }
    }
}

/// `scores[j]` = Σ_c rows[start + j][c] · lanes[c].
fn scores(set: Instructions, lanes: &[f32], rows: &View<'_>, start: usize, scores: &mut [Lane]) {
    let left = Left {
        values: rows.from(start),
        row: rows.stride,
        step: 1,
    };
    let shape = (scores.len(), rows.columns, LANES);
    multiply(
        set,
        left,
        lanes,
        LANES,
        shape,
        Into::Set,
        scores.as_flattened_mut(),
        LANES,
    );
}

/// `sums[c]` += Σ_j weights[j] · rows[start + j][c].
fn mix(set: Instructions, weights: &[Lane], rows: &View<'_>, start: usize, sums: &mut [f32]) {
    let left = Left {
        values: rows.from(start),
        row: 1,
        step: rows.stride,
    };
    let shape = (rows.columns, weights.len(), LANES);
    multiply(
        set,
        left,
        weights.as_flattened(),
        LANES,
        shape,
        Into::Add,
        sums,
        LANES,
    );
}

/// [`mix`] where a later key holds an infinity or NaN: its weight of 0 would not keep it out of an earlier query.
#[inline(always)]
fn mix_visible_body<const FMA: bool>(
    tile: &Tile,
    weights: &[Lane],
    rows: &View<'_>,
    sums: &mut [f32],
) {
    for (c, sum) in sums
        .as_chunks_mut::<LANES>()
        .0
        .iter_mut()
        .enumerate()
        .take(rows.columns)
    {
        let mut part = [0.0; LANES];
        for (j, w) in (tile.start..).zip(weights) {
            let x = rows.row(j)[c];
            for i in 0..LANES {
                part[i] = if tile.place + i >= j {
                    fma::<FMA>(x, w[i], part[i])
                } else {
                    part[i]
                };
            }
        }
        for i in 0..LANES {
            sum[i] += part[i];
        }
    }
}

/// `panel[start + j]` += Σ_i weights[j][i] · rows[i], rows padded to whole lanes.
fn spread(
    set: Instructions,
    weights: &[Lane],
    rows: &[f32],
    start: usize,
    sums: &mut [[f32; PANEL]],
    panel: &mut Panel<'_>,
) {
    let columns = panel.columns();
    let width = columns.next_multiple_of(LANES);
    let left = Left {
        values: weights.as_flattened(),
        row: LANES,
        step: 1,
    };
    for from in (0..columns).step_by(PANEL) {
        let count = PANEL.min(columns - from);
        let shape = (weights.len(), rows.len() / width, count);
        multiply(
            set,
            left,
            &rows[from..],
            width,
            shape,
            Into::Set,
            sums.as_flattened_mut(),
            PANEL,
        );
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

multiversion!(fn dot = dot_body(a: &[f32], b: &[f32]) -> f32);
multiversion!(fn weigh = weigh_body(tile: &Tile, weights: &mut [Lane], state: &mut State, sums: &mut [f32]));
multiversion!(
    fn differentiate = differentiate_body(tile: &Tile, known: &Known, scores: &mut [Lane], changes: &mut [Lane])
);
multiversion!(
    fn mix_visible = mix_visible_body(tile: &Tile, weights: &[Lane], rows: &View<'_>, sums: &mut [f32])
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{
        Reverse, SETS, TwoThreads, bits, close, differences, values, wide,
    };
    use crate::random;

    /// A batch of ragged segments, of which the last `queries[b]` rows ask.
    struct World {
        width: usize,
        heads: usize,
        queries: Vec<i32>,
        offsets: Vec<i32>,
        q: Vec<f32>,
        k: Vec<f32>,
        v: Vec<f32>,
        dout: Vec<f32>,
        dropout: Dropout,
    }

    fn offsets(lengths: &[usize]) -> Vec<i32> {
        let ends = lengths.iter().scan(0, |end, &n| {
            *end += n as i32;
            Some(*end)
        });
        std::iter::once(0).chain(ends).collect()
    }

    impl World {
        fn new(lengths: &[usize], asked: &[usize], width: usize, heads: usize, rate: f32) -> Self {
            let (queries, offsets) = (offsets(asked), offsets(lengths));
            let (rows, keys) = (asked.iter().sum::<usize>(), lengths.iter().sum::<usize>());
            let scaled = |seed, n| {
                values(seed, n * width)
                    .iter()
                    .map(|x| 2.0 * x)
                    .collect::<Vec<_>>()
            };
            Self {
                width,
                heads,
                queries,
                offsets,
                q: scaled(1, rows),
                k: scaled(2, keys),
                v: scaled(3, keys),
                dout: scaled(4, rows),
                dropout: Dropout {
                    rate,
                    seed: 7,
                    draw: 3,
                },
            }
        }

        fn forward(&self, run: &impl Parallel) -> (Vec<f32>, Vec<f32>) {
            let mut out = vec![f32::NAN; self.q.len()];
            let mut lse = vec![f32::NAN; self.q.len() / self.width.max(1) * self.heads];
            let (queries, offsets) = (&self.queries, &self.offsets);
            let Self {
                q,
                k,
                v,
                width,
                heads,
                dropout,
                ..
            } = self;
            attention(
                run, q, k, v, queries, offsets, *width, *heads, dropout, &mut out, &mut lse,
            );
            (out, lse)
        }

        fn backward(&self, run: &impl Parallel) -> [Vec<f32>; 3] {
            let (out, lse) = self.forward(run);
            let mut dq = vec![f32::NAN; self.q.len()];
            let (mut dk, mut dv) = (vec![f32::NAN; self.k.len()], vec![f32::NAN; self.k.len()]);
            let Self {
                q,
                k,
                v,
                dout,
                queries,
                offsets,
                width,
                heads,
                dropout,
            } = self;
            attention_gradient(
                run, q, k, v, &out, &lse, dout, queries, offsets, *width, *heads, dropout, &mut dq,
                &mut dk, &mut dv,
            );
            [dq, dk, dv]
        }

        /// (out, lse) by the formula, in f64.
        fn naive(&self, q: &[f64], k: &[f64], v: &[f64]) -> (Vec<f64>, Vec<f64>) {
            let d = self.width / self.heads;
            let (mut out, mut lse) = (vec![0.0; q.len()], Vec::new());
            for b in 0..self.offsets.len() - 1 {
                let [from, to] = [self.queries[b] as usize, self.queries[b + 1] as usize];
                let [start, end] = [self.offsets[b] as usize, self.offsets[b + 1] as usize];
                for row in from..to {
                    for head in 0..self.heads {
                        let keys = end - start - (to - row) + 1;
                        let at =
                            |x: &[f64], row: usize, c: usize| x[row * self.width + head * d + c];
                        let score = |j| {
                            (0..d)
                                .map(|c| at(q, row, c) * at(k, start + j, c))
                                .sum::<f64>()
                        };
                        let weights: Vec<f64> = (0..keys)
                            .map(|j| (score(j) / (d as f64).sqrt()).exp())
                            .collect();
                        let total: f64 = weights.iter().sum();
                        lse.push(total.ln());
                        for j in 0..keys {
                            let draw = random::mix(self.dropout.draw + 1 + head as u32);
                            let index = (row * 65_536 + j) as u32;
                            let rate = f64::from(self.dropout.rate);
                            let drawn = f64::from(random::bits(self.dropout.seed, draw, index));
                            if drawn >= (rate * 2f64.powi(32)).floor() {
                                for c in 0..d {
                                    let value =
                                        weights[j] / total * at(v, start + j, c) / (1.0 - rate);
                                    out[row * self.width + head * d + c] += value;
                                }
                            }
                        }
                    }
                }
            }
            (out, lse)
        }
    }

    fn worlds() -> Vec<World> {
        let mut worlds = vec![
            World::new(&[], &[], 4, 2, 0.0),
            World::new(&[0, 0], &[0, 0], 4, 1, 0.0),
            World::new(&[1, 0, 3, 2], &[1, 0, 3, 0], 6, 2, 0.0),
            World::new(&[5, 18, 1], &[1, 17, 1], 7, 1, 0.3),
        ];
        if !cfg!(miri) {
            worlds.extend([
                World::new(&[17, 0, 64, 65, 1], &[17, 0, 64, 65, 1], 50, 1, 0.0),
                World::new(&[16, 130, 3], &[16, 130, 3], 64, 2, 0.2),
                World::new(&[200, 31, 7], &[1, 20, 0], 100, 1, 0.5),
                World::new(&[9, 70], &[9, 3], 300, 2, 0.1),
                World::new(&[33], &[33], 2, 2, 0.1),
            ]);
        }
        worlds
    }

    #[test]
    fn is_the_formula() {
        for world in worlds() {
            let (out, lse) = world.forward(&Serial);
            let (expected, expected_lse) =
                world.naive(&wide(&world.q), &wide(&world.k), &wide(&world.v));
            close(&out, &expected, 1e-5);
            close(&lse, &expected_lse, 1e-5);
        }
    }

    #[test]
    fn gradients_are_central_differences() {
        for world in worlds().into_iter().filter(|world| world.k.len() < 3000) {
            let (q, k, v, dout) = (
                wide(&world.q),
                wide(&world.k),
                wide(&world.v),
                wide(&world.dout),
            );
            let [dq, dk, dv] = world.backward(&Serial);
            close(
                &dq,
                &differences(&q, &dout, |q| world.naive(q, &k, &v).0),
                2e-5,
            );
            close(
                &dk,
                &differences(&k, &dout, |k| world.naive(&q, k, &v).0),
                2e-5,
            );
            close(
                &dv,
                &differences(&v, &dout, |v| world.naive(&q, &k, v).0),
                2e-5,
            );
        }
    }

    impl World {
        fn inputs(&self) -> Inputs<'_> {
            let shape = Shape::new(&self.queries, &self.offsets, self.width, self.heads);
            Inputs {
                q: &self.q,
                k: &self.k,
                v: &self.v,
                shape,
                dropout: &self.dropout,
            }
        }
    }

    #[test]
    fn every_set_is_the_formula() {
        for world in worlds() {
            let (expected, _) = world.naive(&wide(&world.q), &wide(&world.k), &wide(&world.v));
            let gradients = world.backward(&Serial).map(|x| wide(&x));
            for set in SETS {
                let (mut out, mut lse) = world.forward(&Serial);
                attention_on(set, &Serial, &world.inputs(), &mut out, &mut lse);
                close(&out, &expected, 1e-5);
                let mut new = world.backward(&Serial).map(|x| vec![f32::NAN; x.len()]);
                let [dq, dk, dv] = &mut new;
                gradient_on(
                    set,
                    &Serial,
                    &world.inputs(),
                    &out,
                    &lse,
                    &world.dout,
                    [dq, dk, dv],
                );
                for (new, expected) in new.iter().zip(&gradients) {
                    close(new, expected, 2e-5);
                }
            }
        }
    }

    #[test]
    fn blocks_may_run_in_any_order() {
        for world in worlds() {
            let (out, lse) = world.forward(&Serial);
            let gradients = world.backward(&Serial).map(|x| bits(&x));
            assert_eq!((bits(&out), bits(&lse)), bits_of(world.forward(&Reverse)));
            assert_eq!(
                (bits(&out), bits(&lse)),
                bits_of(world.forward(&TwoThreads))
            );
            assert_eq!(gradients, world.backward(&Reverse).map(|x| bits(&x)));
            assert_eq!(gradients, world.backward(&TwoThreads).map(|x| bits(&x)));
        }
    }

    fn bits_of((out, lse): (Vec<f32>, Vec<f32>)) -> (Vec<u32>, Vec<u32>) {
        (bits(&out), bits(&lse))
    }

    /// The last `asked` rows of one segment alone, its keys as they stand in the batch.
    fn ask_alone(world: &World, b: usize, asked: usize) -> (Vec<u32>, Vec<u32>) {
        let rows =
            world.offsets[b] as usize * world.width..world.offsets[b + 1] as usize * world.width;
        let keys = (world.offsets[b + 1] - world.offsets[b]) as usize;
        let last = world.queries[b + 1] as usize * world.width;
        let part = World {
            queries: offsets(&[asked]),
            offsets: offsets(&[keys]),
            q: world.q[last - asked * world.width..last].to_vec(),
            k: world.k[rows.clone()].to_vec(),
            v: world.v[rows].to_vec(),
            dout: Vec::new(),
            dropout: world.dropout,
            ..*world
        };
        bits_of(part.forward(&Serial))
    }

    #[test]
    fn a_query_has_the_same_bits_alone_and_in_a_batch() {
        let lengths = if cfg!(miri) {
            vec![3, 0, 18]
        } else {
            vec![17, 0, 64, 1, 131, 200]
        };
        for (width, heads) in [(7, 1), (50, 2), (64, 1)] {
            let world = World::new(&lengths, &lengths, width, heads, 0.0);
            let (out, lse) = bits_of(world.forward(&Serial));
            for (b, &n) in lengths.iter().enumerate() {
                for asked in [1, 2, 15, 16, 33, n]
                    .into_iter()
                    .filter(|&asked| asked <= n)
                {
                    let last = world.offsets[b + 1] as usize;
                    let (some, some_lse) = ask_alone(&world, b, asked);
                    assert_eq!(
                        some,
                        out[(last - asked) * width..last * width],
                        "{asked} of {n}"
                    );
                    assert_eq!(some_lse, lse[(last - asked) * heads..last * heads]);
                }
            }
        }
    }

    #[test]
    fn what_follows_is_not_seen_whatever_it_holds() {
        let n = if cfg!(miri) { 5 } else { 90 };
        let world = World::new(&[n], &[n], 7, 1, 0.0);
        let (out, lse) = bits_of(world.forward(&Serial));
        for cut in [1, n / 2, n - 1] {
            for poison in [1e3, f32::NAN, f32::INFINITY] {
                let mut world = World::new(&[n], &[n], 7, 1, 0.0);
                world.k[cut * 7..].fill(poison);
                world.v[cut * 7..].fill(poison);
                let (some, some_lse) = bits_of(world.forward(&Serial));
                assert_eq!(some[..cut * 7], out[..cut * 7], "{poison} from {cut}");
                assert_eq!(some_lse[..cut], lse[..cut]);
            }
        }
    }

    #[test]
    fn one_key_gives_its_value() {
        let (mut out, mut lse) = ([f32::NAN; 3], [f32::NAN]);
        let (q, k, v) = ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]);
        attention(
            &Serial,
            &q,
            &k,
            &v,
            &[0, 1],
            &[0, 1],
            3,
            1,
            &Dropout::NONE,
            &mut out,
            &mut lse,
        );
        assert_eq!(out, v);
        close(&lse, &[32.0 / 3f64.sqrt()], 1e-6); // q · k = 4 + 10 + 18
    }

    #[test]
    fn dropping_everything_gives_zeros() {
        let world = World::new(&[4], &[4], 6, 2, 1.0);
        assert_eq!(world.forward(&Serial).0, [0.0; 24]);
        assert_eq!(
            world.backward(&Serial).map(|x| x.iter().all(|&x| x == 0.0)),
            [true; 3]
        );
    }
}
