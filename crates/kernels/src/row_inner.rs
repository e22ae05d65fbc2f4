//! Each row against rows of its own: what scores candidates that differ from row to row.

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{Parallel, over_parts, rows_per_part, zip_parts};
use crate::simd::{fma, fold_sum};
use crate::views::{elements, elements_mut};

/// `y[t, n] = h_t · own_tn`; h [T, D], own [T · N, D] with the N rows of t one after the other, y [T, N].
pub fn row_inner(run: &impl Parallel, h: ArrayView2<f32>, own: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
    let ((rows, width), each) = (h.dim(), y.ncols());
    assert!(own.dim() == (rows * each, width) && y.nrows() == rows);
    let (h, own) = (elements(&h), elements(&own));
    let per = rows_per_part(each * width);
    over_parts(run, elements_mut(y), per * each, |block, y| {
        let from = block * per;
        let count = y.len() / each;
        inner_rows(&h[from * width..][..count * width], &own[from * each * width..], (width, each), y);
    });
}

/// `dh_t = Σ_n dy_tn own_tn` and `down_tn = dy_tn h_t`.
pub fn row_inner_gradient(
    run: &impl Parallel,
    h: ArrayView2<f32>,
    own: ArrayView2<f32>,
    dy: ArrayView2<f32>,
    dh: ArrayViewMut2<f32>,
    down: ArrayViewMut2<f32>,
) {
    let ((rows, width), each) = (h.dim(), dy.ncols());
    assert!(own.dim() == (rows * each, width) && dy.nrows() == rows && dh.dim() == h.dim() && down.dim() == own.dim());
    let [h, own, dy] = [h, own, dy].map(|x| elements(&x));
    let [dh, down] = [dh, down].map(elements_mut);
    let per = rows_per_part(each * width);
    zip_parts(run, [dh, down], [per * width, per * each * width], |block, [dh, down]| {
        let from = block * per;
        let (own, dy) = (&own[from * each * width..][..down.len()], &dy[from * each..]);
        differentiate_rows(&h[from * width..][..dh.len()], own, dy, (width, each), dh, down);
    });
}

#[inline(always)]
fn inner_body<const FMA: bool>(h: &[f32], own: &[f32], (width, each): (usize, usize), y: &mut [f32]) {
    for (t, y) in y.chunks_exact_mut(each).enumerate() {
        let h = &h[t * width..][..width];
        for (n, y) in y.iter_mut().enumerate() {
            *y = fold_sum(h, &own[(t * each + n) * width..][..width], |sum, a, b| fma::<FMA>(a, b, sum));
        }
    }
}

#[inline(always)]
fn differentiate_body<const FMA: bool>(
    h: &[f32],
    own: &[f32],
    dy: &[f32],
    (width, each): (usize, usize),
    dh: &mut [f32],
    down: &mut [f32],
) {
    dh.fill(0.0);
    for t in 0..dh.len() / width {
        let (h, dh) = (&h[t * width..][..width], &mut dh[t * width..][..width]);
        for n in t * each..(t + 1) * each {
            let (own, down) = (&own[n * width..][..width], &mut down[n * width..][..width]);
            for c in 0..width {
                dh[c] = fma::<FMA>(dy[n], own[c], dh[c]);
                down[c] = dy[n] * h[c];
            }
        }
    }
}

multiversion!(fn inner_rows = inner_body(h: &[f32], own: &[f32], shape: (usize, usize), y: &mut [f32]));
multiversion!(
    fn differentiate_rows = differentiate_body(
        h: &[f32], own: &[f32], dy: &[f32], shape: (usize, usize), dh: &mut [f32], down: &mut [f32])
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{TwoThreads, bits, close, differences, values, wide};
    use crate::views::testing::{matrix, matrix_mut, shaped};

    fn naive(h: &[f64], own: &[f64], (width, each): (usize, usize)) -> Vec<f64> {
        let row = |n: usize| (0..width).map(|c| h[n / each * width + c] * own[n * width + c]).sum();
        (0..h.len() / width * each).map(row).collect()
    }

    /// [y, dh, down] over buffers full of garbage.
    fn all(run: &impl Parallel, (t, n, d): (usize, usize, usize)) -> [Vec<f32>; 3] {
        let [h, own, dy] = [t * d, t * n * d, t * n].map(|size| values(size as u32, size));
        let mut results = [t * n, t * d, t * n * d].map(|size| vec![f32::NAN; size]);
        let [y, dh, down] = &mut results;
        row_inner(run, matrix(&h, d), matrix(&own, d), matrix_mut(y, n));
        row_inner_gradient(run, matrix(&h, d), matrix(&own, d), matrix(&dy, n), matrix_mut(dh, d), matrix_mut(down, d));
        close(y, &naive(&wide(&h), &wide(&own), (d, n)), 1e-5);
        let (h, own, dy) = (wide(&h), wide(&own), wide(&dy));
        close(dh, &differences(&h, &dy, |h| naive(h, &own, (d, n))), 1e-5);
        close(down, &differences(&own, &dy, |own| naive(&h, own, (d, n))), 1e-5);
        results
    }

    #[test]
    fn is_the_formula_and_its_derivative_on_any_threads() {
        for shape in [(1, 1, 1), (3, 2, 7), (5, 20, 16), (2, 3, 65), (0, 2, 3)] {
            assert_eq!(all(&Serial, shape).map(|x| bits(&x)), all(&TwoThreads, shape).map(|x| bits(&x)));
        }
    }

    #[test]
    fn no_candidates_give_no_gradient() {
        let (h, none) = ([1.0; 6], shaped((0, 3), &[]));
        let dy = shaped((2, 0), &[]);
        let (mut dh, mut down) = ([f32::NAN; 6], []);
        row_inner_gradient(&Serial, matrix(&h, 3), none, dy, matrix_mut(&mut dh, 3), matrix_mut(&mut down, 3));
        assert_eq!(dh, [0.0; 6]);
    }
}
