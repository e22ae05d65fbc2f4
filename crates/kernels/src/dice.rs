//! Dice, an activation that adapts to the distribution of its inputs. Zhou et al., "Deep Interest Network for Click-Through
//! Rate Prediction", KDD 2018.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{Parallel, over_parts, rows_per_part, zip_parts};
use crate::reduce::add_partials;
use crate::simd::{LANES, fma, math};
use crate::size;
use crate::views::{elements, elements_mut};

/// Rows that one partial sum of the columns' gradients covers.
const ROWS: usize = 128;

/// What is known of the columns, `[width]` each.
#[derive(Clone, Copy)]
pub struct Dice<'a> {
    /// The slope of what is switched off.
    pub alpha: ArrayView1<'a, f32>,
    pub mean: ArrayView1<'a, f32>,
    /// Below 0 it counts as 0.
    pub variance: ArrayView1<'a, f32>,
    pub epsilon: f32,
}

impl Dice<'_> {
    fn width(&self) -> usize {
        let width = self.alpha.len();
        assert!(self.mean.len() == width && self.variance.len() == width);
        width
    }

    /// alpha, mean and `1 / √(variance + epsilon)`, each as often as makes whole vectors of them, [3, `period`].
    fn repeated<'a>(&self, scratch: &'a mut [f32]) -> [&'a [f32]; 3] {
        let width = self.width();
        let (alpha, rest) = scratch[..3 * period(width)].split_at_mut(period(width));
        let (mean, factor) = rest.split_at_mut(period(width));
        for (to, column) in [(&mut *alpha, self.alpha), (&mut *mean, self.mean), (&mut *factor, self.variance)] {
            to.chunks_exact_mut(width.max(1)).for_each(|to| to.copy_from_slice(elements(&column)));
        }
        for factor in &mut *factor {
            *factor = 1.0 / (factor.max(0.0) + self.epsilon).sqrt();
        }
        [alpha, mean, factor]
    }
}

/// Elements of as many rows as make whole vectors: loops over them leave no last columns to scalars.
fn period(width: usize) -> usize {
    size::times([width, LANES >> width.trailing_zeros().min(LANES.trailing_zeros())])
}

/// `y = x ⊙ (p + (1 − p) ⊙ alpha)` with `p = σ((x − mean) / √(variance + epsilon))`; x [rows, width].
pub fn dice(run: &impl Parallel, x: ArrayView2<f32>, by: Dice, y: ArrayViewMut2<f32>, scratch: &mut [f32]) {
    let width = by.width();
    assert!(x.dim() == y.dim() && x.ncols() == width);
    if width == 0 {
        return;
    }
    let columns = by.repeated(scratch);
    let (x, y) = (elements(&x), elements_mut(y));
    let size = size::padded(rows_per_part(width) * width, period(width).max(1));
    over_parts(run, y, size, |block, y| dice_rows(&x[block * size..][..y.len()], columns, y));
}

/// Length of the scratch of [`dice`].
pub fn dice_scratch(width: usize) -> usize {
    size::times([3, period(width)])
}

/// What [`dice_gradient`] fills.
pub struct Gradients<'a> {
    pub dx: ArrayViewMut2<'a, f32>,
    pub dalpha: ArrayViewMut1<'a, f32>,
    pub dmean: ArrayViewMut1<'a, f32>,
    pub dvariance: ArrayViewMut1<'a, f32>,
}

