//! Columns of matrices, put beside each other and taken apart.

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::parallel::{Parallel, over_parts, rows_per_part};
use crate::views::{elements, elements_mut};

/// `y[t]` = a[t] and then b[t]; a [T, A], b [T, B], y [T, A + B].
pub fn concat(run: &impl Parallel, a: ArrayView2<f32>, b: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
    assert!(a.nrows() == y.nrows() && b.nrows() == y.nrows() && a.ncols() + b.ncols() == y.ncols());
    let (left, right) = (a.ncols(), b.ncols());
    let (a, b) = (elements(&a), elements(&b));
    by_rows(run, y, |t, y| {
        y[..left].copy_from_slice(&a[t * left..][..left]);
        y[left..].copy_from_slice(&b[t * right..][..right]);
    });
}

/// `y` [T, length] = the columns of x [T, D] from `start` on.
pub fn narrow(run: &impl Parallel, x: ArrayView2<f32>, start: usize, y: ArrayViewMut2<f32>) {
    assert!(x.nrows() == y.nrows() && start + y.ncols() <= x.ncols());
    let (width, x) = (x.ncols(), elements(&x));
    by_rows(run, y, |t, y| y.copy_from_slice(&x[t * width + start..][..y.len()]));
}

/// `dx` [T, D] = dy [T, length] in the columns from `start` on, zero elsewhere.
pub fn narrow_gradient(run: &impl Parallel, dy: ArrayView2<f32>, start: usize, dx: ArrayViewMut2<f32>) {
    assert!(dy.nrows() == dx.nrows() && start + dy.ncols() <= dx.ncols());
    let (length, dy) = (dy.ncols(), elements(&dy));
    by_rows(run, dx, |t, dx| {
        dx.fill(0.0);
        dx[start..][..length].copy_from_slice(&dy[t * length..][..length]);
    });
}

/// Runs `body(t, row)` for each row of a matrix.
fn by_rows(run: &impl Parallel, y: ArrayViewMut2<f32>, body: impl Fn(usize, &mut [f32]) + Sync) {
    let width = y.ncols();
    let per = rows_per_part(width);
    over_parts(run, elements_mut(y), per * width, |block, y| {
        for (i, y) in y.chunks_exact_mut(width).enumerate() {
            body(block * per + i, y);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::testing::{TwoThreads, values};
    use crate::views::testing::{matrix, matrix_mut};

    #[test]
    fn narrow_takes_apart_what_concat_joins() {
        for (rows, left, right) in [(1, 1, 1), (3, 2, 5), (700, 17, 30)] {
            let (a, b) = (values(1, rows * left), values(2, rows * right));
            let mut y = vec![f32::NAN; rows * (left + right)];
            let width = left + right;
            concat(&TwoThreads, matrix(&a, left), matrix(&b, right), matrix_mut(&mut y, width));
            let (mut p, mut q) = (vec![f32::NAN; a.len()], vec![f32::NAN; b.len()]);
            narrow(&TwoThreads, matrix(&y, width), 0, matrix_mut(&mut p, left));
            narrow(&TwoThreads, matrix(&y, width), left, matrix_mut(&mut q, right));
            assert!(p == a && q == b);
            let mut dx = vec![f32::NAN; y.len()];
            narrow_gradient(&TwoThreads, matrix(&b, right), left, matrix_mut(&mut dx, width));
            assert!(
                dx.chunks(width)
                    .zip(y.chunks(width))
                    .all(|(dx, y)| { dx[..left].iter().all(|&dx| dx == 0.0) && dx[left..] == y[left..] })
            );
        }
    }
}
