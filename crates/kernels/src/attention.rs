//! Causal attention within the segments of a jagged batch; no [n, n] matrix is ever in memory.
//!
//! The keys of a segment go by in chunks, which stand in the lanes, and the queries in blocks of rows. A query's bits depend
//! on its own row and the keys up to it, whatever stands beside it. Dao et al., "FlashAttention", NeurIPS 2022, for the
//! running softmax and the gradient. Short segments that drop nothing go together, in `short.rs`.

mod blocks;
mod layout;
mod products;
mod short;
mod softmax;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::dropout::Dropout;
use crate::parallel::{Panel, Parallel, Segmented, over_panels};
use crate::simd::matrix::PANEL;
use crate::simd::memory::Stack;
use crate::simd::{Instructions, LANES, instructions};
use crate::views::{elements, elements_mut};
use blocks::{AREA, GROUP, KEYS, ROWS};
use layout::{Head, Inputs, Shape, Upstream};
use products::{Columns, Rows, accumulate_keys, scores, weighted_sum};
pub(crate) use softmax::index as weight_index;
use softmax::{accumulate, finite, normalise, online_softmax, row_stats, softmax_gradient, write};

/// The widest head.
pub const MAX_HEAD: usize = 1024;

/// A block's scores, and 64 columns of sums or rows of its queries.
const SCORES: usize = ROWS * (KEYS + LANES);
const SUMS: usize = ROWS * PANEL;

/// What attention reads.
#[derive(Clone, Copy)]
pub struct Attention<'a> {
    /// [Q, width]
    pub q: ArrayView2<'a, f32>,
    /// [T, width]
    pub k: ArrayView2<'a, f32>,
    /// [T, width]
    pub v: ArrayView2<'a, f32>,
    /// The queries of segment b are rows `queries[b] .. queries[b + 1]` of q, and stand for the last rows of the segment: [B + 1].
    pub queries: ArrayView1<'a, i32>,
    /// The keys and values of segment b are rows `offsets[b] .. offsets[b + 1]` of k and v: [B + 1].
    pub offsets: ArrayView1<'a, i32>,
    pub heads: usize,
    pub dropout: Dropout,
}

impl<'a> Attention<'a> {
    fn inputs(&self) -> Inputs<'a> {
        let shape = Shape::new(elements(&self.queries), elements(&self.offsets), self.q.ncols(), self.heads);
        let [q, k, v] = [self.q, self.k, self.v].map(|x| elements(&x));
        assert!(self.k.dim() == self.v.dim() && self.k.ncols() == self.q.ncols());
        Inputs { q, k, v, shape, dropout: self.dropout }
    }
}

/// What the forward pass gave, and the gradient of its output.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// [Q, width]
    pub out: ArrayView2<'a, f32>,
    /// [Q, heads]
    pub lse: ArrayView2<'a, f32>,
    /// [Q, width]
    pub dout: ArrayView2<'a, f32>,
}

/// What [`attention_gradient`] fills.
pub struct Gradients<'a> {
    pub dq: ArrayViewMut2<'a, f32>,
    pub dk: ArrayViewMut2<'a, f32>,
    pub dv: ArrayViewMut2<'a, f32>,
}

/// `out` [Q, width] and `lse` [Q, heads], the log of each softmax's denominator.
///
/// With s_ij = q_i · k_j / √d over d = width / heads columns of a head, j up to i's place, p = softmax(s) and m
/// the dropout's mask: out_i = Σ_j m_ij p_ij v_j / (1 − rate); `lse` knows no dropout.
pub fn attention(run: &impl Parallel, read: &Attention, out: ArrayViewMut2<f32>, lse: ArrayViewMut2<f32>) {
    assert!(out.dim() == read.q.dim() && lse.dim() == (read.q.nrows(), read.heads));
    attention_on(instructions(), run, &read.inputs(), elements_mut(out), elements_mut(lse));
}

fn attention_on(set: Instructions, run: &impl Parallel, inputs: &Inputs<'_>, out: &mut [f32], lse: &mut [f32]) {
    let Shape { queries: offsets, width, heads, .. } = inputs.shape;
    let panels = [Segmented { data: out, width, offsets }, Segmented { data: lse, width: heads, offsets }];
    over_panels(run, panels, heads, |head, mut group| {
        let mut stack = Stack::new();
        loop {
            let few = short::count(inputs, group.segments());
            if few > 0 {
                let room = stack.parts(short::room(inputs));
                short::forward(set, inputs, head, few, &mut group, room);
            } else if let Some((b, panels)) = group.next() {
                forward(set, &inputs.head(b, head), panels, &mut stack);
            } else {
                return;
            }
        }
    });
}