/// With z = (x − mean) f, f = 1 / √(variance + epsilon) and g = dy ⊙ x (1 − alpha) p (1 − p):
/// `dx = dy (alpha + (1 − alpha) p) + f g`, `dalpha = Σ dy x (1 − p)`, `dmean = −f Σ g`, `dvariance = −½ f² Σ g z`.
pub fn dice_gradient(
    run: &impl Parallel,
    x: ArrayView2<f32>,
    by: Dice,
    dy: ArrayView2<f32>,
    Gradients { dx, dalpha, dmean, dvariance }: Gradients,
    scratch: &mut [f32],
) {
    let width = x.ncols();
    assert!(width == by.width() && x.dim() == dy.dim() && x.dim() == dx.dim());
    if width == 0 {
        return;
    }
    let period = period(width);
    let (columns, rest) = scratch.split_at_mut(3 * period);
    let columns @ [_, _, factors] = by.repeated(columns);
    let (sums, rest) = rest.split_at_mut(3 * period);
    let size = size::padded(ROWS * width, period);
    let partials = &mut rest[..size::times([3, period, x.len().div_ceil(size)])];
    let (x, dy) = (elements(&x), elements(&dy));
    zip_parts(run, [elements_mut(dx), &mut *partials], [size, 3 * period], |block, [dx, sums]| {
        let range = block * size..block * size + dx.len();
        gradient_rows(&x[range.clone()], &dy[range], columns, dx, sums);
    });
    add_partials(partials, sums);
    let [alphas, means, variances] = [0, 1, 2].map(|i| &sums[i * period..][..period]);
    let total = |sums: &[f32], c: usize| sums[c..].iter().step_by(width).sum::<f32>();
    let columns = elements_mut(dalpha).iter_mut().zip(elements_mut(dmean)).zip(elements_mut(dvariance));
    for (c, ((dalpha, dmean), dvariance)) in columns.enumerate() {
        let f = factors[c];
        *dalpha = total(alphas, c);
        *dmean = -f * total(means, c);
        *dvariance = -0.5 * f * f * total(variances, c);
    }
}

/// Length of the scratch of [`dice_gradient`].
pub fn dice_gradient_scratch(rows: usize, width: usize) -> usize {
    size::times([3, period(width), size::plus([2, rows.div_ceil(ROWS)])])
}

#[inline(always)]
fn dice_body<const FMA: bool>(x: &[f32], [alpha, mean, factor]: [&[f32]; 3], y: &mut [f32]) {
    for (x, y) in x.chunks(alpha.len()).zip(y.chunks_mut(alpha.len())) {
        let n = y.len();
        let (x, alpha, mean, factor) = (&x[..n], &alpha[..n], &mean[..n], &factor[..n]);
        for i in 0..n {
            let p = math::sigmoid::<FMA>((x[i] - mean[i]) * factor[i]);
            y[i] = x[i] * fma::<FMA>(1.0 - alpha[i], p, alpha[i]);
        }
    }
}

/// `sums` [3, period] = Σ dy x (1 − p), Σ g and Σ g z over the rows.
#[inline(always)]
fn gradient_body<const FMA: bool>(
    x: &[f32],
    dy: &[f32],
    [alpha, mean, factor]: [&[f32]; 3],
    dx: &mut [f32],
    sums: &mut [f32],
) {
    let period = alpha.len();
    sums.fill(0.0);
    let (alphas, rest) = sums.split_at_mut(period);
    let (means, variances) = rest.split_at_mut(period);
    for ((x, dy), dx) in x.chunks(period).zip(dy.chunks(period)).zip(dx.chunks_mut(period)) {
        let n = dx.len();
        let (x, dy, alpha, mean, factor) = (&x[..n], &dy[..n], &alpha[..n], &mean[..n], &factor[..n]);
        let (alphas, means, variances) = (&mut alphas[..n], &mut means[..n], &mut variances[..n]);
        for i in 0..n {
            let z = (x[i] - mean[i]) * factor[i];
            let p = math::sigmoid::<FMA>(z);
            let g = dy[i] * x[i] * (1.0 - alpha[i]) * p * (1.0 - p);
            dx[i] = fma::<FMA>(factor[i], g, dy[i] * fma::<FMA>(1.0 - alpha[i], p, alpha[i]));
            alphas[i] = fma::<FMA>(dy[i] * x[i], 1.0 - p, alphas[i]);
            means[i] += g;
            variances[i] = fma::<FMA>(g, z, variances[i]);
        }
    }
}

