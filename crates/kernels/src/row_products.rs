//! Products of rows with rows, and of rows with numbers.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{Parallel, over_parts, rows_per_part};
use crate::simd::{self, fma, fold_sum};
use crate::views::{elements, elements_mut};

/// `y[t] = a[t] · b[t]`; a and b [T, D].
pub fn row_dot(run: &impl Parallel, a: ArrayView2<f32>, b: ArrayView2<f32>, y: ArrayViewMut1<f32>) {
    assert!(a.dim() == b.dim() && a.nrows() == y.len());
    let (width, a, b) = (a.ncols(), elements(&a), elements(&b));
    let per = rows_per_part(width);
    over_parts(run, elements_mut(y), per, |block, y| {
        let rows = block * per * width..(block * per + y.len()) * width;
        dot_rows(&a[rows.clone()], &b[rows], width, y);
    });
}

/// `y[t] = s[t] · x[t]`; x and y [T, D], s [T].
pub fn scale_rows(run: &impl Parallel, x: ArrayView2<f32>, s: ArrayView1<f32>, y: ArrayViewMut2<f32>) {
    assert!(x.dim() == y.dim() && x.nrows() == s.len());
    let (width, x, s) = (x.ncols(), elements(&x), elements(&s));
    let per = rows_per_part(width);
    over_parts(run, elements_mut(y), per * width, |block, y| {
        scaled_rows(&x[block * per * width..][..y.len()], &s[block * per..], width, y);
    });
}

#[inline(always)]
fn dot_body<const FMA: bool>(a: &[f32], b: &[f32], width: usize, y: &mut [f32]) {
    for (t, y) in y.iter_mut().enumerate() {
        let row = t * width..(t + 1) * width;
        *y = fold_sum(&a[row.clone()], &b[row], |sum, a, b| fma::<FMA>(a, b, sum));
    }
}

#[inline(always)]
fn scaled_body<const FMA: bool>(x: &[f32], s: &[f32], width: usize, y: &mut [f32]) {
    for ((x, y), &s) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(s) {
        simd::map(x, y, |x| x * s);
    }
}

multiversion!(fn dot_rows = dot_body(a: &[f32], b: &[f32], width: usize, y: &mut [f32]));
multiversion!(fn scaled_rows = scaled_body(x: &[f32], s: &[f32], width: usize, y: &mut [f32]));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{LENGTHS, TwoThreads, bits, close, sets, values};
    use crate::views::testing::{matrix, matrix_mut, vector, vector_mut};

    #[test]
    fn every_set_is_the_formula() {
        for &width in LENGTHS.iter().filter(|&&width| width > 0) {
            let (a, b) = (values(1, 3 * width), values(2, 3 * width));
            let dot = |t: usize| (t * width..(t + 1) * width).map(|i| f64::from(a[i]) * f64::from(b[i])).sum::<f64>();
            for &set in sets() {
                let (mut y, mut z) = ([f32::NAN; 3], vec![f32::NAN; 3 * width]);
                dot_rows::on(set, &a, &b, width, &mut y);
                close(&y, &[dot(0), dot(1), dot(2)], 2e-6);
                scaled_rows::on(set, &a, &[2.0, -1.0, 0.5], width, &mut z);
                let factor = |i: usize| [2.0, -1.0, 0.5][i / width];
                close(&z, &a.iter().enumerate().map(|(i, &a)| factor(i) * f64::from(a)).collect::<Vec<_>>(), 0.0);
            }
        }
    }

    #[test]
    fn rows_have_the_same_bits_on_any_thread() {
        let (rows, width) = if cfg!(miri) { (3, 5) } else { (1000, 50) };
        let (a, b) = (values(1, rows * width), values(2, rows * width));
        let [a, b] = [&a, &b].map(|x| matrix(x, width));
        let [mut y, mut z] = [(); 2].map(|()| vec![f32::NAN; rows]);
        row_dot(&Serial, a, b, vector_mut(&mut y));
        row_dot(&TwoThreads, a, b, vector_mut(&mut z));
        assert_eq!(bits(&y), bits(&z));
        let [mut p, mut q] = [(); 2].map(|()| vec![f32::NAN; rows * width]);
        scale_rows(&Serial, a, vector(&y), matrix_mut(&mut p, width));
        scale_rows(&TwoThreads, a, vector(&y), matrix_mut(&mut q, width));
        assert_eq!(bits(&p), bits(&q));
    }
}
