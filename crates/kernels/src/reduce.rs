//! Sums along one axis or over everything, in an order that the shape alone decides.

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{PART, Parallel, over_parts, rows_per_part};
use crate::simd::{self, LANES};
use crate::size;
use crate::views::{elements, elements_mut};

/// Rows that one partial sum of [`sum_rows`] covers.
const ROWS: usize = 128;

/// `y = x + row` for each row of `x` [rows, width].
pub fn add_row(run: &impl Parallel, x: ArrayView2<f32>, row: ArrayView1<f32>, y: ArrayViewMut2<f32>) {
    by_rows(run, x, row, y, add_row_part);
}

/// `y = x ⊙ row` for each row of `x` [rows, width].
pub fn multiply_row(run: &impl Parallel, x: ArrayView2<f32>, row: ArrayView1<f32>, y: ArrayViewMut2<f32>) {
    by_rows(run, x, row, y, multiply_row_part);
}

/// Runs `part(x, row, y)` over matching parts of `x` and `y`, whole rows each.
fn by_rows(
    run: &impl Parallel,
    x: ArrayView2<f32>,
    row: ArrayView1<f32>,
    y: ArrayViewMut2<f32>,
    part: impl Fn(&[f32], &[f32], &mut [f32]) + Sync,
) {
    assert!(x.dim() == y.dim() && x.ncols() == row.len());
    let (x, row, y) = (elements(&x), elements(&row), elements_mut(y));
    let size = rows_per_part(row.len()) * row.len();
    over_parts(run, y, size, |block, y| part(&x[block * size..][..y.len()], row, y));
}

#[inline(always)]
fn add_row_body<const FMA: bool>(x: &[f32], row: &[f32], y: &mut [f32]) {
    for (x, y) in x.chunks_exact(row.len()).zip(y.chunks_exact_mut(row.len())) {
        simd::zip(x, row, y, |x, row| x + row);
    }
}

#[inline(always)]
fn multiply_row_body<const FMA: bool>(x: &[f32], row: &[f32], y: &mut [f32]) {
    for (x, y) in x.chunks_exact(row.len()).zip(y.chunks_exact_mut(row.len())) {
        simd::zip(x, row, y, |x, row| x * row);
    }
}

multiversion!(fn add_row_part = add_row_body(x: &[f32], row: &[f32], y: &mut [f32]));
multiversion!(fn multiply_row_part = multiply_row_body(x: &[f32], row: &[f32], y: &mut [f32]));

/// `y` [width] = Σ over the rows of `x` [rows, width]: blocks of rows in f32, then the blocks in f64.
pub fn sum_rows(run: &impl Parallel, x: ArrayView2<f32>, y: ArrayViewMut1<f32>, scratch: &mut [f32]) {
    let (rows, width) = x.dim();
    assert_eq!(y.len(), width);
    if width == 0 {
        return;
    }
    let (x, y) = (elements(&x), elements_mut(y));
    let partials = &mut scratch[..sum_rows_scratch(rows, width)];
    over_parts(run, partials, width, |block, partial| {
        let start = block * ROWS * width;
        sum_rows_part(&x[start..x.len().min(start + ROWS * width)], partial);
    });
    add_partials(partials, y);
}

/// Length of the scratch of [`sum_rows`].
pub fn sum_rows_scratch(rows: usize, width: usize) -> usize {
    size::times([rows.div_ceil(ROWS), width])
}

