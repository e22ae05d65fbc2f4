//! Elementwise arithmetic on slices of one length.

use crate::multiversion;
use crate::parallel::{PART, Parallel, over_parts};
use crate::simd;

/// `y = a + b`.
pub fn add(run: &impl Parallel, a: &[f32], b: &[f32], y: &mut [f32]) {
    zipped(run, a, b, y, add_part);
}

/// `y = a ⊙ b`.
pub fn multiply(run: &impl Parallel, a: &[f32], b: &[f32], y: &mut [f32]) {
    zipped(run, a, b, y, multiply_part);
}

/// `y = factor · x`.
pub fn scale(run: &impl Parallel, x: &[f32], factor: f32, y: &mut [f32]) {
    mapped(run, x, y, |x, y| scale_part(x, factor, y));
}

/// Runs `part(x, y)` over matching parts of two slices.
pub(crate) fn mapped(run: &impl Parallel, x: &[f32], y: &mut [f32], part: impl Fn(&[f32], &mut [f32]) + Sync) {
    assert_eq!(x.len(), y.len());
    over_parts(run, y, PART, |block, y| part(&x[block * PART..][..y.len()], y));
}

/// Runs `part(a, b, y)` over matching parts of three slices.
pub(crate) fn zipped(
    run: &impl Parallel,
    a: &[f32],
    b: &[f32],
    y: &mut [f32],
    part: impl Fn(&[f32], &[f32], &mut [f32]) + Sync,
) {
    assert!(a.len() == y.len() && b.len() == y.len());
    over_parts(run, y, PART, |block, y| {
        part(&a[block * PART..][..y.len()], &b[block * PART..][..y.len()], y);
    });
}

#[inline(always)]
fn add_body<const FMA: bool>(a: &[f32], b: &[f32], y: &mut [f32]) {
    simd::zip(a, b, y, |a, b| a + b);
}

#[inline(always)]
fn multiply_body<const FMA: bool>(a: &[f32], b: &[f32], y: &mut [f32]) {
    simd::zip(a, b, y, |a, b| a * b);
}

#[inline(always)]
fn scale_body<const FMA: bool>(x: &[f32], factor: f32, y: &mut [f32]) {
    simd::map(x, y, |x| x * factor);
}

multiversion!(fn add_part = add_body(a: &[f32], b: &[f32], y: &mut [f32]));
multiversion!(fn multiply_part = multiply_body(a: &[f32], b: &[f32], y: &mut [f32]));
multiversion!(fn scale_part = scale_body(x: &[f32], factor: f32, y: &mut [f32]));
