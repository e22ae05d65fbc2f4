//! The loops of the softmax over many items, 64 rows side by side.

use crate::simd::math::exp;
use crate::simd::matrix::PANEL;
use crate::simd::{Instructions, LANES, fma};

/// Logits whose size is below this for certain are exponentiated as they are; others less their largest.
const SAFE: f32 = 40.0;

/// Items as rows of whole vectors: themselves, or copied into `chunk`.
pub(super) fn whole_vectors<'a>(items: &'a [f32], width: usize, padded: usize, chunk: &'a mut [f32]) -> &'a [f32] {
    if width == padded {
        return items;
    }
    for (to, row) in chunk.chunks_exact_mut(padded).zip(items.chunks_exact(width)) {
        to[..width].copy_from_slice(row);
        to[width..].fill(0.0);
    }
    chunk
}

crate::multiversion!(pub(super) fn longest_row = longest_row_body(rows: &[f32], width: usize) -> f32);

/// The largest norm among the rows; NaN if there is one.
#[inline(always)]
fn longest_row_body<const FMA: bool>(rows: &[f32], width: usize) -> f32 {
    let mut most = 0.0f32;
    for row in rows.chunks_exact(width) {
        let squared = squared_norm::<FMA>(row);
        most = if squared > most || squared.is_nan() { squared } else { most };
    }
    most.sqrt()
}

#[inline(always)]
fn squared_norm<const FMA: bool>(row: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (vectors, tail) = row.as_chunks::<LANES>();
    for x in vectors {
        for i in 0..LANES {
            sums[i] = fma::<FMA>(x[i], x[i], sums[i]);
        }
    }
    let mut sum = crate::simd::sum_lanes(sums);
    for x in tail {
        sum = fma::<FMA>(*x, *x, sum);
    }
    sum
}

/// Marks the rows of h that are safe by Cauchy–Schwarz with a 0 in `shifts`, others with a 1; are all?
pub(super) fn safe_rows(set: Instructions, h: &[f32], width: usize, longest: f32, shifts: &mut [f32]) -> bool {
    shifts.fill(0.0);
    for (shift, row) in shifts.iter_mut().zip(h.chunks_exact(width)) {
        *shift = if longest_row::on(set, row, width) * longest < SAFE { 0.0 } else { 1.0 };
    }
    shifts.iter().all(|&shift| shift == 0.0)
}

crate::multiversion!(pub(super) fn largest = largest_body(logits: &[f32], most: &mut [f32]));

/// `most[lane] = max(most[lane], logits[.., lane])` over rows of 64 lanes.
#[inline(always)]
fn largest_body<const FMA: bool>(logits: &[f32], most: &mut [f32]) {
    for row in logits.as_chunks::<PANEL>().0 {
        for (most, x) in most.iter_mut().zip(row) {
            *most = if *x > *most { *x } else { *most };
        }
    }
}

crate::multiversion!(pub(super) fn exponentials = exponentials_body(logits: &mut [f32], shifts: &[f32], sums: &mut [f32]));

/// `logits[.., lane] = exp(logits[.., lane] − shifts[lane])`, with their sums by lane added to `sums`.
#[inline(always)]
fn exponentials_body<const FMA: bool>(logits: &mut [f32], shifts: &[f32], sums: &mut [f32]) {
    let (shifts, sums) = (shifts.as_chunks::<LANES>().0, sums.as_chunks_mut::<LANES>().0);
    let mut parts = [[0.0f32; LANES]; PANEL / LANES];
    for row in logits.as_chunks_mut::<PANEL>().0 {
        for (n, x) in row.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            for i in 0..LANES {
                x[i] = exp::<FMA>(x[i] - shifts[n][i]);
                parts[n][i] += x[i];
            }
        }
    }
    for (sum, part) in sums.iter_mut().zip(&parts) {
        for i in 0..LANES {
            sum[i] += part[i];
        }
    }
}

crate::multiversion!(pub(super) fn leave_out = leave_out_body(ids: &[i32], targets: &[i32], logits: &mut [f32]));

/// `logits[i, lane] = −inf` where `ids[i] = targets[lane]`.
#[inline(always)]
fn leave_out_body<const FMA: bool>(ids: &[i32], targets: &[i32], logits: &mut [f32]) {
    for (row, id) in logits.as_chunks_mut::<PANEL>().0.iter_mut().zip(ids) {
        for (x, target) in row.iter_mut().zip(targets) {
            *x = if id == target { f32::NEG_INFINITY } else { *x };
        }
    }
}
