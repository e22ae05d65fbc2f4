//! Causal attention within the segments of a jagged batch; no [n, n] matrix is ever in memory.
//!
//! Sixteen queries stand in the lanes and the keys go by in tiles, so that a query's bits depend on its own row and the keys
//! up to it, whatever stands beside it. Dao et al., "FlashAttention", NeurIPS 2022, for the running softmax and the gradient.

use crate::dropout::Dropout;
use crate::multiversion;
use crate::parallel::{Panel, Parallel, Segmented, over_panels};
use crate::random::Stream;
use crate::simd::{LANES, Lane, fma, math};

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
    attention_on(instructions(), run, &Inputs { q, k, v, shape, dropout }, out, lse);
}

fn attention_on(set: Instructions, run: &impl Parallel, inputs: &Inputs<'_>, out: &mut [f32], lse: &mut [f32]) {
    let Inputs { q, k, v, shape: Shape { queries, width, heads, .. }, .. } = *inputs;
    assert!(q.len() == out.len() && k.len() == v.len() && lse.len() * width == q.len() * heads);
    let out = Segmented { data: out, width, offsets: queries };
    let lse = Segmented { data: lse, width: heads, offsets: queries };
    if inputs.shape.columns() <= 128 {
        over_panels(run, [out, lse], heads, Buffers::<128, 2>::new, |buffers, b, head, panels| {
            forward(&inputs.head(b, head), panels, buffers.parts());
        });
    } else {
        over_panels(run, [out, lse], heads, Buffers::<MAX_HEAD, 2>::new, |buffers, b, head, panels| {
            forward(&inputs.head(b, head), panels, buffers.parts());
        });
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
    let inputs = Inputs { q, k, v, shape, dropout };
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
    let Shape { queries, offsets, width, heads } = shape;
    assert!(q.len() == out.len() && q.len() == dout.len() && q.len() == dq.len());
    assert!(k.len() == v.len() && k.len() == dk.len() && k.len() == dv.len());
    assert_eq!(lse.len() * width, q.len() * heads);
    let upstream = |b, head| Upstream {
        out: shape.rows(out, queries, b, head),
        dout: shape.rows(dout, queries, b, head),
        lse: View { data: lse, stride: heads, start: queries[b] as usize * heads + head, columns: 1 },
    };
    let panels = [
        Segmented { data: dq, width, offsets: queries },
        Segmented { data: dk, width, offsets },
        Segmented { data: dv, width, offsets },
    ];
    if shape.columns() <= 128 {
        over_panels(run, panels, heads, Buffers::<128, 5>::new, |buffers, b, head, panels| {
            backward(&inputs.head(b, head), &upstream(b, head), panels, buffers.parts());
        });
    } else {
        over_panels(run, panels, heads, Buffers::<MAX_HEAD, 5>::new, |buffers, b, head, panels| {
            backward(&inputs.head(b, head), &upstream(b, head), panels, buffers.parts());
        });
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
        assert!(heads > 0 && width.is_multiple_of(heads), "heads divide the width");
        assert!(width / heads <= MAX_HEAD, "a head has at most {MAX_HEAD} columns");
        assert_eq!(queries.len(), offsets.len());
        let fewer = |(q, k): (&[i32], &[i32])| q[1] - q[0] <= k[1] - k[0];
        assert!(queries.windows(2).zip(offsets.windows(2)).all(fewer), "queries are rows of their segment");
        Self { queries, offsets, width, heads }
    }

    fn columns(&self) -> usize {
        self.width / self.heads
    }

    /// One head's columns of one segment's rows.
    fn rows<'d>(&self, data: &'d [f32], offsets: &[i32], segment: usize, head: usize) -> View<'d> {
        let columns = self.columns();
        let start = offsets[segment] as usize * self.width + head * columns;
        View { data, stride: self.width, start, columns }
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
        let Shape { queries, offsets, .. } = self.shape;
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
            let index = row.wrapping_add(i as u32).wrapping_mul(65_536).wrapping_add(key as u32);
            result[i] = if self.stream.bits(index) >= self.threshold { kept[i] } else { 0.0 };
        }
        result
    }
}

