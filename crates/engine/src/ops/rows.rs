//! Operations along the last axis: [..., D] seen as rows [n, D].

use foci_kernels::dice::{self as adaptive, Dice};
use foci_kernels::{columns, layer_norm as norm, normalize as unit, reduce, row_products, softmax as soft};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use super::prelude::*;
use crate::shape::MAX_AXES;

pub fn add_row(arena: &Arena, x: u32, row: u32) -> Result<Tensor> {
    with_row(arena, x, row, reduce::add_row)
}

pub fn multiply_row(arena: &Arena, x: u32, row: u32) -> Result<Tensor> {
    with_row(arena, x, row, reduce::multiply_row)
}

/// x [..., D] and a row [D].
fn with_row(
    arena: &Arena,
    x: u32,
    row: u32,
    kernel: impl Fn(&Pool, ArrayView2<f32>, ArrayView1<f32>, ArrayViewMut2<f32>),
) -> Result<Tensor> {
    let (x, row) = (arena.f32("x", x)?, arena.f32("row", row)?);
    let rows = x.view_rows()?; // [n, D]
    row.expect(&[rows.ncols()], "the width of x")?;
    let mut y = arena.f32_result(x.shape)?;
    kernel(&Pool, rows, row.view1()?, y.f32_view2_mut());
    Ok(y)
}

pub fn sum_rows(arena: &Arena, x: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?.view_rows()?; // [n, D]
    let mut y = arena.f32_result(Shape::of(&[x.ncols()])?)?;
    arena.with_scratch(reduce::sum_rows_scratch(x.nrows(), x.ncols()), |scratch| {
        reduce::sum_rows(&Pool, x, y.f32_view1_mut(), scratch);
    })?;
    Ok(y)
}

pub fn sum(arena: &Arena, x: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?;
    scalar(arena, reduce::sum(x.flat()))
}

pub fn mean(arena: &Arena, x: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?;
    scalar(arena, reduce::mean(x.flat()))
}

pub fn softmax(arena: &Arena, x: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?;
    let rows = x.view_rows()?; // [n, D]
    let mut y = arena.f32_result(x.shape)?;
    soft::softmax(&Pool, rows, y.f32_view2_mut());
    Ok(y)
}

pub fn softmax_gradient(arena: &Arena, y: u32, dy: u32) -> Result<Tensor> {
    let (y, dy) = (arena.f32("y", y)?, arena.f32("dy", dy)?);
    y.same(&dy)?;
    let (rows, upstream) = (y.view_rows()?, dy.view_rows()?); // [n, D]
    let mut dx = arena.f32_result(y.shape)?;
    soft::softmax_gradient(&Pool, rows, upstream, dx.f32_view2_mut());
    Ok(dx)
}

pub fn layer_norm(arena: &Arena, x: u32, gain: u32, bias: u32, epsilon: f64) -> Result<Tensor> {
    let (x, gain, bias) = (arena.f32("x", x)?, arena.f32("gain", gain)?, arena.f32("bias", bias)?);
    let rows = x.view_rows()?; // [n, D]
    gain.expect(&[rows.ncols()], "the width of x")?;
    bias.expect(&[rows.ncols()], "the width of x")?;
    let mut y = arena.f32_result(x.shape)?;
    norm::layer_norm(&Pool, rows, gain.view1()?, bias.view1()?, epsilon as f32, y.f32_view2_mut());
    Ok(y)
}

pub fn layer_norm_gradient(arena: &Arena, x: u32, gain: u32, dy: u32, epsilon: f64) -> Result<[Tensor; 3]> {
    let (x, gain, dy) = (arena.f32("x", x)?, arena.f32("gain", gain)?, arena.f32("dy", dy)?);
    let rows = x.view_rows()?; // [n, D]
    gain.expect(&[rows.ncols()], "the width of x")?;
    x.same(&dy)?;
    let (by, upstream) = (gain.view1()?, dy.view_rows()?);
    let (mut dx, mut dgain, mut dbias) =
        (arena.f32_result(x.shape)?, arena.f32_result(gain.shape)?, arena.f32_result(gain.shape)?);
    let out = norm::Gradients { dx: dx.f32_view2_mut(), dgain: dgain.f32_view1_mut(), dbias: dbias.f32_view1_mut() };
    arena.with_scratch(norm::layer_norm_gradient_scratch(rows.nrows(), rows.ncols()), |scratch| {
        norm::layer_norm_gradient(&Pool, rows, by, upstream, epsilon as f32, out, scratch);
    })?;
    Ok([dx, dgain, dbias])
}

pub fn dice(arena: &Arena, x: u32, alpha: u32, mean: u32, variance: u32, epsilon: f64) -> Result<Tensor> {
    let x = arena.f32("x", x)?;
    let rows = x.view_rows()?; // [n, D]
    let by = dice_of(arena, rows.ncols(), [alpha, mean, variance], epsilon)?;
    let mut y = arena.f32_result(x.shape)?;
    arena.with_scratch(adaptive::dice_scratch(rows.ncols()), |scratch| {
        adaptive::dice(&Pool, rows, by, y.f32_view2_mut(), scratch);
    })?;
    Ok(y)
}

