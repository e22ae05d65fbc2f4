//! Sums and means over the rows of each segment.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{Parallel, Segmented, over_parts, over_segments, rows_per_part};
use crate::segments::bounds;
use crate::simd::{self, LANES};
use crate::views::{elements, elements_mut};

/// `y[b] = Σ_t x[t]` over the rows of segment b, in f64; x [T, D] at `offsets` [B + 1], y [B, D], zeros for no rows.
pub fn segment_sum(run: &impl Parallel, x: ArrayView2<f32>, offsets: ArrayView1<i32>, y: ArrayViewMut2<f32>) {
    reduced(run, x, offsets, y, |_| 1.0);
}

/// `y[b]` = the mean of the rows of segment b, shapes as of [`segment_sum`]; zeros for no rows.
pub fn segment_mean(run: &impl Parallel, x: ArrayView2<f32>, offsets: ArrayView1<i32>, y: ArrayViewMut2<f32>) {
    reduced(run, x, offsets, y, |rows| rows.max(1) as f64);
}

/// `dx[t] = dy[b] / rows of b` for each row t of segment b; dy [B, D], dx [T, D].
pub fn segment_mean_gradient(
    run: &impl Parallel,
    dy: ArrayView2<f32>,
    offsets: ArrayView1<i32>,
    dx: ArrayViewMut2<f32>,
) {
    assert!(dy.ncols() == dx.ncols() && dy.nrows() + 1 == offsets.len());
    let (width, dy, offsets) = (dy.ncols(), elements(&dy), elements(&offsets));
    over_segments(run, [Segmented { data: elements_mut(dx), width, offsets }], |segment, [dx]| {
        let count = dx.len() as f32 / width.max(1) as f32;
        for dx in dx.chunks_exact_mut(width.max(1)) {
            simd::map(&dy[segment * width..][..width], dx, |dy| dy / count);
        }
    });
}

fn reduced(
    run: &impl Parallel,
    x: ArrayView2<f32>,
    offsets: ArrayView1<i32>,
    y: ArrayViewMut2<f32>,
    divisor: impl Fn(usize) -> f64 + Sync,
) {
    assert!(x.ncols() == y.ncols() && y.nrows() + 1 == offsets.len());
    let (rows, width) = x.dim();
    let per = rows_per_part(width * rows.div_ceil(y.nrows().max(1)).max(1));
    let (x, offsets) = (elements(&x), elements(&offsets));
    over_parts(run, elements_mut(y), per * width, |block, y| {
        for (i, y) in y.chunks_exact_mut(width).enumerate() {
            let at = bounds(offsets, block * per + i, width);
            sum_rows(&x[at.clone()], divisor(at.len() / width), y);
        }
    });
}

#[inline(always)]
fn sum_body<const FMA: bool>(x: &[f32], divisor: f64, y: &mut [f32]) {
    let width = y.len();
    for (column, y) in y.chunks_mut(LANES).enumerate() {
        let mut sums = [0.0f64; LANES];
        for x in x.chunks_exact(width) {
            let x = simd::padded(&x[column * LANES..][..y.len()]);
            for i in 0..LANES {
                sums[i] += f64::from(x[i]);
            }
        }
        for (y, sum) in y.iter_mut().zip(sums) {
            *y = (sum / divisor) as f32;
        }
    }
}

multiversion!(fn sum_rows = sum_body(x: &[f32], divisor: f64, y: &mut [f32]));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{TwoThreads, bits, close, sets, values};
    use crate::views::testing::{matrix, matrix_mut, vector};

    #[test]
    fn every_set_is_the_formula() {
        for (rows, width) in [(0, 3), (1, 1), (3, 17), (100, 16), (7, 33)] {
            let x = values(1, rows * width);
            let sum = |c: usize| x.iter().skip(c).step_by(width).map(|&x| f64::from(x)).sum::<f64>();
            for &set in sets() {
                let mut y = vec![f32::NAN; width];
                sum_rows::on(set, &x, 2.0, &mut y);
                close(&y, &(0..width).map(|c| sum(c) / 2.0).collect::<Vec<_>>(), 1e-7);
            }
        }
    }

    #[test]
    fn by_hand() {
        let (x, offsets) = ([1.0, 2.0, 3.0, 4.0, 10.0, 20.0], [0, 0, 2, 3]);
        let array = matrix(&x, 2);
        let [mut sum, mut mean] = [[f32::NAN; 6]; 2];
        segment_sum(&Serial, array, vector(&offsets), matrix_mut(&mut sum, 2));
        segment_mean(&Serial, array, vector(&offsets), matrix_mut(&mut mean, 2));
        assert_eq!(sum, [0.0, 0.0, 4.0, 6.0, 10.0, 20.0]);
        assert_eq!(mean, [0.0, 0.0, 2.0, 3.0, 10.0, 20.0]);
        let mut dx = [f32::NAN; 6];
        segment_mean_gradient(&Serial, array, vector(&offsets), matrix_mut(&mut dx, 2));
        assert_eq!(dx, [1.5, 2.0, 1.5, 2.0, 10.0, 20.0]);
    }

    #[test]
    fn a_segment_has_the_same_bits_on_any_thread() {
        let (segments, width) = if cfg!(miri) { (3, 5) } else { (3000, 50) };
        let offsets: Vec<i32> = (0..=segments).map(|b| 3 * b).collect();
        let x = values(1, 3 * segments as usize * width);
        let x = matrix(&x, width);
        let [mut y, mut z] = [(); 2].map(|()| vec![f32::NAN; segments as usize * width]);
        segment_sum(&Serial, x, vector(&offsets), matrix_mut(&mut y, width));
        segment_sum(&TwoThreads, x, vector(&offsets), matrix_mut(&mut z, width));
        assert_eq!(bits(&y), bits(&z));
    }
}
