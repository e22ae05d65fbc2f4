//! Activations and their gradients, elementwise.

use crate::multiversion;
use crate::elementwise::{mapped, zipped};
use crate::parallel::Parallel;
use crate::simd::{self, fma, math};

/// `y = max(x, 0)`.
pub fn relu(run: &impl Parallel, x: &[f32], y: &mut [f32]) {
    mapped(run, x, y, relu_part);
}

/// `dx = dy` where `x > 0`, else 0.
pub fn relu_gradient(run: &impl Parallel, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    zipped(run, x, dy, dx, relu_gradient_part);
}

/// `y = x Φ(x)`, the exact form.
pub fn gelu(run: &impl Parallel, x: &[f32], y: &mut [f32]) {
    mapped(run, x, y, gelu_part);
}

/// `dx = dy (Φ(x) + x φ(x))`.
pub fn gelu_gradient(run: &impl Parallel, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    zipped(run, x, dy, dx, gelu_gradient_part);
}

/// `y = x σ(x)`.
pub fn silu(run: &impl Parallel, x: &[f32], y: &mut [f32]) {
    mapped(run, x, y, silu_part);
}

/// `dx = dy σ(x) (1 + x (1 − σ(x)))`.
pub fn silu_gradient(run: &impl Parallel, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    zipped(run, x, dy, dx, silu_gradient_part);
}

/// `y = σ(x) = 1 / (1 + exp(−x))`.
pub fn sigmoid(run: &impl Parallel, x: &[f32], y: &mut [f32]) {
    mapped(run, x, y, sigmoid_part);
}

/// `dx = dy y (1 − y)`, from the output.
pub fn sigmoid_gradient(run: &impl Parallel, y: &[f32], dy: &[f32], dx: &mut [f32]) {
    zipped(run, y, dy, dx, sigmoid_gradient_part);
}

/// `y = tanh(x)`.
pub fn tanh(run: &impl Parallel, x: &[f32], y: &mut [f32]) {
    mapped(run, x, y, tanh_part);
}

/// `dx = dy (1 − y²)`, from the output.
pub fn tanh_gradient(run: &impl Parallel, y: &[f32], dy: &[f32], dx: &mut [f32]) {
    zipped(run, y, dy, dx, tanh_gradient_part);
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
