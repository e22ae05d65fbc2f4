//! Weighted sums of the rows of each segment, as many as there are columns of weights.

use ndarray::{ArrayView1, ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3};

use crate::multiversion;
use crate::parallel::{Parallel, Segmented, over_parts, over_segments, rows_per_part};
use crate::segments::bounds;
use crate::simd::{fma, fold_sum};
use crate::views::{elements, elements_mut};

/// `y[b, k] = Σ_t weights[t, k] · values[t]` over the rows of segment b; weights [T, K] and values [T, D] at `offsets`
/// [B + 1], y [B, K, D], zeros for no rows.
pub fn segment_mix(
    run: &impl Parallel,
    weights: ArrayView2<f32>,
    values: ArrayView2<f32>,
    offsets: ArrayView1<i32>,
    y: ArrayViewMut3<f32>,
) {
    let (segments, columns, width) = y.dim();
    assert!(weights.dim() == (values.nrows(), columns) && values.ncols() == width && segments + 1 == offsets.len());
    let per = rows_per_part(columns * width * values.nrows().div_ceil(segments.max(1)).max(1));
    let (weights, values, offsets) = (elements(&weights), elements(&values), elements(&offsets));
    over_parts(run, elements_mut(y), per * columns * width, |block, y| {
        for (i, y) in y.chunks_exact_mut(columns * width).enumerate() {
            let [w, v] = [columns, width].map(|width| bounds(offsets, block * per + i, width));
            mix_rows(&weights[w], &values[v], width, y);
        }
    });
}

/// `dweights[t, k] = dy[b, k] · values[t]` and `dvalues[t] = Σ_k weights[t, k] · dy[b, k]`, shapes as of [`segment_mix`].
pub fn segment_mix_gradient(
    run: &impl Parallel,
    weights: ArrayView2<f32>,
    values: ArrayView2<f32>,
    dy: ArrayView3<f32>,
    offsets: ArrayView1<i32>,
    dweights: ArrayViewMut2<f32>,
    dvalues: ArrayViewMut2<f32>,
) {
    let (segments, columns, width) = dy.dim();
    assert!(weights.dim() == (values.nrows(), columns) && values.ncols() == width && segments + 1 == offsets.len());
    assert!(weights.dim() == dweights.dim() && values.dim() == dvalues.dim());
    let (weights, values, dy, offsets) = (elements(&weights), elements(&values), elements(&dy), elements(&offsets));
    let outs = [(elements_mut(dweights), columns), (elements_mut(dvalues), width)];
    let outs = outs.map(|(data, width)| Segmented { data, width, offsets });
    over_segments(run, outs, |segment, [dweights, dvalues]| {
        let [w, v] = [columns, width].map(|width| bounds(offsets, segment, width));
        let dy = &dy[segment * columns * width..][..columns * width];
        gradient_rows(&weights[w], &values[v], dy, width, dweights, dvalues);
    });
}

#[inline(always)]
fn mix_body<const FMA: bool>(weights: &[f32], values: &[f32], width: usize, y: &mut [f32]) {
    y.fill(0.0);
    let columns = y.len() / width;
    for (weights, values) in weights.chunks_exact(columns).zip(values.chunks_exact(width)) {
        for (&weight, y) in weights.iter().zip(y.chunks_exact_mut(width)) {
            add_scaled::<FMA>(weight, values, y);
        }
    }
}

#[inline(always)]
fn gradient_body<const FMA: bool>(
    weights: &[f32],
    values: &[f32],
    dy: &[f32],
    width: usize,
    dweights: &mut [f32],
    dvalues: &mut [f32],
) {
    dweights.fill(0.0);
    dvalues.fill(0.0);
    if dy.is_empty() {
        return;
    }
    let columns = dy.len() / width;
    let rows = weights.chunks_exact(columns).zip(values.chunks_exact(width));
    let gradients = dweights.chunks_exact_mut(columns).zip(dvalues.chunks_exact_mut(width));
    for ((weights, values), (dweights, dvalues)) in rows.zip(gradients) {
        for (k, dy) in dy.chunks_exact(width).enumerate() {
            dweights[k] = fold_sum(dy, values, |sum, a, b| fma::<FMA>(a, b, sum));
            add_scaled::<FMA>(weights[k], dy, dvalues);
        }
    }
}

/// `y += factor · x`.
#[inline(always)]
fn add_scaled<const FMA: bool>(factor: f32, x: &[f32], y: &mut [f32]) {
    let n = y.len();
    let x = &x[..n];
    for i in 0..n {
        y[i] = fma::<FMA>(factor, x[i], y[i]);
    }
}

multiversion!(fn mix_rows = mix_body(weights: &[f32], values: &[f32], width: usize, y: &mut [f32]));
multiversion!(
    fn gradient_rows = gradient_body(
        weights: &[f32], values: &[f32], dy: &[f32], width: usize, dweights: &mut [f32], dvalues: &mut [f32])
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{TwoThreads, bits, close, differences, sets, values, wide};
    use crate::views::testing::{matrix, vector};

    fn naive(weights: &[f64], values: &[f64], columns: usize, width: usize) -> Vec<f64> {
        let rows = weights.len() / columns;
        let element = |i: usize| {
            let (k, d) = (i / width, i % width);
            (0..rows).map(|t| weights[t * columns + k] * values[t * width + d]).sum()
        };
        (0..columns * width).map(element).collect()
    }

    #[test]
    fn every_set_is_the_formula_and_its_derivative() {
        for (rows, columns, width) in [(0, 2, 3), (1, 1, 1), (3, 4, 17), (20, 1, 16), (7, 3, 33)] {
            let (w, v) = (values(1, rows * columns), values(2, rows * width));
            let dy = values(3, columns * width);
            let (wide_w, wide_v) = (wide(&w), wide(&v));
            let dw = differences(&wide_w, &wide(&dy), |w| naive(w, &wide_v, columns, width));
            let dv = differences(&wide_v, &wide(&dy), |v| naive(&wide_w, v, columns, width));
            for &set in sets() {
                let [mut y, mut dweights, mut dvalues] = [columns * width, w.len(), v.len()].map(|n| vec![f32::NAN; n]);
                mix_rows::on(set, &w, &v, width, &mut y);
                gradient_rows::on(set, &w, &v, &dy, width, &mut dweights, &mut dvalues);
                close(&y, &naive(&wide_w, &wide_v, columns, width), 1e-6);
                close(&dweights, &dw, 1e-6);
                close(&dvalues, &dv, 1e-6);
            }
        }
    }

    #[test]
    fn segments_have_the_same_bits_on_any_thread() {
        let segments = if cfg!(miri) { 3 } else { 500 };
        let (rows, columns, width) = (4 * segments, 3, 40);
        let offsets: Vec<i32> = (0..=segments as i32).map(|b| 4 * b).collect();
        let (w, v) = (values(1, rows * columns), values(2, rows * width));
        let (w, v) = (matrix(&w, columns), matrix(&v, width));
        let [mut y, mut z] = [(); 2].map(|()| vec![f32::NAN; segments * columns * width]);
        let shape = (segments, columns, width);
        segment_mix(&Serial, w, v, vector(&offsets), ArrayViewMut3::from_shape(shape, &mut y).unwrap());
        segment_mix(&TwoThreads, w, v, vector(&offsets), ArrayViewMut3::from_shape(shape, &mut z).unwrap());
        assert_eq!(bits(&y), bits(&z));
    }
}