multiversion!(fn dice_rows = dice_body(x: &[f32], columns: [&[f32]; 3], y: &mut [f32]));
multiversion!(
    fn gradient_rows = gradient_body(x: &[f32], dy: &[f32], columns: [&[f32]; 3], dx: &mut [f32], sums: &mut [f32])
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{TwoThreads, bits, close, differences, values, wide};
    use crate::views::testing::{matrix, matrix_mut, vector, vector_mut};

    const EPSILON: f32 = 1e-3;

    fn naive(x: &[f64], alpha: &[f64], mean: &[f64], variance: &[f64]) -> Vec<f64> {
        let width = alpha.len();
        let element = |(i, x): (usize, &f64)| {
            let c = i % width;
            let p = 1.0 / (1.0 + (-(x - mean[c]) / (variance[c] + f64::from(EPSILON)).sqrt()).exp());
            x * (p + (1.0 - p) * alpha[c])
        };
        x.iter().enumerate().map(element).collect()
    }

    #[test]
    fn is_the_formula_and_its_derivatives_on_any_thread() {
        let sizes: &[(usize, usize)] = if cfg!(miri) { &[(3, 5)] } else { &[(0, 3), (1, 1), (3, 17), (300, 36)] };
        for &(rows, width) in sizes {
            let (x, dy) = (values(1, rows * width), values(2, rows * width));
            let (alpha, mean) = (values(3, width), values(4, width));
            let variance: Vec<f32> = values(5, width).iter().map(|v| 0.1 + v.abs()).collect();
            let [wx, wdy, wa, wm, wv] = [&x, &dy, &alpha, &mean, &variance].map(|x| wide(x));
            let by = Dice { alpha: vector(&alpha), mean: vector(&mean), variance: vector(&variance), epsilon: EPSILON };
            let run = |two: bool| {
                let [mut y, mut dx] = [(); 2].map(|()| vec![f32::NAN; x.len()]);
                let mut columns = [(); 3].map(|()| vec![f32::NAN; width]);
                let mut scratch = vec![f32::NAN; dice_gradient_scratch(rows, width)];
                let [dalpha, dmean, dvariance] = columns.each_mut().map(|column| vector_mut(column));
                let out = Gradients { dx: matrix_mut(&mut dx, width), dalpha, dmean, dvariance };
                let (x, dy) = (matrix(&x, width), matrix(&dy, width));
                if two {
                    dice(&TwoThreads, x, by, matrix_mut(&mut y, width), &mut scratch);
                    dice_gradient(&TwoThreads, x, by, dy, out, &mut scratch);
                } else {
                    dice(&Serial, x, by, matrix_mut(&mut y, width), &mut scratch);
                    dice_gradient(&Serial, x, by, dy, out, &mut scratch);
                }
                (y, dx, columns)
            };
            let (y, dx, [dalpha, dmean, dvariance]) = run(false);
            close(&y, &naive(&wx, &wa, &wm, &wv), 2e-6);
            close(&dx, &differences(&wx, &wdy, |x| naive(x, &wa, &wm, &wv)), 5e-6);
            close(&dalpha, &differences(&wa, &wdy, |a| naive(&wx, a, &wm, &wv)), 2e-5);
            close(&dmean, &differences(&wm, &wdy, |m| naive(&wx, &wa, m, &wv)), 2e-5);
            close(&dvariance, &differences(&wv, &wdy, |v| naive(&wx, &wa, &wm, v)), 2e-5);
            let (y2, dx2, columns2) = run(true);
            assert_eq!((bits(&y2), bits(&dx2)), (bits(&y), bits(&dx)));
            assert_eq!(columns2.map(|c| bits(&c)), [&dalpha, &dmean, &dvariance].map(|c| bits(c)));
        }
    }

    #[test]
    fn a_slope_of_one_is_the_identity_and_a_variance_below_zero_counts_as_zero() {
        let x = [3.0, -2.0];
        let run = |alpha: [f32; 1], variance: [f32; 1]| {
            let by = Dice { alpha: vector(&alpha), mean: vector(&[3.0]), variance: vector(&variance), epsilon: 1.0 };
            let mut y = [f32::NAN; 2];
            dice(&Serial, matrix(&x, 1), by, matrix_mut(&mut y, 1), &mut [f32::NAN; 48]);
            y
        };
        assert_eq!(run([1.0], [4.0]), x);
        assert_eq!(run([0.5], [4.0])[0], 1.5 * (1.0 + 0.5), "at the mean p is a half");
        assert_eq!(run([0.5], [-7.0]), run([0.5], [0.0]));
    }
}
