//! Sums along one axis or over everything, in an order that the shape alone decides.

use crate::multiversion;
use crate::parallel::{Parallel, over_parts, rows_per_part};
use crate::simd::{self, LANES};

/// Rows that one partial sum of [`sum_rows`] covers.
const ROWS: usize = 128;

/// `y = x + row` for each row of `x` [rows, width].
pub fn add_row(run: &impl Parallel, x: &[f32], row: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    if row.is_empty() {
        return;
    }
    let size = rows_per_part(row.len()) * row.len();
    over_parts(run, y, size, |block, y| add_row_part(&x[block * size..][..y.len()], row, y));
}

#[inline(always)]
fn add_row_body<const FMA: bool>(x: &[f32], row: &[f32], y: &mut [f32]) {
    for (x, y) in x.chunks_exact(row.len()).zip(y.chunks_exact_mut(row.len())) {
        simd::zip(x, row, y, |x, row| x + row);
    }
}

multiversion!(fn add_row_part = add_row_body(x: &[f32], row: &[f32], y: &mut [f32]));

/// `y` [width] = Σ over the rows of `x` [rows, width]: blocks of rows in f32, then the blocks in f64.
pub fn sum_rows(run: &impl Parallel, x: &[f32], width: usize, y: &mut [f32], scratch: &mut [f32]) {
    assert_eq!(y.len(), width);
    if width == 0 {
        return;
    }
    let partials = &mut scratch[..sum_rows_scratch(x.len() / width, width)];
    over_parts(run, partials, width, |block, partial| {
        let start = block * ROWS * width;
        sum_rows_part(&x[start..x.len().min(start + ROWS * width)], partial);
    });
    add_partials(partials, y);
}

/// Length of the scratch of [`sum_rows`].
pub fn sum_rows_scratch(rows: usize, width: usize) -> usize {
    rows.div_ceil(ROWS) * width
}

#[inline(always)]
fn sum_rows_body<const FMA: bool>(x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    for x in x.chunks_exact(y.len()) {
        for (x, y) in x.iter().zip(&mut *y) {
            *y += x;
        }
    }
}

multiversion!(fn sum_rows_part = sum_rows_body(x: &[f32], y: &mut [f32]));

#[inline(always)]
fn add_partials_body<const FMA: bool>(partials: &[f32], y: &mut [f32]) {
    let width = y.len();
    for (column, y) in y.chunks_mut(LANES).enumerate() {
        let mut sum = [0.0f64; LANES];
        for partial in partials.chunks_exact(width) {
            for (sum, x) in sum.iter_mut().zip(&partial[column * LANES..][..y.len()]) {
                *sum += f64::from(*x);
            }
        }
        for (y, sum) in y.iter_mut().zip(sum) {
            *y = sum as f32;
        }
    }
}

// `y` [width] = Σ of the partial rows, in order, in f64.
multiversion!(pub(crate) fn add_partials = add_partials_body(partials: &[f32], y: &mut [f32]));

/// `Σ x`, in f64.
pub fn sum(x: &[f32]) -> f64 {
    sum_part(x)
}

/// `Σ x²`, in f64.
pub fn squared_norm(x: &[f32]) -> f64 {
    squared_norm_part(x)
}

/// Whether every element is finite.
pub fn finite(x: &[f32]) -> bool {
    x.chunks(4096).all(finite_part)
}

/// `Σ term(x)`: element `i` in lane `i % LANES`, then the lanes in order.
#[inline(always)]
fn sum_terms(x: &[f32], add: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sum = [0.0f64; LANES];
    let (chunks, tail) = x.as_chunks::<LANES>();
    for x in chunks {
        for i in 0..LANES {
            sum[i] = add(sum[i], f64::from(x[i]));
        }
    }
    for (sum, x) in sum.iter_mut().zip(tail) {
        *sum = add(*sum, f64::from(*x));
    }
    sum.iter().sum()
}

#[inline(always)]
fn sum_body<const FMA: bool>(x: &[f32]) -> f64 {
    sum_terms(x, |sum, x| sum + x)
}

// The square of an f32 is exact in f64, so fusing would change nothing.
#[inline(always)]
fn squared_norm_body<const FMA: bool>(x: &[f32]) -> f64 {
    sum_terms(x, |sum, x| sum + x * x)
}

#[inline(always)]
fn finite_body<const FMA: bool>(x: &[f32]) -> bool {
    x.iter().fold(true, |all, x| all & x.is_finite())
}

multiversion!(fn sum_part = sum_body(x: &[f32]) -> f64);
multiversion!(fn squared_norm_part = squared_norm_body(x: &[f32]) -> f64);
multiversion!(fn finite_part = finite_body(x: &[f32]) -> bool);
