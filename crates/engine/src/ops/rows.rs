//! Operations along the last axis: [..., D] seen as rows of width D. A width of 0 leaves nothing to compute.

use foci_kernels::{columns, layer_norm as norm, normalize as unit, reduce, row_products, softmax as soft};

use super::prelude::*;
use crate::shape::MAX_AXES;

pub fn add_row(arena: &Arena, x: u32, row: u32) -> Result<Tensor> {
    with_row(arena, x, row, reduce::add_row)
}

pub fn multiply_row(arena: &Arena, x: u32, row: u32) -> Result<Tensor> {
    with_row(arena, x, row, reduce::multiply_row)
}

/// x [..., D] and a row [D].
fn with_row(arena: &Arena, x: u32, row: u32, kernel: impl Fn(&Pool, &[f32], &[f32], &mut [f32])) -> Result<Tensor> {
    let (x, row) = (arena.f32("x", x)?, arena.f32("row", row)?);
    let (_, width) = x.rows()?;
    row.expect(&[width], "the width of x")?;
    let mut y = arena.f32_result(x.shape)?;
    if width > 0 {
        kernel(&Pool, x.values, row.values, y.f32_mut());
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

pub fn mean(arena: &Arena, x: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?;
    scalar(arena, reduce::mean(x.values))
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

pub fn row_dot(arena: &Arena, a: u32, b: u32) -> Result<Tensor> {
    let (a, b) = (arena.f32("a", a)?, arena.f32("b", b)?);
    a.same(&b)?;
    let (left, right) = (a.array2()?, b.array2()?);
    let mut y = arena.f32_result(Shape::of(&[left.nrows()])?)?;
    row_products::row_dot(&Pool, left, right, y.f32_mut());
    Ok(y)
}

pub fn scale_rows(arena: &Arena, x: u32, s: u32) -> Result<Tensor> {
    let (x, s) = (arena.f32("x", x)?, arena.f32("s", s)?);
    let rows = x.array2()?;
    s.expect(&[rows.nrows()], "a number for each row of x")?;
    let mut y = arena.f32_result(x.shape)?;
    row_products::scale_rows(&Pool, rows, s.values, y.f32_array2());
    Ok(y)
}

pub fn concat(arena: &Arena, a: u32, b: u32) -> Result<Tensor> {
    let (a, b) = (arena.f32("a", a)?, arena.f32("b", b)?);
    let (left, right) = (a.array2()?, b.array2()?);
    b.expect(&[left.nrows(), right.ncols()], "as many rows as a")?;
    let mut y = arena.f32_result(Shape::of(&[left.nrows(), left.ncols() + right.ncols()])?)?;
    columns::concat(&Pool, left, right, y.f32_array2());
    Ok(y)
}

pub fn narrow(arena: &Arena, x: u32, start: u32, length: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?.array2()?;
    let (start, length) = (counted("start", start)?, counted("length", length)?);
    columns_within(start, length, x.ncols())?;
    let mut y = arena.f32_result(Shape::of(&[x.nrows(), length])?)?;
    columns::narrow(&Pool, x, start, y.f32_array2());
    Ok(y)
}

pub fn narrow_gradient(arena: &Arena, dy: u32, start: u32, width: u32) -> Result<Tensor> {
    let dy = arena.f32("dy", dy)?.array2()?;
    let (start, width) = (counted("start", start)?, counted("width", width)?);
    columns_within(start, dy.ncols(), width)?;
    let mut dx = arena.f32_result(Shape::of(&[dy.nrows(), width])?)?;
    columns::narrow_gradient(&Pool, dy, start, dx.f32_array2());
    Ok(dx)
}

fn columns_within(start: usize, length: usize, width: usize) -> Result<()> {
    if start + length <= width {
        return Ok(());
    }
    Err(Fault::range(format!("{length} columns from {start} on are asked for, of {width}")))
}

pub fn reshape(arena: &Arena, x: u32, axes: u32, second: u32, third: u32, fourth: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?;
    if !(1..=MAX_AXES as u32).contains(&axes) {
        return Err(Fault::range(format!("axes is {}; 1 to {MAX_AXES} are possible", axes as i32)));
    }
    let mut extents = [0; MAX_AXES];
    for (extent, (name, value)) in
        extents[1..].iter_mut().zip([("second", second), ("third", third), ("fourth", fourth)])
    {
        *extent = counted(name, value)?;
    }
    let (count, inner) = (x.values.len(), extents[1..axes as usize].iter().copied().fold(1, usize::saturating_mul));
    if inner == 0 || !count.is_multiple_of(inner) {
        let rest = &extents[1..axes as usize];
        return Err(Fault::shape(format!(
            "the {count} elements of {x} are no [n, …] with {rest:?} for the other axes"
        )));
    }
    extents[0] = count / inner;
    let mut y = arena.f32_result(Shape::of(&extents[..axes as usize])?)?;
    y.f32_mut().copy_from_slice(x.values);
    Ok(y)
}

/// A number as a tensor [].
pub(super) fn scalar(arena: &Arena, value: f64) -> Result<Tensor> {
    let mut y = arena.f32_result(Shape::SCALAR)?;
    y.f32_mut()[0] = value as f32;
    Ok(y)
}
