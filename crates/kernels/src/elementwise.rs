//! Elementwise arithmetic on arrays of one length.

use ndarray::{ArrayView1, ArrayViewMut1};

use crate::multiversion;
use crate::parallel::{PART, Parallel, over_parts};
use crate::simd;
use crate::views::{elements, elements_mut};

/// `y = a + b`.
pub fn add(run: &impl Parallel, a: ArrayView1<f32>, b: ArrayView1<f32>, y: ArrayViewMut1<f32>) {
    zipped(run, a, b, y, add_part);
}

/// `y = a − b`.
pub fn subtract(run: &impl Parallel, a: ArrayView1<f32>, b: ArrayView1<f32>, y: ArrayViewMut1<f32>) {
    zipped(run, a, b, y, subtract_part);
}

/// `y = a ⊙ b`.
pub fn multiply(run: &impl Parallel, a: ArrayView1<f32>, b: ArrayView1<f32>, y: ArrayViewMut1<f32>) {
    zipped(run, a, b, y, multiply_part);
}

/// `y = factor · x`.
pub fn scale(run: &impl Parallel, x: ArrayView1<f32>, factor: f32, y: ArrayViewMut1<f32>) {
    mapped(run, x, y, |x, y| scale_part(x, factor, y));
}

/// Runs `part(x, y)` over matching parts of two arrays.
pub(crate) fn mapped(
    run: &impl Parallel,
    x: ArrayView1<f32>,
    y: ArrayViewMut1<f32>,
    part: impl Fn(&[f32], &mut [f32]) + Sync,
) {
    assert_eq!(x.len(), y.len());
    let (x, y) = (elements(&x), elements_mut(y));
    over_parts(run, y, PART, |block, y| part(&x[block * PART..][..y.len()], y));
}

/// Runs `part(a, b, y)` over matching parts of three arrays.
pub(crate) fn zipped(
    run: &impl Parallel,
    a: ArrayView1<f32>,
    b: ArrayView1<f32>,
    y: ArrayViewMut1<f32>,
    part: impl Fn(&[f32], &[f32], &mut [f32]) + Sync,
) {
    assert!(a.len() == y.len() && b.len() == y.len());
    let (a, b, y) = (elements(&a), elements(&b), elements_mut(y));
    over_parts(run, y, PART, |block, y| {
        part(&a[block * PART..][..y.len()], &b[block * PART..][..y.len()], y);
    });
}

#[inline(always)]
fn add_body<const FMA: bool>(a: &[f32], b: &[f32], y: &mut [f32]) {
    simd::zip(a, b, y, |a, b| a + b);
}

/// `y = x + y`.
#[inline(always)]
fn add_to_body<const FMA: bool>(x: &[f32], y: &mut [f32]) {
    let n = y.len();
    let x = &x[..n];
    for i in 0..n {
        y[i] += x[i];
    }
}

#[inline(always)]
fn subtract_body<const FMA: bool>(a: &[f32], b: &[f32], y: &mut [f32]) {
    simd::zip(a, b, y, |a, b| a - b);
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
multiversion!(pub(crate) fn add_to = add_to_body(x: &[f32], y: &mut [f32]));
multiversion!(fn subtract_part = subtract_body(a: &[f32], b: &[f32], y: &mut [f32]));
multiversion!(fn multiply_part = multiply_body(a: &[f32], b: &[f32], y: &mut [f32]));
multiversion!(fn scale_part = scale_body(x: &[f32], factor: f32, y: &mut [f32]));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{LENGTHS, Reverse, TwoThreads, bits, sets, values};
    use crate::views::testing::{vector, vector_mut};

    #[test]
    fn every_set_computes_the_formulas_to_the_bit() {
        for &n in LENGTHS {
            let (a, b) = (values(1, n), values(2, n));
            let zipped = |f: fn(f32, f32) -> f32| a.iter().zip(&b).map(|(a, b)| f(*a, *b)).collect::<Vec<_>>();
            for &set in sets() {
                let mut y = vec![f32::NAN; n];
                add_part::on(set, &a, &b, &mut y);
                assert_eq!(y, zipped(|a, b| a + b));
                subtract_part::on(set, &a, &b, &mut y);
                assert_eq!(y, zipped(|a, b| a - b));
                multiply_part::on(set, &a, &b, &mut y);
                assert_eq!(y, zipped(|a, b| a * b));
                scale_part::on(set, &a, 0.3, &mut y);
                assert_eq!(y, zipped(|a, _| a * 0.3));
            }
        }
    }

    #[test]
    fn blocks_may_run_in_any_order() {
        let n = if cfg!(miri) { 20 } else { 3 * PART + 5 };
        let (a, b) = (values(1, n), values(2, n));
        let [mut x, mut y, mut z] = [(); 3].map(|()| vec![f32::NAN; n]);
        add(&Serial, vector(&a), vector(&b), vector_mut(&mut x));
        add(&Reverse, vector(&a), vector(&b), vector_mut(&mut y));
        add(&TwoThreads, vector(&a), vector(&b), vector_mut(&mut z));
        assert_eq!(bits(&x), bits(&y));
        assert_eq!(bits(&x), bits(&z));
        multiply(&TwoThreads, vector(&a), vector(&b), vector_mut(&mut y));
        scale(&TwoThreads, vector(&a), 2.0, vector_mut(&mut z));
        for i in 0..n {
            assert!(x[i] == a[i] + b[i] && y[i] == a[i] * b[i] && z[i] == 2.0 * a[i]);
        }
    }
}