#[inline(always)]
fn sum_rows_body<const FMA: bool>(x: &[f32], y: &mut [f32]) {
    let width = y.len();
    y.fill(0.0);
    for x in x.chunks_exact(width) {
        for i in 0..width {
            y[i] += x[i];
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
pub fn sum(x: ArrayView1<f32>) -> f64 {
    sum_part(elements(&x))
}

/// The mean of all elements, in f64; 0 of none.
pub fn mean(x: ArrayView1<f32>) -> f64 {
    sum(x) / x.len().max(1) as f64
}

/// `Σ x²`, in f64.
pub fn squared_norm(x: ArrayView1<f32>) -> f64 {
    squared_norm_part(elements(&x))
}

/// Whether every element of a long array is finite: [`finite`] on all threads.
pub fn all_finite(run: &impl Parallel, x: ArrayView1<f32>) -> bool {
    let x = elements(&x);
    let all = AtomicBool::new(true);
    run.run(x.len().div_ceil(PART), &|block| {
        if !finite_slice(&x[block * PART..x.len().min((block + 1) * PART)]) {
            all.store(false, Ordering::Relaxed);
        }
    });
    all.into_inner()
}

/// Whether every element is finite.
pub fn finite(x: ArrayView1<f32>) -> bool {
    finite_slice(elements(&x))
}

fn finite_slice(x: &[f32]) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{LENGTHS, Reverse, TwoThreads, bits, close, sets, values, wide};
    use crate::views::testing::{matrix, matrix_mut, vector, vector_mut};

    const ROW_COUNTS: &[usize] = if cfg!(miri) { &[0, 1, 130] } else { &[0, 1, 7, 128, 129, 1000] };

    #[test]
    fn rows_are_added_and_summed() {
        for &width in LENGTHS.iter().filter(|&&width| width <= 100) {
            for &rows in ROW_COUNTS {
                let (x, row) = (values(1, rows * width), values(2, width));
                let mut y = vec![f32::NAN; x.len()];
                add_row(&Serial, matrix(&x, width), vector(&row), matrix_mut(&mut y, width));
                let expected: Vec<f32> = (0..x.len()).map(|i| x[i] + row[i % width]).collect();
                assert_eq!(y, expected);
                multiply_row(&Serial, matrix(&x, width), vector(&row), matrix_mut(&mut y, width));
                let expected: Vec<f32> = (0..x.len()).map(|i| x[i] * row[i % width]).collect();
                assert_eq!(y, expected);

                let mut expected = vec![0.0; width];
                (0..x.len()).for_each(|i| expected[i % width] += f64::from(x[i]));
                let sums = |run: &dyn Fn(&mut [f32], &mut [f32])| {
                    let mut scratch = vec![f32::NAN; sum_rows_scratch(rows, width)];
                    let mut y = vec![f32::NAN; width];
                    run(&mut y, &mut scratch);
                    y
                };
                let y = sums(&|y, scratch| sum_rows(&Serial, matrix(&x, width), vector_mut(y), scratch));
                close(&y, &expected, 1e-5);
                let reversed = sums(&|y, scratch| sum_rows(&Reverse, matrix(&x, width), vector_mut(y), scratch));
                let threads = sums(&|y, scratch| sum_rows(&TwoThreads, matrix(&x, width), vector_mut(y), scratch));
                assert!(bits(&y) == bits(&reversed) && bits(&y) == bits(&threads));
            }
        }
    }

    #[test]
    fn totals_have_the_same_bits_on_every_set() {
        for &n in LENGTHS {
            let x = values(3, n);
            for &set in sets() {
                assert_eq!(sum_part::on(set, &x), sum(vector(&x)));
                assert_eq!(squared_norm_part::on(set, &x), squared_norm(vector(&x)));
            }
            assert_eq!(mean(vector(&x)), if n == 0 { 0.0 } else { sum(vector(&x)) / n as f64 });
            assert!((sum(vector(&x)) - wide(&x).iter().sum::<f64>()).abs() < 1e-12);
            assert!((squared_norm(vector(&x)) - wide(&x).iter().map(|x| x * x).sum::<f64>()).abs() < 1e-12);
        }
    }

    #[test]
    fn long_sums_keep_what_f32_would_lose() {
        let n = if cfg!(miri) { 1000 } else { 1 << 20 };
        let x = vec![0.1f32; n];
        let exact = f64::from(0.1f32) * n as f64;
        assert!((sum(vector(&x)) / exact - 1.0).abs() < 1e-10);
        assert!((squared_norm(vector(&x)) / (exact * f64::from(0.1f32)) - 1.0).abs() < 1e-10);
    }

    #[test]
    fn one_bad_element_is_found_anywhere() {
        assert!(finite(vector(&[])));
        for &n in LENGTHS.iter().filter(|&&n| n > 0) {
            let x = values(4, n);
            for &set in sets() {
                assert!(finite_part::on(set, &x));
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    for i in [0, n / 2, n - 1] {
                        let mut x = x.clone();
                        x[i] = bad;
                        assert!(!finite_part::on(set, &x) && !finite(vector(&x)));
                    }
                }
            }
        }
        let mut long = vec![f32::MAX; 10_000];
        assert!(finite(vector(&long)));
        long[9_999] = f32::INFINITY;
        assert!(!finite(vector(&long)));
    }

    #[test]
    fn all_are_finite_where_each_part_is() {
        let mut long = vec![f32::MAX; if cfg!(miri) { PART + 1 } else { 3 * PART + 1 }];
        for place in [0, PART - 1, PART, long.len() - 1] {
            assert!(all_finite(&TwoThreads, vector(&long)) && all_finite(&Serial, vector(&[])));
            long[place] = f32::NAN;
            assert!(!all_finite(&TwoThreads, vector(&long)));
            long[place] = 0.0;
        }
    }
}