fn forward(
    set: Instructions,
    head: &Head<'_>,
    [mut out, mut lse]: [Panel<'_>; 2],
    stack: &mut Stack<{ 2 * AREA + SCORES + SUMS }>,
) {
    for chunk in head.chunks() {
        let tail = if head.ragged() { chunk.keys * PANEL } else { 0 };
        let [area, weights, sums, tail] = stack.parts([chunk.lanes() * head.padded(), chunk.scores(), SUMS, tail]);
        let sums = sums.as_chunks_mut().0;
        let (k, v) = (head.k.skip(chunk.start), head.v.skip(chunk.start));
        // A weight of 0 keeps a later key out of an earlier query, but not its infinity or NaN.
        let group = if finite::on(set, chunk.keys, &v) { GROUP } else { 1 };
        let (k, v) = (Columns::pack(set, &k, chunk.keys, area), Rows::new(v, chunk.keys, tail));
        for block in chunk.blocks() {
            scores(set, &block, &head.q.skip(block.first), &k, weights);
            let softmax = online_softmax::on(set, &block, &head.mask, head.scale, weights, &mut lse);
            for from in (0..out.columns()).step_by(PANEL) {
                weighted_sum(set, &block, weights, &v, from, group, sums);
                normalise::on(set, &block, &softmax, sums, from, &mut out);
            }
        }
    }
}

/// The gradients `dq` [Q, width], `dk` and `dv` [T, width].
///
/// With P = exp(s − lse) and D_i = dout_i · out_i: ds_ij = P_ij (m_ij / (1 − rate) dout_i · v_j − D_i), dq_i = Σ_j ds_ij k_j / √d,
/// dk_j = Σ_i ds_ij q_i / √d, dv_j = Σ_i m_ij / (1 − rate) P_ij dout_i.
pub fn attention_gradient(run: &impl Parallel, read: &Attention, given: &Given, Gradients { dq, dk, dv }: Gradients) {
    let (queries, keys) = (read.q.dim(), read.k.dim());
    assert!(given.out.dim() == queries && given.dout.dim() == queries && given.lse.dim() == (queries.0, read.heads));
    assert!(dq.dim() == queries && dk.dim() == keys && dv.dim() == keys);
    gradient_on(instructions(), run, &read.inputs(), given, [dq, dk, dv].map(elements_mut));
}

fn gradient_on(
    set: Instructions,
    run: &impl Parallel,
    inputs: &Inputs<'_>,
    given: &Given<'_>,
    [dq, dk, dv]: [&mut [f32]; 3],
) {
    let [out, lse, dout] = [given.out, given.lse, given.dout].map(|x| elements(&x));
    let upstream = |b, head| Upstream::new(&inputs.shape, out, dout, lse, b, head);
    let Shape { queries, offsets, width, heads } = inputs.shape;
    let panels = [
        Segmented { data: dq, width, offsets: queries },
        Segmented { data: dk, width, offsets },
        Segmented { data: dv, width, offsets },
    ];
    over_panels(run, panels, heads, |head, group| {
        let mut stack = Stack::new();
        for (b, panels) in group {
            backward(set, &inputs.head(b, head), &upstream(b, head), panels, &mut stack);
        }
    });
}

fn backward(
    set: Instructions,
    head: &Head<'_>,
    up: &Upstream<'_>,
    [mut dq, mut dk, mut dv]: [Panel<'_>; 3],
    stack: &mut Stack<{ 5 * AREA + 2 * SCORES + 3 * SUMS }>,
) {
    for chunk in head.chunks() {
        let (width, area, scored) = (head.padded(), chunk.lanes() * head.padded(), chunk.scores());
        let [tail, tails] = if head.ragged() { [chunk.keys * PANEL, SUMS] } else { [0, 0] };
        let [k_area, v_area, dk_sums, dv_sums, weights, dscores, sums, tail, q_tail, dout_tail] =
            stack.parts([area, area, area, area, scored, scored, SUMS, tail, tails, tails]);
        let sums = sums.as_chunks_mut().0;
        let (k, v) = (head.k.skip(chunk.start), head.v.skip(chunk.start));
        let k_columns = Columns::pack(set, &k, chunk.keys, k_area);
        let v_columns = Columns::pack(set, &v, chunk.keys, v_area);
        let k = Rows::new(k, chunk.keys, tail);
        if head.queries == 0 {
            dk_sums.fill(0.0);
            dv_sums.fill(0.0);
        }
        for block in chunk.blocks() {
            let (q, dout) = (head.q.skip(block.first), up.dout.skip(block.first));
            scores(set, &block, &q, &k_columns, weights);
            scores(set, &block, &dout, &v_columns, dscores);
            let row_stats = row_stats::on(set, &block, up);
            softmax_gradient::on(set, &block, &head.mask, head.scale, &row_stats, weights, dscores);
            let (q, dout) = (Rows::new(q, block.count, q_tail), Rows::new(dout, block.count, dout_tail));
            for from in (0..dq.columns()).step_by(PANEL) {
                weighted_sum(set, &block, dscores, &k, from, GROUP, sums);
                accumulate::on(set, &block, sums, head.scale, from, &mut dq);
                accumulate_keys(set, &block, dscores, &q, from, dk_sums, width);
                accumulate_keys(set, &block, weights, &dout, from, dv_sums, width);
            }
        }
        write::on(set, &dk_sums[..chunk.keys * width], width, head.scale, chunk.start, &mut dk);
        write::on(set, &dv_sums[..chunk.keys * width], width, 1.0, chunk.start, &mut dv);
    }
}

#[cfg(test)]
mod tests;
