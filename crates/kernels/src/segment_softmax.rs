//! Softmax over the rows of each segment, column by column.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{Parallel, Segmented, over_segments};
use crate::segments::bounds;
use crate::simd::{LANES, math};
use crate::views::{elements, elements_mut};

/// `y[t, h] = exp(x[t, h]) / Σ_s exp(x[s, h])` over the rows s of t's segment; x [T, H] at `offsets` [B + 1]. A column of
/// `−inf` alone gives zeros, not NaN.
pub fn segment_softmax(run: &impl Parallel, x: ArrayView2<f32>, offsets: ArrayView1<i32>, y: ArrayViewMut2<f32>) {
    assert_eq!(x.dim(), y.dim());
    let (width, x, offsets) = (x.ncols(), elements(&x), elements(&offsets));
    over_segments(run, [Segmented { data: elements_mut(y), width, offsets }], |segment, [y]| {
        softmax_rows(&x[bounds(offsets, segment, width)], width, y);
    });
}

/// `dx = y ⊙ (dy − Σ_s y_s ⊙ dy_s)`, segment by segment and column by column.
pub fn segment_softmax_gradient(
    run: &impl Parallel,
    y: ArrayView2<f32>,
    dy: ArrayView2<f32>,
    offsets: ArrayView1<i32>,
    dx: ArrayViewMut2<f32>,
) {
    assert!(y.dim() == dy.dim() && y.dim() == dx.dim());
    let (width, y, dy, offsets) = (y.ncols(), elements(&y), elements(&dy), elements(&offsets));
    over_segments(run, [Segmented { data: elements_mut(dx), width, offsets }], |segment, [dx]| {
        let rows = bounds(offsets, segment, width);
        gradient_rows(&y[rows.clone()], &dy[rows], width, dx);
    });
}

#[inline(always)]
fn softmax_body<const FMA: bool>(x: &[f32], width: usize, y: &mut [f32]) {
    if width == 0 {
        return;
    }
    for from in (0..width).step_by(LANES) {
        let columns = from..width.min(from + LANES);
        let mut max = [f32::NEG_INFINITY; LANES];
        for x in x.chunks_exact(width) {
            for (max, &x) in max.iter_mut().zip(&x[columns.clone()]) {
                *max = if x > *max { x } else { *max };
            }
        }
        let shift = max.map(|max| if max == f32::NEG_INFINITY { 0.0 } else { max });
        for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
            for ((x, y), shift) in x[columns.clone()].iter().zip(&mut y[columns.clone()]).zip(shift) {
                *y = x - shift;
            }
        }
    }
    // One flat loop: a few columns alone would fill no vector.
    for i in 0..y.len() {
        y[i] = math::exp::<FMA>(y[i]);
    }
    for from in (0..width).step_by(LANES) {
        let columns = from..width.min(from + LANES);
        let mut sums = [0.0f64; LANES];
        for y in y.chunks_exact(width) {
            for (sum, &y) in sums.iter_mut().zip(&y[columns.clone()]) {
                *sum += f64::from(y);
            }
        }
        let factors = sums.map(|sum| if sum == 0.0 { 0.0 } else { (1.0 / sum) as f32 });
        for y in y.chunks_exact_mut(width) {
            for (y, factor) in y[columns.clone()].iter_mut().zip(factors) {
                *y *= factor;
            }
        }
    }
}

#[inline(always)]
fn gradient_body<const FMA: bool>(y: &[f32], dy: &[f32], width: usize, dx: &mut [f32]) {
    if width == 0 {
        return;
    }
    for from in (0..width).step_by(LANES) {
        let columns = from..width.min(from + LANES);
        let mut sums = [0.0f64; LANES];
        for (y, dy) in y.chunks_exact(width).zip(dy.chunks_exact(width)) {
            for (sum, (&y, &dy)) in sums.iter_mut().zip(y[columns.clone()].iter().zip(&dy[columns.clone()])) {
                *sum += f64::from(y) * f64::from(dy);
            }
        }
        let means = sums.map(|sum| sum as f32);
        for ((y, dy), dx) in y.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width)) {
            for (i, column) in columns.clone().enumerate() {
                dx[column] = y[column] * (dy[column] - means[i]);
            }
        }
    }
}

multiversion!(fn softmax_rows = softmax_body(x: &[f32], width: usize, y: &mut [f32]));
multiversion!(fn gradient_rows = gradient_body(y: &[f32], dy: &[f32], width: usize, dx: &mut [f32]));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{TwoThreads, bits, close, differences, sets, values, wide};
    use crate::views::testing::{matrix, matrix_mut, vector};

    fn naive(x: &[f64], width: usize) -> Vec<f64> {
        let total = |column: usize| x.iter().skip(column).step_by(width).map(|x| x.exp()).sum::<f64>();
        x.iter().enumerate().map(|(i, x)| x.exp() / total(i % width)).collect()
    }

    #[test]
    fn every_set_is_the_formula_and_its_derivative() {
        for (rows, width) in [(0, 3), (1, 1), (1, 17), (5, 1), (7, 4), (33, 16), (40, 17), (9, 33)] {
            let x: Vec<f32> = values(1, rows * width).iter().map(|x| 4.0 * x).collect();
            let dy = values(2, rows * width);
            let expected = differences(&wide(&x), &wide(&dy), |x| naive(x, width));
            for &set in sets() {
                let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
                softmax_rows::on(set, &x, width, &mut y);
                gradient_rows::on(set, &y, &dy, width, &mut dx);
                close(&y, &naive(&wide(&x), width), 1e-6);
                close(&dx, &expected, 1e-6);
            }
        }
    }

    #[test]
    fn a_segment_has_the_same_bits_alone_and_on_any_thread() {
        let lengths = if cfg!(miri) { vec![0, 2, 1] } else { (0..300).map(|b| b % 23).collect::<Vec<i32>>() };
        let offsets: Vec<i32> = (0..=lengths.len()).map(|b| lengths[..b].iter().sum()).collect();
        let (rows, width) = (offsets[lengths.len()] as usize, 5);
        let (x, dy) = (values(1, rows * width), values(2, rows * width));
        let [mut y, mut z, mut dx, mut dz] = [(); 4].map(|()| vec![f32::NAN; rows * width]);
        segment_softmax(&Serial, matrix(&x, width), vector(&offsets), matrix_mut(&mut y, width));
        segment_softmax(&TwoThreads, matrix(&x, width), vector(&offsets), matrix_mut(&mut z, width));
        segment_softmax_gradient(
            &Serial,
            matrix(&y, width),
            matrix(&dy, width),
            vector(&offsets),
            matrix_mut(&mut dx, width),
        );
        segment_softmax_gradient(
            &TwoThreads,
            matrix(&y, width),
            matrix(&dy, width),
            vector(&offsets),
            matrix_mut(&mut dz, width),
        );
        assert!(bits(&y) == bits(&z) && bits(&dx) == bits(&dz));
        for segment in 0..lengths.len() {
            let at = bounds(&offsets, segment, width);
            softmax_rows(&x[at.clone()], width, &mut z[at.clone()]);
            assert_eq!(bits(&y[at.clone()]), bits(&z[at]));
        }
    }

    #[test]
    fn a_column_of_nothing_gives_zeros() {
        let nothing = f32::NEG_INFINITY;
        let mut y = [f32::NAN; 4];
        softmax_rows(&[nothing, 1e30, nothing, nothing], 2, &mut y);
        assert_eq!(y, [0.0, 1.0, 0.0, 0.0]);
    }
}
