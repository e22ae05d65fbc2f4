//! Activations and their gradients, elementwise.

use ndarray::{ArrayView1, ArrayViewMut1};

use crate::elementwise::{mapped, zipped};
use crate::multiversion;
use crate::parallel::Parallel;
use crate::simd::{self, fma, math};

/// `y = max(x, 0)`.
pub fn relu(run: &impl Parallel, x: ArrayView1<f32>, y: ArrayViewMut1<f32>) {
    mapped(run, x, y, relu_part);
}

/// `y = max(y, 0)`, in place.
#[inline(always)]
fn relu_of_body<const FMA: bool>(y: &mut [f32]) {
    for i in 0..y.len() {
        y[i] = if y[i] <= 0.0 { 0.0 } else { y[i] };
    }
}

multiversion!(pub(crate) fn relu_of = relu_of_body(y: &mut [f32]));

/// `dx = dy` where `x > 0`, else 0; of the output in place of `x` the same.
pub fn relu_gradient(run: &impl Parallel, x: ArrayView1<f32>, dy: ArrayView1<f32>, dx: ArrayViewMut1<f32>) {
    zipped(run, x, dy, dx, relu_gradient_part);
}

/// `y = x Φ(x)`, the exact form.
pub fn gelu(run: &impl Parallel, x: ArrayView1<f32>, y: ArrayViewMut1<f32>) {
    mapped(run, x, y, gelu_part);
}

/// `dx = dy (Φ(x) + x φ(x))`.
pub fn gelu_gradient(run: &impl Parallel, x: ArrayView1<f32>, dy: ArrayView1<f32>, dx: ArrayViewMut1<f32>) {
    zipped(run, x, dy, dx, gelu_gradient_part);
}

/// `y = x σ(x)`.
pub fn silu(run: &impl Parallel, x: ArrayView1<f32>, y: ArrayViewMut1<f32>) {
    mapped(run, x, y, silu_part);
}

/// `dx = dy σ(x) (1 + x (1 − σ(x)))`.
pub fn silu_gradient(run: &impl Parallel, x: ArrayView1<f32>, dy: ArrayView1<f32>, dx: ArrayViewMut1<f32>) {
    zipped(run, x, dy, dx, silu_gradient_part);
}

/// `y = σ(x) = 1 / (1 + exp(−x))`.
pub fn sigmoid(run: &impl Parallel, x: ArrayView1<f32>, y: ArrayViewMut1<f32>) {
    mapped(run, x, y, sigmoid_part);
}

/// `dx = dy y (1 − y)`, from the output.
pub fn sigmoid_gradient(run: &impl Parallel, y: ArrayView1<f32>, dy: ArrayView1<f32>, dx: ArrayViewMut1<f32>) {
    zipped(run, y, dy, dx, sigmoid_gradient_part);
}

/// `y = tanh(x)`.
pub fn tanh(run: &impl Parallel, x: ArrayView1<f32>, y: ArrayViewMut1<f32>) {
    mapped(run, x, y, tanh_part);
}

/// `dx = dy (1 − y²)`, from the output.
pub fn tanh_gradient(run: &impl Parallel, y: ArrayView1<f32>, dy: ArrayView1<f32>, dx: ArrayViewMut1<f32>) {
    zipped(run, y, dy, dx, tanh_gradient_part);
}

/// `y = ln(1 + exp(x))`; its gradient is that of dy times [`sigmoid`].
pub fn softplus(run: &impl Parallel, x: ArrayView1<f32>, y: ArrayViewMut1<f32>) {
    mapped(run, x, y, softplus_part);
}

/// A lane loop for one activation: `y = f(x)`.
macro_rules! forward {
    ($part:ident, $body:ident, $fma:ident, |$x:ident| $f:expr) => {
        #[inline(always)]
        fn $body<const $fma: bool>(x: &[f32], y: &mut [f32]) {
            simd::map(x, y, |$x| $f);
        }
        multiversion!(fn $part = $body(x: &[f32], y: &mut [f32]));
    };
}

