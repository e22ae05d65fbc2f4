//! Layer normalisation along rows.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{Parallel, over_parts, rows_per_part, zip_parts};
use crate::reduce::add_partials;
use crate::simd::layer_norm::layer_norm_lanes;
use crate::simd::{self, LANES, fma, instructions};
use crate::size;
use crate::views::{elements, elements_mut};

/// Rows that one partial sum of the parameters' gradients covers.
const ROWS: usize = 128;

/// `y = gain ⊙ (x − mean) / √(variance + epsilon) + bias` along rows of `gain.len()`, population variance.
pub fn layer_norm(
    run: &impl Parallel,
    x: ArrayView2<f32>,
    gain: ArrayView1<f32>,
    bias: ArrayView1<f32>,
    epsilon: f32,
    y: ArrayViewMut2<f32>,
) {
    let width = x.ncols();
    assert!(x.dim() == y.dim() && gain.len() == width && bias.len() == width);
    let (x, gain, bias, y) = (elements(&x), elements(&gain), elements(&bias), elements_mut(y));
    let size = rows_per_part(width) * width;
    over_parts(run, y, size, |block, y| {
        let x = &x[block * size..][..y.len()];
        if width.is_multiple_of(LANES) && instructions().has_registers() {
            layer_norm_lanes(instructions(), x, gain, bias, epsilon, y);
        } else {
            layer_norm_rows(x, gain, bias, epsilon, y);
        }
    });
}

/// What [`layer_norm_gradient`] fills.
pub struct Gradients<'a> {
    pub dx: ArrayViewMut2<'a, f32>,
    pub dgain: ArrayViewMut1<'a, f32>,
    pub dbias: ArrayViewMut1<'a, f32>,
}

/// With x̂ = (x − mean) / deviation and g = gain ⊙ dy: `dx = (g − mean(g) − x̂ mean(g ⊙ x̂)) / deviation`,
/// `dgain = Σ dy ⊙ x̂` and `dbias = Σ dy` over the rows.
pub fn layer_norm_gradient(
    run: &impl Parallel,
    x: ArrayView2<f32>,
    gain: ArrayView1<f32>,
    dy: ArrayView2<f32>,
    epsilon: f32,
    Gradients { dx, dgain, dbias }: Gradients,
    scratch: &mut [f32],
) {
    let (rows, width) = x.dim();
    assert!(x.dim() == dx.dim() && dy.dim() == dx.dim());
    assert!(gain.len() == width && dgain.len() == width && dbias.len() == width);
    if width == 0 {
        return;
    }
    let (x, gain, dy) = (elements(&x), elements(&gain), elements(&dy));
    let (dx, dgain, dbias) = (elements_mut(dx), elements_mut(dgain), elements_mut(dbias));
    let part = layer_norm_gradient_scratch(rows, width) / 3;
    let (gains, rest) = scratch.split_at_mut(part);
    let (biases, rest) = rest.split_at_mut(part);
    let outs = [dx, &mut *gains, &mut *biases, &mut rest[..part]];
    let size = ROWS * width;
    zip_parts(run, outs, [size, width, width, width], |block, [dx, dgain, dbias, g]| {
        let range = block * size..block * size + dx.len();
        layer_norm_gradient_rows(&x[range.clone()], gain, &dy[range], epsilon, dx, [dgain, dbias, g]);
    });
    add_partials(gains, dgain);
    add_partials(biases, dbias);
}

/// Length of the scratch of [`layer_norm_gradient`].
pub fn layer_norm_gradient_scratch(rows: usize, width: usize) -> usize {
    size::times([3, rows.div_ceil(ROWS), width])
}

/// `y = x − mean`; returns 1 / √(variance + epsilon).
#[inline(always)]
fn centre<const FMA: bool>(x: &[f32], epsilon: f32, y: &mut [f32]) -> f32 {
    let count = x.len() as f32;
    let mean = simd::fold_sum(x, x, |sum, x, _| sum + x) / count;
    simd::map(x, y, |x| x - mean);
    1.0 / (dot::<FMA>(y, y) / count + epsilon).sqrt()
}

