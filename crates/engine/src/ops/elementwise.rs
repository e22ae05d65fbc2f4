//! Operations on elements of one position.

use foci_kernels::dropout::Dropout;
use foci_kernels::{activation, dropout as kernel, elementwise};
use ndarray::{ArrayView1, ArrayViewMut1};

use super::prelude::*;

pub fn add(arena: &Arena, a: u32, b: u32) -> Result<Tensor> {
    binary(arena, ("a", a), ("b", b), elementwise::add)
}

pub fn subtract(arena: &Arena, a: u32, b: u32) -> Result<Tensor> {
    binary(arena, ("a", a), ("b", b), elementwise::subtract)
}

pub fn multiply(arena: &Arena, a: u32, b: u32) -> Result<Tensor> {
    binary(arena, ("a", a), ("b", b), elementwise::multiply)
}

pub fn scale(arena: &Arena, x: u32, factor: f64) -> Result<Tensor> {
    unary(arena, x, |run, x, y| elementwise::scale(run, x, factor as f32, y))
}

pub fn scale_by(arena: &Arena, x: u32, s: u32) -> Result<Tensor> {
    let s = arena.f32("s", s)?;
    s.expect(&[], "a scalar")?;
    scale(arena, x, f64::from(s.values[0]))
}

pub fn relu(arena: &Arena, x: u32) -> Result<Tensor> {
    unary(arena, x, activation::relu)
}

pub fn relu_gradient(arena: &Arena, x: u32, dy: u32) -> Result<Tensor> {
    binary(arena, ("x", x), ("dy", dy), activation::relu_gradient)
}

pub fn gelu(arena: &Arena, x: u32) -> Result<Tensor> {
    unary(arena, x, activation::gelu)
}

pub fn gelu_gradient(arena: &Arena, x: u32, dy: u32) -> Result<Tensor> {
    binary(arena, ("x", x), ("dy", dy), activation::gelu_gradient)
}

pub fn silu(arena: &Arena, x: u32) -> Result<Tensor> {
    unary(arena, x, activation::silu)
}

pub fn silu_gradient(arena: &Arena, x: u32, dy: u32) -> Result<Tensor> {
    binary(arena, ("x", x), ("dy", dy), activation::silu_gradient)
}

pub fn sigmoid(arena: &Arena, x: u32) -> Result<Tensor> {
    unary(arena, x, activation::sigmoid)
}

pub fn sigmoid_gradient(arena: &Arena, y: u32, dy: u32) -> Result<Tensor> {
    binary(arena, ("y", y), ("dy", dy), activation::sigmoid_gradient)
}

pub fn tanh(arena: &Arena, x: u32) -> Result<Tensor> {
    unary(arena, x, activation::tanh)
}

pub fn tanh_gradient(arena: &Arena, y: u32, dy: u32) -> Result<Tensor> {
    binary(arena, ("y", y), ("dy", dy), activation::tanh_gradient)
}

pub fn softplus(arena: &Arena, x: u32) -> Result<Tensor> {
    unary(arena, x, activation::softplus)
}

pub fn dropout(arena: &Arena, x: u32, rate: f64, seed: u32, draw: u32) -> Result<Tensor> {
    let key = Dropout { rate: drop_rate(rate)?, seed, draw };
    unary(arena, x, |run, x, y| kernel::dropout(run, x, &key, y))
}

fn unary(arena: &Arena, x: u32, kernel: impl Fn(&Pool, ArrayView1<f32>, ArrayViewMut1<f32>)) -> Result<Tensor> {
    let x = arena.f32("x", x)?;
    let mut y = arena.f32_result(x.shape)?;
    kernel(&Pool, x.flat(), y.f32_view1_mut());
    Ok(y)
}

/// Two tensors of one shape by their names in the operation.
fn binary(
    arena: &Arena,
    a: (&'static str, u32),
    b: (&'static str, u32),
    kernel: impl Fn(&Pool, ArrayView1<f32>, ArrayView1<f32>, ArrayViewMut1<f32>),
) -> Result<Tensor> {
    let (a, b) = (arena.f32(a.0, a.1)?, arena.f32(b.0, b.1)?);
    a.same(&b)?;
    let mut y = arena.f32_result(a.shape)?;
    kernel(&Pool, a.flat(), b.flat(), y.f32_view1_mut());
    Ok(y)
}