/// A lane loop for one gradient: `dx = f(x, dy)`.
macro_rules! gradient {
    ($part:ident, $body:ident, $fma:ident, |$x:ident, $dy:ident| $f:expr) => {
        #[inline(always)]
        fn $body<const $fma: bool>(x: &[f32], dy: &[f32], dx: &mut [f32]) {
            simd::zip(x, dy, dx, |$x, $dy| $f);
        }
        multiversion!(fn $part = $body(x: &[f32], dy: &[f32], dx: &mut [f32]));
    };
}

// A NaN stays a NaN: the comparison fails for it.
forward!(relu_part, relu_body, FMA, |x| if x <= 0.0 { 0.0 } else { x });
gradient!(relu_gradient_part, relu_gradient_body, FMA, |x, dy| if x > 0.0 { dy } else { 0.0 });
forward!(gelu_part, gelu_body, FMA, |x| x * math::normal::<FMA>(x).0);
gradient!(gelu_gradient_part, gelu_gradient_body, FMA, |x, dy| {
    let (function, density) = math::normal::<FMA>(x);
    dy * fma::<FMA>(x, density, function)
});
forward!(silu_part, silu_body, FMA, |x| x * math::sigmoid::<FMA>(x));
gradient!(silu_gradient_part, silu_gradient_body, FMA, |x, dy| {
    let s = math::sigmoid::<FMA>(x);
    dy * s * fma::<FMA>(x, 1.0 - s, 1.0)
});
forward!(sigmoid_part, sigmoid_body, FMA, |x| math::sigmoid::<FMA>(x));
gradient!(sigmoid_gradient_part, sigmoid_gradient_body, FMA, |y, dy| dy * y * (1.0 - y));
forward!(tanh_part, tanh_body, FMA, |x| math::tanh::<FMA>(x));
gradient!(tanh_gradient_part, tanh_gradient_body, FMA, |y, dy| dy * fma::<FMA>(-y, y, 1.0));
forward!(softplus_part, softplus_body, FMA, |x| {
    let e = math::exp::<FMA>(-x.abs());
    let sum = 1.0 + e;
    // What the sum lost of e is made up for: ln(1 + e) = e · ln(s) / (s − 1), nearly, for the s next to it.
    let log = if sum == 1.0 { e } else { e * (math::ln::<FMA>(sum) / (sum - 1.0)) };
    if x > 0.0 { x + log } else { log }
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{LENGTHS, TwoThreads, bits, close, differences, sets, values, wide};
    use crate::simd::Instructions;
    use crate::views::testing::{vector, vector_mut};

    type Formula = fn(f64) -> f64;
    type Forward = fn(Instructions, &[f32], &mut [f32]);
    type Gradient = fn(Instructions, &[f32], &[f32], &mut [f32]);

    /// Φ by its Taylor series about 0: ½ + φ(x) (x + x³/3 + x⁵/15 + …).
    fn normal_function(x: f64) -> f64 {
        let (mut term, mut sum) = (x, 0.0);
        for n in 0..120 {
            sum += term;
            term *= x * x / f64::from(2 * n + 3);
        }
        0.5 + sum * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
    }

    /// (formula, forward, gradient, whether the gradient reads the output)
    fn all() -> Vec<(Formula, Forward, Gradient, bool)> {
        let logistic: Formula = |x| 1.0 / (1.0 + (-x).exp());
        vec![
            (|x| x.max(0.0), relu_part::on, relu_gradient_part::on, false),
            (|x| x * normal_function(x), gelu_part::on, gelu_gradient_part::on, false),
            (|x| x / (1.0 + (-x).exp()), silu_part::on, silu_gradient_part::on, false),
            (logistic, sigmoid_part::on, sigmoid_gradient_part::on, true),
            (f64::tanh, tanh_part::on, tanh_gradient_part::on, true),
        ]
    }

    #[test]
    fn every_set_is_the_formula_and_its_derivative() {
        for &n in LENGTHS {
            let x: Vec<f32> = values(1, n).iter().map(|x| 5.0 * x).collect();
            let dy = values(2, n);
            for (formula, forward, gradient, from_output) in all() {
                let each = |x: &[f64]| x.iter().map(|&x| formula(x)).collect::<Vec<_>>();
                let expected = differences(&wide(&x), &wide(&dy), each);
                for &set in sets() {
                    let (mut y, mut dx) = (vec![f32::NAN; n], vec![f32::NAN; n]);
                    forward(set, &x, &mut y);
                    close(&y, &each(&wide(&x)), 1e-6);
                    gradient(set, if from_output { &y } else { &x }, &dy, &mut dx);
                    close(&dx, &expected, 2e-6);
                }
            }
        }
    }

    #[test]
    fn an_element_has_the_same_bits_anywhere() {
        let x = values(3, 37);
        for (_, forward, gradient, _) in all() {
            for &set in sets() {
                let (mut y, mut dx) = (vec![0.0; 37], vec![0.0; 37]);
                forward(set, &x, &mut y);
                gradient(set, &x, &x, &mut dx);
                for i in 0..37 {
                    let (mut one, mut gradient_one) = ([0.0], [0.0]);
                    forward(set, &x[i..=i], &mut one);
                    gradient(set, &x[i..=i], &x[i..=i], &mut gradient_one);
                    assert_eq!([one[0].to_bits(), gradient_one[0].to_bits()], [y[i].to_bits(), dx[i].to_bits()]);
                }
            }
        }
    }

    #[test]
    fn known_values() {
        let x = [-1.0, 0.0, 1.0, 40.0, -40.0];
        let mut y = [f32::NAN; 5];
        gelu(&Serial, vector(&x), vector_mut(&mut y)); // Φ(1) = 0.8413447
        close(&y, &[-0.158_655_3, 0.0, 0.841_344_7, 40.0, 0.0], 2e-7);
        silu(&Serial, vector(&x), vector_mut(&mut y)); // σ(1) = 0.7310586
        close(&y, &[-0.268_941_4, 0.0, 0.731_058_6, 40.0, 0.0], 2e-7);
        relu(&Serial, vector(&[f32::NAN, -1.0, 2.0]), vector_mut(&mut y[..3]));
        assert!(y[0].is_nan() && y[1..3] == [0.0, 2.0]);
    }

    #[test]
    fn softplus_is_accurate_in_both_tails() {
        for &set in sets() {
            let x: Vec<f32> = (-400..=400).map(|i| i as f32 / 5.0).collect();
            let mut y = vec![f32::NAN; x.len()];
            softplus_part::on(set, &x, &mut y);
            for (&x, &y) in x.iter().zip(&y) {
                let truth = f64::from(x).exp().ln_1p();
                assert!((f64::from(y) / truth - 1.0).abs() < 1e-6, "softplus({x}) = {y}, not {truth}");
            }
        }
        let mut y = [0.0f32; 3];
        softplus(&Serial, vector(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]), vector_mut(&mut y));
        assert!(y[0].is_nan() && y[1..] == [f32::INFINITY, 0.0]);
    }

    #[test]
    fn blocks_may_run_in_any_order() {
        let n = if cfg!(miri) { 20 } else { 40_000 };
        let (x, dy) = (values(1, n), values(2, n));
        let both = |f: &dyn Fn(&mut [f32], &mut [f32])| {
            let (mut a, mut b) = (vec![f32::NAN; n], vec![f32::NAN; n]);
            f(&mut a, &mut b);
            assert_eq!(bits(&a), bits(&b));
        };
        both(&|a, b| (gelu(&Serial, vector(&x), vector_mut(a)), gelu(&TwoThreads, vector(&x), vector_mut(b))).1);
        both(&|a, b| {
            (
                gelu_gradient(&Serial, vector(&x), vector(&dy), vector_mut(a)),
                gelu_gradient(&TwoThreads, vector(&x), vector(&dy), vector_mut(b)),
            )
                .1
        });
        both(&|a, b| (tanh(&Serial, vector(&x), vector_mut(a)), tanh(&TwoThreads, vector(&x), vector_mut(b))).1);
        both(&|a, b| {
            (
                silu_gradient(&Serial, vector(&x), vector(&dy), vector_mut(a)),
                silu_gradient(&TwoThreads, vector(&x), vector(&dy), vector_mut(b)),
            )
                .1
        });
    }
}