#[inline(always)]
fn dot<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    simd::fold_sum(a, b, |sum, a, b| fma::<FMA>(a, b, sum))
}

#[inline(always)]
fn layer_norm_body<const FMA: bool>(x: &[f32], gain: &[f32], bias: &[f32], epsilon: f32, y: &mut [f32]) {
    let width = gain.len();
    let bias = &bias[..width];
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        let factor = centre::<FMA>(x, epsilon, y);
        for i in 0..width {
            y[i] = fma::<FMA>(y[i] * factor, gain[i], bias[i]);
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
    [dgain, dbias, g]: [&mut [f32]; 3],
) {
    let width = gain.len();
    let (dgain, dbias, g) = (&mut dgain[..width], &mut dbias[..width], &mut g[..width]);
    dgain.fill(0.0);
    dbias.fill(0.0);
    let rows = x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width));
    for ((x, dy), dx) in rows {
        let factor = centre::<FMA>(x, epsilon, dx);
        simd::zip(dy, gain, g, |dy, gain| dy * gain);
        let g_mean = simd::fold_sum(g, g, |sum, g, _| sum + g) / width as f32;
        let product_mean = dot::<FMA>(g, dx) * factor / width as f32;
        for i in 0..width {
            let normal = dx[i] * factor;
            dx[i] = factor * fma::<FMA>(-normal, product_mean, g[i] - g_mean);
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
        x: &[f32], gain: &[f32], dy: &[f32], epsilon: f32, dx: &mut [f32], sums: [&mut [f32]; 3],
    )
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{LENGTHS, Reverse, TwoThreads, bits, close, differences, sets, values, wide};
    use crate::views::testing::{matrix, matrix_mut, vector, vector_mut};

    const EPSILON: f32 = 1e-5;

    fn naive(x: &[f64], gain: &[f64], bias: &[f64]) -> Vec<f64> {
        let width = gain.len();
        let row = |x: &[f64]| {
            let mean = x.iter().sum::<f64>() / width as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
            let deviation = (variance + f64::from(EPSILON)).sqrt();
            (0..width).map(|i| gain[i] * (x[i] - mean) / deviation + bias[i]).collect::<Vec<_>>()
        };
        x.chunks(width.max(1)).flat_map(row).collect()
    }

    /// [dx, dgain, dbias]
    fn gradient(run: &impl Parallel, x: &[f32], gain: &[f32], dy: &[f32]) -> [Vec<f32>; 3] {
        let width = gain.len();
        let mut scratch = vec![f32::NAN; layer_norm_gradient_scratch(x.len() / width.max(1), width)];
        let [mut dx, mut dgain, mut dbias] = [x.len(), width, width].map(|n| vec![f32::NAN; n]);
        let out =
            Gradients { dx: matrix_mut(&mut dx, width), dgain: vector_mut(&mut dgain), dbias: vector_mut(&mut dbias) };
        layer_norm_gradient(run, matrix(x, width), vector(gain), matrix(dy, width), EPSILON, out, &mut scratch);
        [dx, dgain, dbias]
    }

    #[test]
    fn every_set_is_the_formula_and_its_derivative() {
        // A width of one normalises to zero: its derivative is that of rounding.
        for &width in LENGTHS.iter().filter(|&&width| width != 1 && width <= 100) {
            let (x, dy) = (values(1, 3 * width), values(2, 3 * width));
            let (gain, bias) = (values(3, width), values(4, width));
            let [wx, wdy, wgain, wbias] = [&x, &dy, &gain, &bias].map(|x| wide(x));
            for &set in sets() {
                let [mut y, mut dx] = [(); 2].map(|()| vec![f32::NAN; x.len()]);
                if width > 0 {
                    layer_norm_rows::on(set, &x, &gain, &bias, EPSILON, &mut y);
                    let [mut dgain, mut dbias, mut g] = [(); 3].map(|()| vec![f32::NAN; width]);
                    layer_norm_gradient_rows::on(
                        set,
                        &x,
                        &gain,
                        &dy,
                        EPSILON,
                        &mut dx,
                        [&mut dgain, &mut dbias, &mut g],
                    );
                }
                close(&y, &naive(&wx, &wgain, &wbias), 5e-6);
                close(&dx, &differences(&wx, &wdy, |x| naive(x, &wgain, &wbias)), 2e-5);
            }
            let [_, dgain, dbias] = gradient(&Serial, &x, &gain, &dy);
            close(&dgain, &differences(&wgain, &wdy, |gain| naive(&wx, gain, &wbias)), 1e-5);
            close(&dbias, &differences(&wbias, &wdy, |bias| naive(&wx, &wgain, bias)), 1e-5);
        }
    }

    #[test]
    fn known_values() {
        // Mean 2, variance 1: ±1, and ε shifts the fifth digit.
        let mut y = [f32::NAN; 2];
        let gain = [2.0; 2];
        layer_norm(&Serial, matrix(&[1.0, 3.0], 2), vector(&gain), vector(&[0.5; 2]), 0.0, matrix_mut(&mut y, 2));
        assert_eq!(y, [-1.5, 2.5]);
        layer_norm(&Serial, matrix(&[7.0; 2], 2), vector(&gain), vector(&[0.5, 0.25]), EPSILON, matrix_mut(&mut y, 2));
        assert_eq!(y, [0.5, 0.25]);
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_in_any_order_of_blocks() {
        let (rows, width) = if cfg!(miri) { (3, 7) } else { (1000, 50) };
        let (x, dy) = (values(1, rows * width), values(2, rows * width));
        let (gain, bias) = (values(3, width), values(4, width));
        let [mut y, mut z, mut one] = [(); 3].map(|()| vec![f32::NAN; x.len()]);
        layer_norm(&Serial, matrix(&x, width), vector(&gain), vector(&bias), EPSILON, matrix_mut(&mut y, width));
        layer_norm(&TwoThreads, matrix(&x, width), vector(&gain), vector(&bias), EPSILON, matrix_mut(&mut z, width));
        for (x, one) in x.chunks(width).zip(one.chunks_mut(width)) {
            layer_norm(&Serial, matrix(x, width), vector(&gain), vector(&bias), EPSILON, matrix_mut(one, width));
        }
        assert!(bits(&y) == bits(&z) && bits(&y) == bits(&one));
        let expected = gradient(&Serial, &x, &gain, &dy).map(|x| bits(&x));
        assert_eq!(expected, gradient(&Reverse, &x, &gain, &dy).map(|x| bits(&x)));
        assert_eq!(expected, gradient(&TwoThreads, &x, &gain, &dy).map(|x| bits(&x)));
    }

    #[test]
    fn rows_of_whole_lanes_have_the_bits_of_others() {
        let sizes = [(1, 16), (16, 64), (37, 64), (50, 48), (5, 304)];
        for (rows, width) in sizes.into_iter().take(if cfg!(miri) { 1 } else { 5 }) {
            let x: Vec<f32> = values(1, rows * width).iter().enumerate().map(|(i, x)| x + (i / width) as f32).collect();
            let (gain, bias) = (values(2, width), values(3, width));
            for &set in sets() {
                let [mut y, mut z] = [(); 2].map(|()| vec![f32::NAN; x.len()]);
                layer_norm_rows::on(set, &x, &gain, &bias, EPSILON, &mut y);
                layer_norm_lanes(set, &x, &gain, &bias, EPSILON, &mut z);
                assert_eq!(bits(&y), bits(&z), "{set:?} {rows} {width}");
            }
        }
    }

    #[test]
    fn no_rows_give_zero_gradients_of_the_parameters() {
        let [dx, dgain, dbias] = gradient(&Serial, &[], &[1.0; 3], &[]);
        assert!(dx.is_empty() && dgain == [0.0; 3] && dbias == [0.0; 3]);
    }
}
