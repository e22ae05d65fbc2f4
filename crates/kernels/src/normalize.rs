//! Rows of unit length.

use crate::multiversion;
use crate::parallel::{Parallel, over_parts, rows_per_part};
use crate::simd::{self, fma};

/// The norm that a shorter row is divided by.
const FLOOR: f32 = 1e-6;

/// `y = x / max(‖x‖, 1e-6)`, row by row.
pub fn normalize(run: &impl Parallel, x: &[f32], width: usize, y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    let size = rows_per_part(width) * width;
    over_parts(run, y, size, |block, y| normalize_rows(&x[block * size..][..y.len()], width, y));
}

/// `dx = (dy − ŷ (ŷ · dy)) / ‖x‖` with ŷ = x / ‖x‖, row by row; `dx = dy / 1e-6` below the floor.
pub fn normalize_gradient(run: &impl Parallel, x: &[f32], dy: &[f32], width: usize, dx: &mut [f32]) {
    assert!(x.len() == dx.len() && dy.len() == dx.len());
    let size = rows_per_part(width) * width;
    over_parts(run, dx, size, |block, dx| {
        let range = block * size..block * size + dx.len();
        normalize_gradient_rows(&x[range.clone()], &dy[range], width, dx);
    });
}

#[inline(always)]
fn norm<const FMA: bool>(x: &[f32]) -> f32 {
    simd::fold_sum(x, x, |sum, x, _| fma::<FMA>(x, x, sum)).sqrt()
}

#[inline(always)]
fn normalize_body<const FMA: bool>(x: &[f32], width: usize, y: &mut [f32]) {
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        let norm = norm::<FMA>(x);
        // A NaN stays a NaN: it is not below the floor.
        let divisor = if norm < FLOOR { FLOOR } else { norm };
        simd::map(x, y, |x| x / divisor);
    }
}

#[inline(always)]
fn normalize_gradient_body<const FMA: bool>(x: &[f32], dy: &[f32], width: usize, dx: &mut [f32]) {
    let rows = x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width));
    for ((x, dy), dx) in rows {
        let norm = norm::<FMA>(x);
        if norm < FLOOR {
            simd::map(dy, dx, |dy| dy / FLOOR);
            continue;
        }
        let along = simd::fold_sum(x, dy, |sum, x, dy| fma::<FMA>(x / norm, dy, sum));
        simd::zip(x, dy, dx, |x, dy| fma::<FMA>(-x / norm, along, dy) / norm);
    }
}

multiversion!(fn normalize_rows = normalize_body(x: &[f32], width: usize, y: &mut [f32]));
multiversion!(
    fn normalize_gradient_rows = normalize_gradient_body(x: &[f32], dy: &[f32], width: usize, dx: &mut [f32])
);