/// A block's working memory, on its stack: `N` matrices of a head's columns by sixteen queries, and two tiles of weights.
struct Buffers<const COLUMNS: usize, const N: usize> {
    columns: [[Lane; COLUMNS]; N],
    weights: [[Lane; KEYS]; 2],
}

impl<const COLUMNS: usize, const N: usize> Buffers<COLUMNS, N> {
    fn new() -> Self {
        Self { columns: [[[0.0; LANES]; COLUMNS]; N], weights: [[[0.0; LANES]; KEYS]; 2] }
    }

    fn parts(&mut self) -> Parts<'_, N> {
        Parts { columns: self.columns.each_mut().map(|x| &mut x[..]), weights: self.weights.each_mut() }
    }
}

struct Parts<'a, const N: usize> {
    columns: [&'a mut [Lane]; N],
    weights: [&'a mut [Lane; KEYS]; 2],
}

#[inline(always)]
fn forward_body<const FMA: bool>(head: &Head<'_>, panels: [Panel<'_>; 2], parts: Parts<'_, 2>) {
    let [mut out, mut lse] = panels;
    let ([q, sum], [weights, _]) = (parts.columns, parts.weights);
    let d = head.k.columns;
    let (q, sum) = (&mut q[..d], &mut sum[..d]);
    for first in (0..out.rows()).step_by(LANES) {
        let count = LANES.min(out.rows() - first);
        let place = head.keys - out.rows() + first;
        load(&head.q, first, count, head.scale, q);
        sum.fill([0.0; LANES]);
        let (max, total) = tiles::<FMA>(head, place, first, place + count, q, weights, sum);
        for i in 0..count {
            let factor = head.mask.scale / total[i];
            for (out, sum) in out.row(first + i).iter_mut().zip(&*sum) {
                *out = sum[i] * factor;
            }
            lse.row(first + i)[0] = max[i] + math::ln::<FMA>(total[i]);
        }
    }
}

/// Adds the values, weighted by exp(score − max), to `sum`; returns the largest score and the sum of the weights.
#[inline(always)]
fn tiles<const FMA: bool>(
    head: &Head<'_>,
    place: usize,
    first: usize,
    keys: usize,
    q: &[Lane],
    weights: &mut [Lane; KEYS],
    sum: &mut [Lane],
) -> (Lane, Lane) {
    let (mut max, mut total) = ([f32::NEG_INFINITY; LANES], [0.0; LANES]);
    for start in (0..keys).step_by(KEYS) {
        let weights = &mut weights[..KEYS.min(keys - start)];
        scores::<FMA>(q, &head.k, start, weights);
        let before = max;
        for (j, s) in (start..).zip(&mut *weights) {
            for i in 0..LANES {
                s[i] = if place + i >= j { s[i] } else { f32::NEG_INFINITY };
                max[i] = if s[i] > max[i] { s[i] } else { max[i] };
            }
        }
        if start > 0 {
            let mut factor = [0.0; LANES];
            for i in 0..LANES {
                factor[i] = math::exp::<FMA>(before[i] - max[i]);
                total[i] *= factor[i];
            }
            for sum in &mut *sum {
                for i in 0..LANES {
                    sum[i] *= factor[i];
                }
            }
        }
        for (j, s) in (start..).zip(&mut *weights) {
            for i in 0..LANES {
                s[i] = math::exp::<FMA>(s[i] - max[i]);
                total[i] += s[i];
            }
            if head.mask.threshold > 0 {
                *s = head.mask.apply(first, j, s);
            }
        }
        mix::<FMA>(weights, &head.v, start, place, sum);
    }
    (max, total)
}

