//! Operations along the last axis: [..., D] seen as rows of width D. A width of 0 leaves nothing to compute.

use foci_kernels::{layer_norm as norm, normalize as unit, reduce, softmax as soft};

use super::prelude::*;

pub fn add_row(arena: &Arena, x: u32, row: u32) -> Result<Tensor> {
    let (x, row) = (arena.f32("x", x)?, arena.f32("row", row)?);
    let (_, width) = x.rows()?;
    row.expect(&[width], "the width of x")?;
    let mut y = arena.f32_result(x.shape)?;
    if width > 0 {
        reduce::add_row(&Pool, x.values, row.values, y.f32_mut());
    }
    Ok(y)
}

pub fn sum_rows(arena: &Arena, x: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?;
    let (rows, width) = x.rows()?;
    let mut y = arena.f32_result(Shape::of(&[width])?)?;
    if width > 0 {
        arena.with_scratch(reduce::sum_rows_scratch(rows, width), |scratch| {
            reduce::sum_rows(&Pool, x.values, width, y.f32_mut(), scratch);
        })?;
    }
    Ok(y)
}

pub fn sum(arena: &Arena, x: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?;
    scalar(arena, reduce::sum(x.values))
}

pub fn softmax(arena: &Arena, x: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?;
    let (_, width) = x.rows()?;
    let mut y = arena.f32_result(x.shape)?;
    if width > 0 {
        soft::softmax(&Pool, x.values, width, y.f32_mut());
    }
    Ok(y)
}

pub fn softmax_gradient(arena: &Arena, y: u32, dy: u32) -> Result<Tensor> {
    let (y, dy) = (arena.f32("y", y)?, arena.f32("dy", dy)?);
    y.same(&dy)?;
    let (_, width) = y.rows()?;
    let mut dx = arena.f32_result(y.shape)?;
    if width > 0 {
        soft::softmax_gradient(&Pool, y.values, dy.values, width, dx.f32_mut());
    }
    Ok(dx)
}

pub fn layer_norm(arena: &Arena, x: u32, gain: u32, bias: u32, epsilon: f64) -> Result<Tensor> {
    let (x, gain, bias) = (arena.f32("x", x)?, arena.f32("gain", gain)?, arena.f32("bias", bias)?);
    let (_, width) = x.rows()?;
    gain.expect(&[width], "the width of x")?;
    bias.expect(&[width], "the width of x")?;
    let mut y = arena.f32_result(x.shape)?;
    if width > 0 {
        norm::layer_norm(&Pool, x.values, gain.values, bias.values, epsilon as f32, y.f32_mut());
    }
    Ok(y)
}

pub fn layer_norm_gradient(arena: &Arena, x: u32, gain: u32, dy: u32, epsilon: f64) -> Result<[Tensor; 3]> {
    let (x, gain, dy) = (arena.f32("x", x)?, arena.f32("gain", gain)?, arena.f32("dy", dy)?);
    let (rows, width) = x.rows()?;
    gain.expect(&[width], "the width of x")?;
    x.same(&dy)?;
    let (mut dx, mut dgain, mut dbias) =
        (arena.f32_result(x.shape)?, arena.f32_result(gain.shape)?, arena.f32_result(gain.shape)?);
    if width > 0 {
        arena.with_scratch(norm::layer_norm_gradient_scratch(rows, width), |scratch| {
            let (dx, dgain, dbias) = (dx.f32_mut(), dgain.f32_mut(), dbias.f32_mut());
            norm::layer_norm_gradient(
                &Pool,
                x.values,
                gain.values,
                dy.values,
                epsilon as f32,
                dx,
                dgain,
                dbias,
                scratch,
            );
        })?;
    }
    Ok([dx, dgain, dbias])
}

pub fn normalize(arena: &Arena, x: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?;
    let (_, width) = x.rows()?;
    let mut y = arena.f32_result(x.shape)?;
    if width > 0 {
        unit::normalize(&Pool, x.values, width, y.f32_mut());
    }
    Ok(y)
}

pub fn normalize_gradient(arena: &Arena, x: u32, dy: u32) -> Result<Tensor> {
    let (x, dy) = (arena.f32("x", x)?, arena.f32("dy", dy)?);
    x.same(&dy)?;
    let (_, width) = x.rows()?;
    let mut dx = arena.f32_result(x.shape)?;
    if width > 0 {
        unit::normalize_gradient(&Pool, x.values, dy.values, width, dx.f32_mut());
    }
    Ok(dx)
}

/// A number as a tensor [].
pub(super) fn scalar(arena: &Arena, value: f64) -> Result<Tensor> {
    let mut y = arena.f32_result(Shape::SCALAR)?;
    y.f32_mut()[0] = value as f32;
    Ok(y)
}
