//! Rows of unit length.

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{Parallel, over_parts, rows_per_part};
use crate::simd::{self, fma};
use crate::views::{elements, elements_mut};

/// The norm that a shorter row is divided by.
const FLOOR: f32 = 1e-6;

/// `y = x / max(‖x‖, 1e-6)`, row by row; NaN where the norm is beyond the floats, so that nobody takes it for zeros.
pub fn normalize(run: &impl Parallel, x: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
    assert!(x.dim() == y.dim());
    let (width, x, y) = (x.ncols(), elements(&x), elements_mut(y));
    let size = rows_per_part(width) * width;
    over_parts(run, y, size, |block, y| normalize_rows(&x[block * size..][..y.len()], width, y));
}

/// `dx = (dy − ŷ (ŷ · dy)) / ‖x‖` with ŷ = x / ‖x‖, row by row; `dx = dy / 1e-6` below the floor.
pub fn normalize_gradient(run: &impl Parallel, x: ArrayView2<f32>, dy: ArrayView2<f32>, dx: ArrayViewMut2<f32>) {
    assert!(x.dim() == dx.dim() && dy.dim() == dx.dim());
    let (width, x, dy, dx) = (dx.ncols(), elements(&x), elements(&dy), elements_mut(dx));
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
        let divisor = if norm < FLOOR {
            FLOOR
        } else if norm.is_infinite() {
            f32::NAN
        } else {
            norm
        };
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
        let along = simd::fold_sum(x, dy, |sum, x, dy| fma::<FMA>(x, dy, sum)) / norm;
        simd::zip(x, dy, dx, |x, dy| fma::<FMA>(-x / norm, along, dy) / norm);
    }
}

multiversion!(fn normalize_rows = normalize_body(x: &[f32], width: usize, y: &mut [f32]));
multiversion!(
    fn normalize_gradient_rows = normalize_gradient_body(x: &[f32], dy: &[f32], width: usize, dx: &mut [f32])
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{LENGTHS, TwoThreads, bits, close, differences, sets, values, wide};
    use crate::views::testing::{matrix, matrix_mut};

    fn naive(x: &[f64], width: usize) -> Vec<f64> {
        let row = |x: &[f64]| {
            let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-6);
            x.iter().map(|x| x / norm).collect::<Vec<_>>()
        };
        x.chunks(width.max(1)).flat_map(row).collect()
    }

    #[test]
    fn every_set_is_the_formula_and_its_derivative() {
        for &width in LENGTHS {
            let (x, dy) = (values(1, 3 * width), values(2, 3 * width));
            let expected = differences(&wide(&x), &wide(&dy), |x| naive(x, width));
            for &set in sets() {
                let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
                if width > 0 {
                    normalize_rows::on(set, &x, width, &mut y);
                    normalize_gradient_rows::on(set, &x, &dy, width, &mut dx);
                }
                close(&y, &naive(&wide(&x), width), 1e-6);
                close(&dx, &expected, 5e-6);
            }
        }
    }

    #[test]
    fn short_rows_are_divided_by_the_floor() {
        let (mut y, mut dx) = ([f32::NAN; 4], [f32::NAN; 4]);
        normalize(&Serial, matrix(&[0.0, 0.0, 3.0, 4.0], 2), matrix_mut(&mut y, 2));
        close(&y, &[0.0, 0.0, 0.6, 0.8], 1e-7);
        normalize_gradient(
            &Serial,
            matrix(&[0.0, 0.0, 3.0, 4.0], 2),
            matrix(&[1.0, 2.0, 1.0, 0.0], 2),
            matrix_mut(&mut dx, 2),
        );
        // ŷ = (0.6, 0.8): (dy − 0.6 ŷ) / 5 = (0.64, −0.48) / 5.
        close(&dx, &[1e6, 2e6, 0.128, -0.096], 1e-6);
    }

    #[test]
    fn rows_whose_norm_overflows_are_no_zeros() {
        let mut y = [0.0; 4];
        normalize(&Serial, matrix(&[3e38, 3e38, 0.6, 0.8], 2), matrix_mut(&mut y, 2));
        assert!(y[0].is_nan() && y[1].is_nan());
        close(&y[2..], &[0.6, 0.8], 1e-6);
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_on_any_thread() {
        let (rows, width) = if cfg!(miri) { (3, 7) } else { (1000, 50) };
        let x = values(1, rows * width);
        let [mut y, mut z, mut one] = [(); 3].map(|()| vec![f32::NAN; x.len()]);
        normalize(&Serial, matrix(&x, width), matrix_mut(&mut y, width));
        normalize(&TwoThreads, matrix(&x, width), matrix_mut(&mut z, width));
        for (x, one) in x.chunks(width).zip(one.chunks_mut(width)) {
            normalize(&Serial, matrix(x, width), matrix_mut(one, width));
        }
        assert!(bits(&y) == bits(&z) && bits(&y) == bits(&one));
        normalize_gradient(&Serial, matrix(&x, width), matrix(&y, width), matrix_mut(&mut z, width));
        normalize_gradient(&TwoThreads, matrix(&x, width), matrix(&y, width), matrix_mut(&mut one, width));
        assert_eq!(bits(&z), bits(&one));
    }
}