pub fn dice_gradient(
    arena: &Arena,
    x: u32,
    alpha: u32,
    mean: u32,
    variance: u32,
    dy: u32,
    epsilon: f64,
) -> Result<[Tensor; 4]> {
    let (x, dy) = (arena.f32("x", x)?, arena.f32("dy", dy)?);
    x.same(&dy)?;
    let (rows, upstream) = (x.view_rows()?, dy.view_rows()?); // [n, D]
    let by = dice_of(arena, rows.ncols(), [alpha, mean, variance], epsilon)?;
    let mut dx = arena.f32_result(x.shape)?;
    let column = || arena.f32_result(Shape::of(&[rows.ncols()])?);
    let (mut dalpha, mut dmean, mut dvariance) = (column()?, column()?, column()?);
    let out = adaptive::Gradients {
        dx: dx.f32_view2_mut(),
        dalpha: dalpha.f32_view1_mut(),
        dmean: dmean.f32_view1_mut(),
        dvariance: dvariance.f32_view1_mut(),
    };
    arena.with_scratch(adaptive::dice_gradient_scratch(rows.nrows(), rows.ncols()), |scratch| {
        adaptive::dice_gradient(&Pool, rows, by, upstream, out, scratch);
    })?;
    Ok([dx, dalpha, dmean, dvariance])
}

/// Alpha, mean and variance of `width` columns.
fn dice_of(arena: &Arena, width: usize, columns: [u32; 3], epsilon: f64) -> Result<Dice<'_>> {
    let [alpha, mean, variance] = columns;
    let column = |name, id| {
        let column = arena.f32(name, id)?;
        column.expect(&[width], "the width of x")?;
        column.view1()
    };
    let (alpha, mean, variance) = (column("alpha", alpha)?, column("mean", mean)?, column("variance", variance)?);
    Ok(Dice { alpha, mean, variance, epsilon: epsilon as f32 })
}

pub fn normalize(arena: &Arena, x: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?;
    let rows = x.view_rows()?; // [n, D]
    let mut y = arena.f32_result(x.shape)?;
    unit::normalize(&Pool, rows, y.f32_view2_mut());
    Ok(y)
}

pub fn normalize_gradient(arena: &Arena, x: u32, dy: u32) -> Result<Tensor> {
    let (x, dy) = (arena.f32("x", x)?, arena.f32("dy", dy)?);
    x.same(&dy)?;
    let (rows, upstream) = (x.view_rows()?, dy.view_rows()?); // [n, D]
    let mut dx = arena.f32_result(x.shape)?;
    unit::normalize_gradient(&Pool, rows, upstream, dx.f32_view2_mut());
    Ok(dx)
}

pub fn row_dot(arena: &Arena, a: u32, b: u32) -> Result<Tensor> {
    let (a, b) = (arena.f32("a", a)?, arena.f32("b", b)?);
    a.same(&b)?;
    let (left, right) = (a.view2()?, b.view2()?);
    let mut y = arena.f32_result(Shape::of(&[left.nrows()])?)?;
    row_products::row_dot(&Pool, left, right, y.f32_view1_mut());
    Ok(y)
}

pub fn scale_rows(arena: &Arena, x: u32, s: u32) -> Result<Tensor> {
    let (x, s) = (arena.f32("x", x)?, arena.f32("s", s)?);
    let rows = x.view2()?;
    s.expect(&[rows.nrows()], "a number for each row of x")?;
    let mut y = arena.f32_result(x.shape)?;
    row_products::scale_rows(&Pool, rows, s.view1()?, y.f32_view2_mut());
    Ok(y)
}

pub fn concat(arena: &Arena, a: u32, b: u32) -> Result<Tensor> {
    let (a, b) = (arena.f32("a", a)?, arena.f32("b", b)?);
    let (left, right) = (a.view2()?, b.view2()?);
    b.expect(&[left.nrows(), right.ncols()], "as many rows as a")?;
    let mut y = arena.f32_result(Shape::of(&[left.nrows(), left.ncols() + right.ncols()])?)?;
    columns::concat(&Pool, left, right, y.f32_view2_mut());
    Ok(y)
}

pub fn narrow(arena: &Arena, x: u32, start: u32, length: u32) -> Result<Tensor> {
    let x = arena.f32("x", x)?.view2()?;
    let (start, length) = (counted("start", start)?, counted("length", length)?);
    columns_within(start, length, x.ncols())?;
    let mut y = arena.f32_result(Shape::of(&[x.nrows(), length])?)?;
    columns::narrow(&Pool, x, start, y.f32_view2_mut());
    Ok(y)
}

pub fn narrow_gradient(arena: &Arena, dy: u32, start: u32, width: u32) -> Result<Tensor> {
    let dy = arena.f32("dy", dy)?.view2()?;
    let (start, width) = (counted("start", start)?, counted("width", width)?);
    columns_within(start, dy.ncols(), width)?;
    let mut dx = arena.f32_result(Shape::of(&[dy.nrows(), width])?)?;
    columns::narrow_gradient(&Pool, dy, start, dx.f32_view2_mut());
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
