//! The loops over a chunk of items and the lanes of a group: `logits[item, k · events + e]`.

use crate::simd::math::{exp, exp_within};
use crate::simd::{LANES, Lane, fma};

crate::multiversion!(pub(super) fn mask_targets = mask_targets_body(ids: &[i32], targets: &[i32], events: usize, logits: &mut [f32]));

/// `logits[i, k, e] = −inf` where `ids[i] = targets[e]`.
#[inline(always)]
fn mask_targets_body<const FMA: bool>(ids: &[i32], targets: &[i32], events: usize, logits: &mut [f32]) {
    let row = logits.len() / ids.len().max(1);
    for (row, id) in logits.chunks_exact_mut(row.max(1)).zip(ids) {
        for lanes in row.chunks_exact_mut(events) {
            for (x, target) in lanes.iter_mut().zip(targets) {
                *x = if id == target { f32::NEG_INFINITY } else { *x };
            }
        }
    }
}

crate::multiversion!(pub(super) fn max_by_event = max_by_event_body(logits: &[f32], interests: usize, most: &mut [f32]));

/// `most[e] = max(most[e], logits[.., .., e])`.
#[inline(always)]
fn max_by_event_body<const FMA: bool>(logits: &[f32], interests: usize, most: &mut [f32]) {
    let vectors = most.len() / LANES;
    let most = most.as_chunks_mut::<LANES>().0;
    for row in logits.as_chunks::<LANES>().0.chunks_exact(interests * vectors) {
        for (v, most) in most.iter_mut().enumerate() {
            let best = best_of(row, v, vectors);
            for i in 0..LANES {
                most[i] = if best[i] > most[i] { best[i] } else { most[i] };
            }
        }
    }
}

/// The largest of the vectors of sixteen events.
#[inline(always)]
fn best_of(row: &[Lane], v: usize, vectors: usize) -> Lane {
    let mut best = row[v];
    for x in row[v..].iter().step_by(vectors).skip(1) {
        for i in 0..LANES {
            best[i] = if x[i] > best[i] { x[i] } else { best[i] };
        }
    }
    best
}

crate::multiversion!(pub(super) fn exponentials = exponentials_body(
    logits: &mut [f32],
    interests: usize,
    shifts: &[f32],
    sums: &mut [f32],
    bounded: bool,
));

/// Of the K lanes of an item and an event the largest, the first among equals, becomes exp(logit − shift), the others 0;
/// `sums[e]` takes it in. `bounded` says that no exponent is large: the same bits, sooner.
#[inline(always)]
fn exponentials_body<const FMA: bool>(
    logits: &mut [f32],
    interests: usize,
    shifts: &[f32],
    sums: &mut [f32],
    bounded: bool,
) {
    if bounded {
        by_interests(logits, interests, shifts, sums, exp_within::<FMA>);
    } else {
        by_interests(logits, interests, shifts, sums, exp::<FMA>);
    }
}

/// The common numbers of vectors have loops of their own, in registers.
#[inline(always)]
fn by_interests(logits: &mut [f32], interests: usize, shifts: &[f32], sums: &mut [f32], exp: impl Fn(f32) -> f32) {
    let vectors = shifts.len() / LANES;
    let shifts = shifts.as_chunks::<LANES>().0;
    let sums = sums.as_chunks_mut::<LANES>().0;
    for (v, (shift, sum)) in shifts.iter().zip(sums).enumerate() {
        let mut part = [0.0; LANES];
        for row in logits.as_chunks_mut::<LANES>().0.chunks_exact_mut(interests * vectors) {
            match (interests, vectors) {
                (4, 1) => of_four(row.first_chunk_mut().expect("four vectors"), shift, &mut part, &exp),
                _ => of_any(row, v, vectors, shift, &mut part, &exp),
            }
        }
        for i in 0..LANES {
            sum[i] += part[i];
        }
    }
}

#[inline(always)]
fn of_four(row: &mut [Lane; 4], shift: &Lane, part: &mut Lane, exp: &impl Fn(f32) -> f32) {
    let mut y = [[0.0f32; LANES]; 4];
    let x = *row;
    for i in 0..LANES {
        let a = if x[1][i] > x[0][i] { x[1][i] } else { x[0][i] };
        let b = if x[3][i] > x[2][i] { x[3][i] } else { x[2][i] };
        let best = if b > a { b } else { a };
        let p = exp(best - shift[i]);
        part[i] += p;
        let mut rest = p;
        for k in 0..4 {
            let won = x[k][i] == best;
            y[k][i] = if won { rest } else { 0.0 };
            rest = if won { 0.0 } else { rest };
        }
    }
    *row = y;
}

#[inline(always)]
fn of_any(row: &mut [Lane], v: usize, vectors: usize, shift: &Lane, part: &mut Lane, exp: &impl Fn(f32) -> f32) {
    let best = best_of(row, v, vectors);
    let mut rest = [0.0; LANES];
    for i in 0..LANES {
        rest[i] = exp(best[i] - shift[i]);
        part[i] += rest[i];
    }
    for x in row[v..].iter_mut().step_by(vectors) {
        for i in 0..LANES {
            let won = x[i] == best[i];
            x[i] = if won { rest[i] } else { 0.0 };
            rest[i] = if won { 0.0 } else { rest[i] };
        }
    }
}

crate::multiversion!(pub(super) fn add_scaled = add_scaled_body(factor: f32, x: &[f32], y: &mut [f32]));

/// `y += factor · x`.
#[inline(always)]
fn add_scaled_body<const FMA: bool>(factor: f32, x: &[f32], y: &mut [f32]) {
    let n = y.len();
    let x = &x[..n];
    for i in 0..n {
        y[i] = fma::<FMA>(factor, x[i], y[i]);
    }
}
