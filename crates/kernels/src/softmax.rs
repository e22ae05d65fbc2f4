//! Softmax along rows.

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{Parallel, over_parts, rows_per_part};
use crate::simd::{self, LANES, Lane, fma, math, sum_lanes};
use crate::views::{elements, elements_mut};

/// Row-wise softmax, `y[i] = exp(x[i] − max) / Σ exp(x[j] − max)`. A row of `−inf` alone gives zeros, not NaN.
pub fn softmax(run: &impl Parallel, x: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
    assert!(x.dim() == y.dim());
    let (width, x, y) = (x.ncols(), elements(&x), elements_mut(y));
    let size = rows_per_part(width) * width;
    over_parts(run, y, size, |block, y| softmax_rows(&x[block * size..][..y.len()], width, y));
}

/// `dx = y ⊙ (dy − Σ_j y_j dy_j)`, row by row.
pub fn softmax_gradient(run: &impl Parallel, y: ArrayView2<f32>, dy: ArrayView2<f32>, dx: ArrayViewMut2<f32>) {
    assert!(y.dim() == dx.dim() && dy.dim() == dx.dim());
    let (width, y, dy, dx) = (dx.ncols(), elements(&y), elements(&dy), elements_mut(dx));
    let size = rows_per_part(width) * width;
    over_parts(run, dx, size, |block, dx| {
        let range = block * size..block * size + dx.len();
        softmax_gradient_rows(&y[range.clone()], &dy[range], width, dx);
    });
}

#[inline(always)]
fn softmax_body<const FMA: bool>(x: &[f32], width: usize, y: &mut [f32]) {
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        softmax_row::<FMA>(x, y);
    }
}

#[inline(always)]
fn softmax_row<const FMA: bool>(x: &[f32], y: &mut [f32]) {
    let max = largest(x);
    let shift = if max == f32::NEG_INFINITY { 0.0 } else { max };
    let mut sum = [0.0; LANES];
    let (x_chunks, x_tail) = x.as_chunks::<LANES>();
    let (y_chunks, y_tail) = y.as_chunks_mut::<LANES>();
    for (x, y) in x_chunks.iter().zip(y_chunks) {
        exponentials::<FMA>(x, shift, y, &mut sum);
    }
    if !x_tail.is_empty() {
        let (mut last, mut y) = ([f32::NEG_INFINITY; LANES], [0.0; LANES]);
        last[..x_tail.len()].copy_from_slice(x_tail);
        exponentials::<FMA>(&last, shift, &mut y, &mut sum);
        y_tail.copy_from_slice(&y[..x_tail.len()]);
    }
    let sum = sum_lanes(sum);
    let factor = if sum == 0.0 { 0.0 } else { 1.0 / sum };
    y.iter_mut().for_each(|y| *y *= factor);
}

/// `y = exp(x − shift)`, added to `sum`.
#[inline(always)]
fn exponentials<const FMA: bool>(x: &Lane, shift: f32, y: &mut Lane, sum: &mut Lane) {
    for i in 0..LANES {
        y[i] = math::exp::<FMA>(x[i] - shift);
        sum[i] += y[i];
    }
}

/// The largest element, NaN apart; `−inf` for none.
#[inline(always)]
fn largest(x: &[f32]) -> f32 {
    let mut max = [f32::NEG_INFINITY; LANES];
    let (chunks, tail) = x.as_chunks::<LANES>();
    for x in chunks {
        for i in 0..LANES {
            max[i] = if x[i] > max[i] { x[i] } else { max[i] };
        }
    }
    max.iter().chain(tail).fold(f32::NEG_INFINITY, |max, &x| if x > max { x } else { max })
}

#[inline(always)]
fn softmax_gradient_body<const FMA: bool>(y: &[f32], dy: &[f32], width: usize, dx: &mut [f32]) {
    let rows = y.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width));
    for ((y, dy), dx) in rows {
        let dot = simd::fold_sum(y, dy, fma_last::<FMA>);
        simd::zip(y, dy, dx, |y, dy| y * (dy - dot));
    }
}

/// `sum + a b`.
#[inline(always)]
fn fma_last<const FMA: bool>(sum: f32, a: f32, b: f32) -> f32 {
    fma::<FMA>(a, b, sum)
}

multiversion!(fn softmax_rows = softmax_body(x: &[f32], width: usize, y: &mut [f32]));
multiversion!(fn softmax_gradient_rows = softmax_gradient_body(y: &[f32], dy: &[f32], width: usize, dx: &mut [f32]));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{LENGTHS, Reverse, TwoThreads, bits, close, differences, sets, values, wide};
    use crate::views::testing::{matrix, matrix_mut};

    fn naive(x: &[f64], width: usize) -> Vec<f64> {
        let row = |x: &[f64]| {
            let total: f64 = x.iter().map(|x| x.exp()).sum();
            x.iter().map(|x| x.exp() / total).collect::<Vec<_>>()
        };
        x.chunks(width.max(1)).flat_map(row).collect()
    }

    #[test]
    fn every_set_is_the_formula_and_its_derivative() {
        for &width in LENGTHS {
            let x: Vec<f32> = values(1, 3 * width).iter().map(|x| 4.0 * x).collect();
            let dy = values(2, 3 * width);
            let expected = differences(&wide(&x), &wide(&dy), |x| naive(x, width));
            for &set in sets() {
                let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
                if width > 0 {
                    softmax_rows::on(set, &x, width, &mut y);
                    softmax_gradient_rows::on(set, &y, &dy, width, &mut dx);
                }
                close(&y, &naive(&wide(&x), width), 1e-6);
                close(&dx, &expected, 1e-6);
            }
        }
    }

    #[test]
    fn a_row_of_nothing_gives_zeros_and_large_scores_stay_finite() {
        let mut y = [f32::NAN; 3];
        softmax(&Serial, matrix(&[f32::NEG_INFINITY; 3], 3), matrix_mut(&mut y, 3));
        assert_eq!(y, [0.0; 3]);
        softmax(&Serial, matrix(&[1e30, f32::NEG_INFINITY, 1e30], 3), matrix_mut(&mut y, 3));
        assert_eq!(y, [0.5, 0.0, 0.5]);
        softmax(&Serial, matrix(&[0.0, f32::NAN, f32::NEG_INFINITY], 3), matrix_mut(&mut y, 3));
        assert!(y[0].is_nan());
        softmax(&Serial, matrix(&[], 0), matrix_mut(&mut [], 0));
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_in_any_order_of_blocks() {
        let (rows, width) = if cfg!(miri) { (3, 7) } else { (1000, 50) };
        let (x, dy) = (values(1, rows * width), values(2, rows * width));
        let [mut y, mut z, mut one] = [(); 3].map(|()| vec![f32::NAN; x.len()]);
        softmax(&Serial, matrix(&x, width), matrix_mut(&mut y, width));
        softmax(&TwoThreads, matrix(&x, width), matrix_mut(&mut z, width));
        for (x, one) in x.chunks(width).zip(one.chunks_mut(width)) {
            softmax(&Serial, matrix(x, width), matrix_mut(one, width));
        }
        assert!(bits(&y) == bits(&z) && bits(&y) == bits(&one));
        let [mut dx, mut dz] = [(); 2].map(|()| vec![f32::NAN; x.len()]);
        softmax_gradient(&Serial, matrix(&y, width), matrix(&dy, width), matrix_mut(&mut dx, width));
        softmax_gradient(&Reverse, matrix(&y, width), matrix(&dy, width), matrix_mut(&mut dz, width));
        assert_eq!(bits(&dx), bits(&dz));
    }
}
