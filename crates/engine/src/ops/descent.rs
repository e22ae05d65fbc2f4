//! Optimisers of one line, in place.

use foci_kernels::descent::{self as kernel, Descent};

use super::prelude::*;
use super::tables::rows_by_ids;

pub fn sgd(arena: &mut Arena, parameter: u32, gradient: u32, rate: f64, decay: f64, clip: f64) -> Result<()> {
    arena.variable_named("parameter", parameter)?.same(&arena.f32("gradient", gradient)?)?;
    let [parameter, gradient] = arena.lend([parameter, gradient])?;
    let by = Descent::new(rate, decay, clip, 0.0);
    kernel::sgd(&Pool, parameter.f32_mut(), gradient.f32().unwrap_or_default(), &by);
    Ok(())
}

pub fn sgd_rows(
    arena: &mut Arena,
    parameter: u32,
    rows: u32,
    ids: u32,
    rate: f64,
    decay: f64,
    clip: f64,
) -> Result<()> {
    let width = touched(arena, parameter, rows, ids)?;
    let [parameter, rows, ids] = arena.lend([parameter, rows, ids])?;
    let (rows, ids) = (rows.f32().unwrap_or_default(), ids.i32().unwrap_or_default());
    if width > 0 {
        kernel::sgd_rows(&Pool, parameter.f32_mut(), rows, ids, width, &Descent::new(rate, decay, clip, 0.0));
    }
    Ok(())
}

pub fn adagrad(
    arena: &mut Arena,
    parameter: u32,
    squares: u32,
    gradient: u32,
    rate: f64,
    epsilon: f64,
    decay: f64,
    clip: f64,
) -> Result<()> {
    let variable = arena.variable_named("parameter", parameter)?;
    variable.same(&arena.variable_named("squares", squares)?)?;
    variable.same(&arena.f32("gradient", gradient)?)?;
    let [parameter, squares, gradient] = arena.lend([parameter, squares, gradient])?;
    let by = Descent::new(rate, decay, clip, epsilon);
    kernel::adagrad(&Pool, parameter.f32_mut(), squares.f32_mut(), gradient.f32().unwrap_or_default(), &by);
    Ok(())
}

pub fn adagrad_rows(
    arena: &mut Arena,
    parameter: u32,
    squares: u32,
    rows: u32,
    ids: u32,
    rate: f64,
    epsilon: f64,
    decay: f64,
    clip: f64,
) -> Result<()> {
    let width = touched(arena, parameter, rows, ids)?;
    arena.variable_named("parameter", parameter)?.same(&arena.variable_named("squares", squares)?)?;
    let [parameter, squares, rows, ids] = arena.lend([parameter, squares, rows, ids])?;
    let (rows, ids) = (rows.f32().unwrap_or_default(), ids.i32().unwrap_or_default());
    if width > 0 {
        let by = Descent::new(rate, decay, clip, epsilon);
        kernel::adagrad_rows(&Pool, parameter.f32_mut(), squares.f32_mut(), rows, ids, width, &by);
    }
    Ok(())
}

/// Checks the gradient of some rows of a variable, and gives their width.
fn touched(arena: &Arena, parameter: u32, rows: u32, ids: u32) -> Result<usize> {
    let variable = arena.variable_named("parameter", parameter)?;
    let (gradient, at) = (arena.f32("rows", rows)?, arena.i32("ids", ids)?);
    let ((count, width), columns) = (variable.matrix()?, rows_by_ids(&gradient, &at)?);
    variable.expect(&[count, columns], "as wide as rows")?;
    ids_within(&at, count, "parameter")?;
    ids_ascend(&at)?;
    Ok(width)
}