#[inline(always)]
fn backward_body<const FMA: bool>(head: &Head<'_>, up: &Upstream<'_>, panels: [Panel<'_>; 3], parts: Parts<'_, 5>) {
    let [mut dq, mut dk, mut dv] = panels;
    let [q, dout, sum, q_rows, dout_rows] = parts.columns;
    let [weights, changes] = parts.weights;
    let d = head.k.columns;
    let (q, dout, sum) = (&mut q[..d], &mut dout[..d], &mut sum[..d]);
    for j in 0..head.keys {
        dk.row(j).fill(0.0);
        dv.row(j).fill(0.0);
    }
    for first in (0..dq.rows()).step_by(LANES) {
        let count = LANES.min(dq.rows() - first);
        let place = head.keys - dq.rows() + first;
        load(&head.q, first, count, head.scale, q);
        load(&up.dout, first, count, 1.0, dout);
        pad(&head.q, first, count, head.scale, q_rows);
        pad(&up.dout, first, count, 1.0, dout_rows);
        // A lane without a query has no weights: exp(s − ∞) = 0.
        let (mut lse, mut delta) = ([f32::INFINITY; LANES], [0.0; LANES]);
        for i in 0..count {
            lse[i] = up.lse.row(first + i)[0];
            let rows = up.out.row(first + i).iter().zip(up.dout.row(first + i));
            delta[i] = rows.fold(0.0, |sum, (a, b)| fma::<FMA>(*a, *b, sum));
        }
        sum.fill([0.0; LANES]);
        for start in (0..place + count).step_by(KEYS) {
            let keys = KEYS.min(place + count - start);
            let (weights, changes) = (&mut weights[..keys], &mut changes[..keys]);
            scores::<FMA>(q, &head.k, start, weights);
            scores::<FMA>(dout, &head.v, start, changes);
            for (j, (s, ds)) in (start..).zip(weights.iter_mut().zip(&mut *changes)) {
                let mut kept = [head.mask.scale; LANES];
                if head.mask.threshold > 0 {
                    kept = head.mask.apply(first, j, &kept);
                }
                for i in 0..LANES {
                    let p = math::exp::<FMA>(s[i] - lse[i]);
                    let change = p * fma::<FMA>(kept[i], ds[i], -delta[i]);
                    ds[i] = if place + i >= j { change } else { 0.0 };
                    s[i] = if place + i >= j { p * kept[i] } else { 0.0 };
                }
            }
            mix::<FMA>(changes, &head.k, start, place, sum);
            spread::<FMA>(weights, dout_rows, count, start, &mut dv);
            spread::<FMA>(changes, q_rows, count, start, &mut dk);
        }
        for i in 0..count {
            for (dq, sum) in dq.row(first + i).iter_mut().zip(&*sum) {
                *dq = sum[i] * head.scale;
            }
        }
    }
}

/// Sixteen rows as lanes by column, times `factor`; zeros beyond `count`.
#[inline(always)]
fn load(rows: &View<'_>, first: usize, count: usize, factor: f32, lanes: &mut [Lane]) {
    if count < LANES {
        lanes.fill([0.0; LANES]);
    }
    for i in 0..count {
        for (lane, x) in lanes.iter_mut().zip(rows.row(first + i)) {
            lane[i] = x * factor;
        }
    }
}

/// Rows, times `factor`, each padded with zeros to whole lanes.
#[inline(always)]
fn pad(rows: &View<'_>, first: usize, count: usize, factor: f32, lanes: &mut [Lane]) {
    let per = rows.columns.div_ceil(LANES);
    for i in 0..count {
        let padded = lanes[i * per..][..per].as_flattened_mut();
        for (lane, x) in padded.iter_mut().zip(rows.row(first + i)) {
            *lane = x * factor;
        }
        padded[rows.columns..].fill(0.0);
    }
}

/// Rows that a product of lanes works on at once: as many as the registers hold.
macro_rules! by_registers {
    ($fma:ident, $function:ident, $($arg:expr),*) => {
        if $fma { $function::<$fma, 6>($($arg),*) } else { $function::<$fma, 3>($($arg),*) }
    };
}

/// `scores[j]` = Σ_c rows[start + j][c] · lanes[c].
#[inline(always)]
fn scores<const FMA: bool>(lanes: &[Lane], rows: &View<'_>, start: usize, scores: &mut [Lane]) {
    by_registers!(FMA, scores_by, lanes, rows, start, scores);
}

#[inline(always)]
fn scores_by<const FMA: bool, const R: usize>(lanes: &[Lane], rows: &View<'_>, start: usize, scores: &mut [Lane]) {
    let last = start + scores.len() - 1;
    for (block, scores) in scores.chunks_mut(R).enumerate() {
        // The last block repeats its last row instead of running shorter.
        let rows: [&[f32]; R] =
            std::array::from_fn(|r| &rows.row((start + block * R + r).min(last))[..lanes.len()]);
        let mut sums = [[0.0; LANES]; R];
        for c in 0..lanes.len() {
            for r in 0..R {
                for i in 0..LANES {
                    sums[r][i] = fma::<FMA>(rows[r][c], lanes[c][i], sums[r][i]);
                }
            }
        }
        scores.copy_from_slice(&sums[..scores.len()]);
    }
}

/// `sums[c]` += Σ_j weights[j] · rows[start + j][c], where key start + j is not after the lane's query, at `place` + i.
#[inline(always)]
fn mix<const FMA: bool>(weights: &[Lane], rows: &View<'_>, start: usize, place: usize, sums: &mut [Lane]) {
    if FMA && sums.len() >= 6 {
        mix_by::<FMA, 6>(weights, rows, start, place, sums);
    } else if sums.len() >= 3 {
        mix_by::<FMA, 3>(weights, rows, start, place, sums);
    } else {
        mix_by::<FMA, 1>(weights, rows, start, place, sums);
    }
}

#[inline(always)]
fn mix_by<const FMA: bool, const R: usize>(
    weights: &[Lane],
    rows: &View<'_>,
    start: usize,
    place: usize,
    sums: &mut [Lane],
) {
    let whole = (place + 1).saturating_sub(start).min(weights.len());
    for block in (0..sums.len()).step_by(R) {
        // The last block reaches back over columns that are done, and leaves those as they are.
        let column = block.min(sums.len() - R);
        let mut new: [Lane; R] = std::array::from_fn(|r| sums[column + r]);
        let (shared, own) = weights.split_at(whole);
        for (j, w) in (start..).zip(shared) {
            let row = &rows.row(j)[column..column + R];
            for r in 0..R {
                for i in 0..LANES {
                    new[r][i] = fma::<FMA>(row[r], w[i], new[r][i]);
                }
            }
        }
        // A weight of 0 would not do for later keys: what they hold may be infinite.
        for (j, w) in (start + whole..).zip(own) {
            let row = &rows.row(j)[column..column + R];
            for r in 0..R {
                for i in 0..LANES {
                    let next = fma::<FMA>(row[r], w[i], new[r][i]);
                    new[r][i] = if place + i >= j { next } else { new[r][i] };
                }
            }
        }
        for r in block - column..R {
            sums[column + r] = new[r];
        }
    }
}

/// `panel[start + j]` += Σ_i weights[j][i] · rows[i] over `count` rows, each padded to whole lanes.
#[inline(always)]
fn spread<const FMA: bool>(weights: &[Lane], rows: &[Lane], count: usize, start: usize, panel: &mut Panel<'_>) {
    by_registers!(FMA, spread_by, weights, rows, count, start, panel);
}

#[inline(always)]
fn spread_by<const FMA: bool, const R: usize>(
    weights: &[Lane],
    rows: &[Lane],
    count: usize,
    start: usize,
    panel: &mut Panel<'_>,
) {
    let columns = panel.columns();
    let per = columns.div_ceil(LANES);
    let rows = &rows[..count * per];
    for (block, weights) in weights.chunks(R).enumerate() {
        let (first, used) = (start + block * R, weights.len());
        // The last block repeats its last row instead of running shorter.
        let weights: [&Lane; R] = std::array::from_fn(|r| &weights[r.min(used - 1)]);
        for lane in 0..per {
            let mut sums = [[0.0; LANES]; R];
            for (i, row) in rows.chunks_exact(per).enumerate() {
                for r in 0..R {
                    for l in 0..LANES {
                        sums[r][l] = fma::<FMA>(weights[r][i], row[lane][l], sums[r][l]);
                    }
                }
            }
            let range = lane * LANES..columns.min((lane + 1) * LANES);
            for r in 0..used {
                for (y, sum) in panel.row(first + r)[range.clone()].iter_mut().zip(&sums[r]) {
                    *y += sum;
                }
            }
        }
    }
}

multiversion!(fn forward = forward_body(head: &Head<'_>, panels: [Panel<'_>; 2], parts: Parts<'_, 2>));
multiversion!(
    fn backward = backward_body(head: &Head<'_>, up: &Upstream<'_>, panels: [Panel<'_>; 3], parts: Parts<'_, 5>)
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{Reverse, SETS, TwoThreads, bits, close, values, wide};
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
            let scaled = |seed, n| values(seed, n * width).iter().map(|x| 2.0 * x).collect::<Vec<_>>();
            Self {
                width,
                heads,
                queries,
                offsets,
                q: scaled(1, rows),
                k: scaled(2, keys),
                v: scaled(3, keys),
                dout: scaled(4, rows),
                dropout: Dropout { rate, seed: 7, draw: 3 },
            }
        }

        fn forward(&self, run: &impl Parallel) -> (Vec<f32>, Vec<f32>) {
            let mut out = vec![f32::NAN; self.q.len()];
            let mut lse = vec![f32::NAN; self.q.len() / self.width.max(1) * self.heads];
            let (queries, offsets) = (&self.queries, &self.offsets);
            let Self { q, k, v, width, heads, dropout, .. } = self;
            attention(run, q, k, v, queries, offsets, *width, *heads, dropout, &mut out, &mut lse);
            (out, lse)
        }

        fn backward(&self, run: &impl Parallel) -> [Vec<f32>; 3] {
            let (out, lse) = self.forward(run);
            let mut dq = vec![f32::NAN; self.q.len()];
            let (mut dk, mut dv) = (vec![f32::NAN; self.k.len()], vec![f32::NAN; self.k.len()]);
            let Self { q, k, v, dout, queries, offsets, width, heads, dropout } = self;
            attention_gradient(
                run, q, k, v, &out, &lse, dout, queries, offsets, *width, *heads, dropout, &mut dq, &mut dk, &mut dv,
            );
            [dq, dk, dv]
        }

        /// `row(query row, its keys' first row, keys it sees, head, weights)` by the formula, in f64.
        fn naive(&self, q: &[f64], k: &[f64], v: &[f64]) -> (Vec<f64>, Vec<f64>) {
            let d = self.width / self.heads;
            let (mut out, mut lse) = (vec![0.0; q.len()], Vec::new());
            for b in 0..self.offsets.len() - 1 {
                let [from, to] = [self.queries[b] as usize, self.queries[b + 1] as usize];
                let [start, end] = [self.offsets[b] as usize, self.offsets[b + 1] as usize];
                for row in from..to {
                    for head in 0..self.heads {
                        let keys = end - start - (to - row) + 1;
                        let at = |x: &[f64], row: usize, c: usize| x[row * self.width + head * d + c];
                        let score = |j| (0..d).map(|c| at(q, row, c) * at(k, start + j, c)).sum::<f64>();
                        let weights: Vec<f64> = (0..keys).map(|j| (score(j) / (d as f64).sqrt()).exp()).collect();
                        let total: f64 = weights.iter().sum();
                        lse.push(total.ln());
                        for j in 0..keys {
                            let draw = random::mix(self.dropout.draw + 1 + head as u32);
                            let index = (row * 65_536 + j) as u32;
                            let rate = f64::from(self.dropout.rate);
                            let drawn = f64::from(random::bits(self.dropout.seed, draw, index));
                            if drawn >= (rate * 2f64.powi(32)).floor() {
                                for c in 0..d {
                                    let value = weights[j] / total * at(v, start + j, c) / (1.0 - rate);
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
            let (expected, expected_lse) = world.naive(&wide(&world.q), &wide(&world.k), &wide(&world.v));
            close(&out, &expected, 1e-5);
            close(&lse, &expected_lse, 1e-5);
        }
    }

    #[test]
    fn gradients_are_central_differences() {
        for world in worlds().into_iter().filter(|world| world.k.len() < 3000) {
            let (q, k, v, dout) = (wide(&world.q), wide(&world.k), wide(&world.v), wide(&world.dout));
            let [dq, dk, dv] = world.backward(&Serial);
            use crate::parallel::testing::differences;
            close(&dq, &differences(&q, &dout, |q| world.naive(q, &k, &v).0), 2e-5);
            close(&dk, &differences(&k, &dout, |k| world.naive(&q, k, &v).0), 2e-5);
            close(&dv, &differences(&v, &dout, |v| world.naive(&q, &k, v).0), 2e-5);
        }
    }
}
