//! Causal attention within the segments of a jagged batch; no [n, n] matrix is ever in memory.
//!
//! Sixteen queries stand in the lanes and the keys go by in tiles, so that a query's bits depend on its own row and the keys
//! up to it, whatever stands beside it. Dao et al., "FlashAttention", NeurIPS 2022, for the running softmax and the gradient.

mod layout;
mod tile;

use crate::dropout::Dropout;
use crate::parallel::{Panel, Parallel, Segmented, over_panels};
use crate::simd::{Instructions, LANES, instructions, math, transpose};
use layout::{Head, Inputs, Shape, Upstream};
use tile::{Buffers, KEYS, Parts, State, Tile, differentiate, mix, mix_visible, scores, spread, weigh};

/// The widest head.
pub const MAX_HEAD: usize = 1024;

/// The widest head that small working memory is for: a block clears its memory first, and segments may be short.
const SMALL_HEAD: usize = 128;

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
    if shape.columns() <= SMALL_HEAD {
        forward_over::<SMALL_HEAD>(set, run, inputs, out, lse);
    } else {
        forward_over::<MAX_HEAD>(set, run, inputs, out, lse);
    }
}

fn forward_over<const COLUMNS: usize>(
    set: Instructions,
    run: &impl Parallel,
    inputs: &Inputs<'_>,
    out: &mut [f32],
    lse: &mut [f32],
) {
    let Shape { queries: offsets, width, heads, .. } = inputs.shape;
    let panels = [Segmented { data: out, width, offsets }, Segmented { data: lse, width: heads, offsets }];
    let buffers = Buffers::<COLUMNS, 3>::new;
    over_panels(run, panels, heads, buffers, |buffers, b, head, panels| {
        forward(set, &inputs.head(b, head), panels, buffers.parts());
    });
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
    if shape.columns() <= SMALL_HEAD {
        backward_over::<SMALL_HEAD>(set, run, inputs, upstream, [dq, dk, dv]);
    } else {
        backward_over::<MAX_HEAD>(set, run, inputs, upstream, [dq, dk, dv]);
    }
}

fn backward_over<'a, const COLUMNS: usize>(
    set: Instructions,
    run: &impl Parallel,
    inputs: &Inputs<'_>,
    upstream: impl Fn(usize, usize) -> Upstream<'a> + Sync,
    [dq, dk, dv]: [&mut [f32]; 3],
) {
    let Shape { queries, offsets, width, heads } = inputs.shape;
    let panels = [
        Segmented { data: dq, width, offsets: queries },
        Segmented { data: dk, width, offsets },
        Segmented { data: dv, width, offsets },
    ];
    let buffers = Buffers::<COLUMNS, 6>::new;
    over_panels(run, panels, heads, buffers, |buffers, b, head, panels| {
        let (inputs, upstream) = (inputs.head(b, head), upstream(b, head));
        backward(set, &inputs, &upstream, panels, buffers.parts());
    });
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
            let tile = Tile { first, place, start, lanes: count, mask: head.mask };
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

fn backward(set: Instructions, head: &Head<'_>, up: &Upstream<'_>, panels: [Panel<'_>; 3], parts: Parts<'_, 6>) {
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
            let tile = Tile { first, place, start, lanes: count, mask: head.mask };
            differentiate::on(set, &tile, &state, weights, changes);
            mix(set, changes, &head.k, start, dq_sums);
            spread(set, weights, &dout_rows[..count * (size / LANES)], start, parts.sums, &mut dv);
            spread(set, changes, &q_rows[..count * (size / LANES)], start, parts.sums, &mut dk);
        }
        transpose::to_rows(set, dq_sums, rows);
        for (i, row) in rows.chunks_exact(size / LANES).take(count).enumerate() {
            for (dq, sum) in dq.row(first + i).iter_mut().zip(row) {
                *dq = sum * head.scale;
            }
        }
    }
}

#[cfg(test)]
mod tests;
