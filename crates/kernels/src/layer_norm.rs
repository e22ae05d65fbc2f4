//! Layer normalisation along rows.

use crate::multiversion;
use crate::parallel::{Parallel, over_parts, rows_per_part, zip_parts};
use crate::reduce::add_partials;
use crate::simd::{self, fma};

/// Rows that one partial sum of the parameters' gradients covers.
const ROWS: usize = 128;

/// `y = gain ⊙ (x − mean) / √(variance + epsilon) + bias` along rows of `gain.len()`, population variance.
pub fn layer_norm(run: &impl Parallel, x: &[f32], gain: &[f32], bias: &[f32], epsilon: f32, y: &mut [f32]) {
    let width = gain.len();
    assert!(x.len() == y.len() && bias.len() == width);
    let size = rows_per_part(width) * width;
    over_parts(run, y, size, |block, y| {
        layer_norm_rows(&x[block * size..][..y.len()], gain, bias, epsilon, y);
    });
}

/// With x̂ = (x − mean) / deviation and g = gain ⊙ dy: `dx = (g − mean(g) − x̂ mean(g ⊙ x̂)) / deviation`,
/// `dgain = Σ dy ⊙ x̂` and `dbias = Σ dy` over the rows.
pub fn layer_norm_gradient(
    run: &impl Parallel,
    x: &[f32],
    gain: &[f32],
    dy: &[f32],
    epsilon: f32,
    dx: &mut [f32],
    dgain: &mut [f32],
    dbias: &mut [f32],
    scratch: &mut [f32],
) {
    let width = gain.len();
    assert!(x.len() == dx.len() && dy.len() == dx.len() && dgain.len() == width && dbias.len() == width);
    if width == 0 {
        return;
    }
    let half = layer_norm_gradient_scratch(x.len() / width, width) / 2;
    let (gains, biases) = scratch[..2 * half].split_at_mut(half);
    let size = ROWS * width;
    zip_parts(run, [dx, gains, biases], [size, width, width], |block, [dx, dgain, dbias]| {
        let range = block * size..block * size + dx.len();
        layer_norm_gradient_rows(&x[range.clone()], gain, &dy[range], epsilon, dx, dgain, dbias);
    });
    let (gains, biases) = scratch[..2 * half].split_at(half);
    add_partials(gains, dgain);
    add_partials(biases, dbias);
}

/// Length of the scratch of [`layer_norm_gradient`].
pub fn layer_norm_gradient_scratch(rows: usize, width: usize) -> usize {
    2 * rows.div_ceil(ROWS) * width
}

/// (mean, 1 / √(variance + epsilon)) of a row.
#[inline(always)]
fn moments<const FMA: bool>(x: &[f32], epsilon: f32) -> (f32, f32) {
    let count = x.len() as f32;
    let mean = simd::fold_sum(x, x, |sum, x, _| sum + x) / count;
    let square = |sum, x: f32, _| fma::<FMA>(x - mean, x - mean, sum);
    let variance = simd::fold_sum(x, x, square) / count;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

#[inline(always)]
fn layer_norm_body<const FMA: bool>(x: &[f32], gain: &[f32], bias: &[f32], epsilon: f32, y: &mut [f32]) {
    let width = gain.len();
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        let (mean, factor) = moments::<FMA>(x, epsilon);
        for i in 0..width {
            y[i] = fma::<FMA>((x[i] - mean) * factor, gain[i], bias[i]);
        }
    }
}

#[inline(always)]
fn layer_norm_gradient_body<const FMA: bool>(
    x: &[f32],
    gain: &[f32],
    dy: &[f32],
    epsilon: f32,
    dx: &mut [f32],
    dgain: &mut [f32],
    dbias: &mut [f32],
) {
    let width = gain.len();
    dgain.fill(0.0);
    dbias.fill(0.0);
    let rows = x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width));
    for ((x, dy), dx) in rows {
        let (mean, factor) = moments::<FMA>(x, epsilon);
        simd::zip(dy, gain, dx, |dy, gain| dy * gain); // g
        let g_mean = simd::fold_sum(dx, dx, |sum, g, _| sum + g) / width as f32;
        let product = |sum, g, x| fma::<FMA>(g, (x - mean) * factor, sum);
        let product_mean = simd::fold_sum(dx, x, product) / width as f32;
        for i in 0..width {
            let normal = (x[i] - mean) * factor;
            dx[i] = factor * fma::<FMA>(-normal, product_mean, dx[i] - g_mean);
            dgain[i] = fma::<FMA>(dy[i], normal, dgain[i]);
            dbias[i] += dy[i];
        }
    }
}

multiversion!(
    fn layer_norm_rows = layer_norm_body(x: &[f32], gain: &[f32], bias: &[f32], epsilon: f32, y: &mut [f32])
);
multiversion!(
    fn layer_norm_gradient_rows = layer_norm_gradient_body(
        x: &[f32], gain: &[f32], dy: &[f32], epsilon: f32, dx: &mut [f32], dgain: &mut [f32], dbias: &mut [f32],
    )
);
