//! Causal attention within the segments of a jagged batch; no [n, n] matrix is ever in memory.
//!
//! The keys of a segment go by in chunks, which stand in the lanes, and the queries in blocks of rows. A query's bits depend
//! on its own row and the keys up to it, whatever stands beside it. Dao et al., "FlashAttention", NeurIPS 2022, for the
//! running softmax and the gradient. Short segments that drop nothing go together, in `short.rs`.

mod cut;
mod layout;
mod products;
mod short;
mod weights;

use crate::dropout::Dropout;
use crate::parallel::{Panel, Parallel, Segmented, over_panels};
use crate::simd::matrix::PANEL;
use crate::simd::memory::Stack;
use crate::simd::{Instructions, LANES, instructions};
use cut::{AREA, GROUP, KEYS, ROWS};
use layout::{Head, Inputs, Shape, Upstream};
use products::{Columns, Rows, mix, scores, spread};
use weights::{add, differentiate, finish, finite, known, store, weigh};

/// The widest head.
pub const MAX_HEAD: usize = 1024;

/// A block's scores, and 64 columns of sums or rows of its queries.
const SCORES: usize = ROWS * (KEYS + LANES);
const SUMS: usize = ROWS * PANEL;

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
    let inputs = Inputs { q, k, v, shape, dropout };
    attention_on(instructions(), run, &inputs, out, lse);
}

fn attention_on(set: Instructions, run: &impl Parallel, inputs: &Inputs<'_>, out: &mut [f32], lse: &mut [f32]) {
    let Inputs { q, k, v, shape, .. } = *inputs;
    assert!(q.len() == out.len() && k.len() == v.len());
    assert_eq!(lse.len() * shape.width, q.len() * shape.heads);
    let Shape { queries: offsets, width, heads, .. } = shape;
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
            let softmax = weigh::on(set, &block, &head.mask, head.scale, weights, &mut lse);
            for from in (0..out.columns()).step_by(PANEL) {
                mix(set, &block, weights, &v, from, group, sums);
                finish::on(set, &block, &softmax, sums, from, &mut out);
            }
        }
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
    assert!(q.len() == out.len() && q.len() == dout.len() && q.len() == dq.len());
    assert!(k.len() == v.len() && k.len() == dk.len() && k.len() == dv.len());
    assert_eq!(lse.len() * shape.width, q.len() * shape.heads);
    let upstream = |b, head| Upstream::new(&shape, out, dout, lse, b, head);
    let Shape { queries, offsets, width, heads } = shape;
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
        let [k_area, v_area, dk_sums, dv_sums, weights, changes, sums, tail, q_tail, dout_tail] =
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
            scores(set, &block, &dout, &v_columns, changes);
            let known = known::on(set, &block, up);
            differentiate::on(set, &block, &head.mask, head.scale, &known, weights, changes);
            let (q, dout) = (Rows::new(q, block.count, q_tail), Rows::new(dout, block.count, dout_tail));
            for from in (0..dq.columns()).step_by(PANEL) {
                mix(set, &block, changes, &k, from, GROUP, sums);
                add::on(set, &block, sums, head.scale, from, &mut dq);
                spread(set, &block, changes, &q, from, dk_sums, width);
                spread(set, &block, weights, &dout, from, dv_sums, width);
            }
        }
        store::on(set, &dk_sums[..chunk.keys * width], width, head.scale, chunk.start, &mut dk);
        store::on(set, &dv_sums[..chunk.keys * width], width, 1.0, chunk.start, &mut dv);
    }
}

#[cfg(test)]
mod tests;
