//! The elementwise loops of the softmax over many items; up to 64 rows lie side by side in the lanes.

use crate::simd::math::{exp, exp_within};
use crate::simd::{Instructions, LANES, fma};

/// Norms of rows and items below this leave f32 room for exponents up to `ROOM − ln V`: e^80 · 1000 is 6e37, and neither a sum
/// over V items nor what scales it is more.
const SHORT: f32 = 1000.0;
const ROOM: f32 = 80.0;

/// Items as rows of whole vectors: themselves, or copied into `chunk`.
pub(crate) fn whole_vectors<'a>(items: &'a [f32], width: usize, padded: usize, chunk: &'a mut [f32]) -> &'a [f32] {
    if width == padded {
        return items;
    }
    for (to, row) in chunk.chunks_exact_mut(padded).zip(items.chunks_exact(width)) {
        to[..width].copy_from_slice(row);
        to[width..].fill(0.0);
    }
    chunk
}

crate::multiversion!(pub(crate) fn max_norm = max_norm_body(rows: &[f32], width: usize) -> f32);

/// The largest norm among the rows; NaN if there is one.
#[inline(always)]
fn max_norm_body<const FMA: bool>(rows: &[f32], width: usize) -> f32 {
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

/// Marks the events, `size` numbers of h in rows of `width` each, whose logits over `count` items, corrected by up to
/// `max_correction`, can be exponentiated as they are, by Cauchy–Schwarz, with a 0 in `shifts`, others with a 1: from these their
/// maximum is subtracted. Are all bounded?
pub(crate) fn bounded_rows(
    set: Instructions,
    h: &[f32],
    [size, width]: [usize; 2],
    (max_norm, count, max_correction): (f32, usize, f32),
    shifts: &mut [f32],
) -> bool {
    let most = ROOM - (count as f32).ln() - max_correction;
    shifts.fill(0.0);
    for (shift, rows) in shifts.iter_mut().zip(h.chunks_exact(size)) {
        let norm = max_norm::on(set, rows, width);
        *shift = if norm * max_norm < most && norm < SHORT && max_norm < SHORT { 0.0 } else { 1.0 };
    }
    shifts.iter().all(|&shift| shift == 0.0)
}

crate::multiversion!(pub(super) fn column_max = column_max_body(logits: &[f32], most: &mut [f32]));

/// `most[lane] = max(most[lane], logits[.., lane])`.
#[inline(always)]
fn column_max_body<const FMA: bool>(logits: &[f32], most: &mut [f32]) {
    for row in logits.chunks_exact(most.len()) {
        for (most, x) in most.iter_mut().zip(row) {
            *most = if *x > *most { *x } else { *most };
        }
    }
}

crate::multiversion!(pub(super) fn exponentials = exponentials_body(
    logits: &mut [f32],
    shifts: &[f32],
    sums: &mut [f32],
    bounded: bool,
));

/// `logits[.., lane] = exp(logits[.., lane] − shifts[lane])`, with their sums by lane added to `sums`; lanes are whole vectors.
/// `bounded` says that no exponent is large: the same bits, sooner.
#[inline(always)]
fn exponentials_body<const FMA: bool>(logits: &mut [f32], shifts: &[f32], sums: &mut [f32], bounded: bool) {
    if bounded {
        by_vectors(logits, shifts, sums, exp_within::<FMA>);
    } else {
        by_vectors(logits, shifts, sums, exp::<FMA>);
    }
}

#[inline(always)]
fn by_vectors(logits: &mut [f32], shifts: &[f32], sums: &mut [f32], exp: impl Fn(f32) -> f32) {
    match shifts.len() / LANES {
        1 => exponentials_by::<1>(logits, shifts, sums, exp),
        2 => exponentials_by::<2>(logits, shifts, sums, exp),
        3 => exponentials_by::<3>(logits, shifts, sums, exp),
        _ => exponentials_by::<4>(logits, shifts, sums, exp),
    }
}

/// Rows of `N` vectors.
#[inline(always)]
fn exponentials_by<const N: usize>(logits: &mut [f32], shifts: &[f32], sums: &mut [f32], exp: impl Fn(f32) -> f32) {
    let (shifts, sums) = (shifts.as_chunks::<LANES>().0, sums.as_chunks_mut::<LANES>().0);
    let mut parts = [[0.0f32; LANES]; N];
    for row in logits.as_chunks_mut::<LANES>().0.as_chunks_mut::<N>().0 {
        for n in 0..N {
            for i in 0..LANES {
                row[n][i] = exp(row[n][i] - shifts[n][i]);
                parts[n][i] += row[n][i];
            }
        }
    }
    for (sum, part) in sums.iter_mut().zip(&parts) {
        for i in 0..LANES {
            sum[i] += part[i];
        }
    }
}

crate::multiversion!(pub(super) fn mask_targets = mask_targets_body(ids: &[i32], targets: &[i32], lanes: usize, logits: &mut [f32]));

/// `logits[i, lane] = −inf` where `ids[i] = targets[lane]`.
#[inline(always)]
fn mask_targets_body<const FMA: bool>(ids: &[i32], targets: &[i32], lanes: usize, logits: &mut [f32]) {
    for (row, id) in logits.chunks_exact_mut(lanes).zip(ids) {
        for (x, target) in row.iter_mut().zip(targets) {
            *x = if id == target { f32::NEG_INFINITY } else { *x };
        }
    }
}

crate::multiversion!(pub(crate) fn subtract_corrections = subtract_corrections_body(log_q: &[f32], logits: &mut [f32]));

/// `logits[i, ..] −= log_q[i]`.
#[inline(always)]
fn subtract_corrections_body<const FMA: bool>(log_q: &[f32], logits: &mut [f32]) {
    let row = logits.len() / log_q.len().max(1);
    for (row, q) in logits.chunks_exact_mut(row.max(1)).zip(log_q) {
        for x in row {
            *x -= q;
        }
    }
}

crate::multiversion!(pub(super) fn add_parts = add_parts_body(parts: &[f32], stride: usize, factor: f32, y: &mut [f32]));

/// `y += factor · part` for the parts that begin every `stride`, in order.
#[inline(always)]
fn add_parts_body<const FMA: bool>(parts: &[f32], stride: usize, factor: f32, y: &mut [f32]) {
    for part in parts.chunks(stride.max(1)) {
        for (y, x) in y.iter_mut().zip(part) {
            *y = fma::<FMA>(factor, *x, *y);
        }
    }
}
