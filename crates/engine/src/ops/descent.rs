//! Optimisers of one line, in place.

use foci_kernels::descent::{self as kernel, Descent};
use foci_kernels::table::RowsById;

use super::prelude::*;
use super::tables::rows_by_ids;

pub fn sgd(arena: &mut Arena, parameter: u32, gradient: u32, rate: f64, decay: f64, clip: f64) -> Result<()> {
    arena.variable_named("parameter", parameter)?.same(&arena.f32("gradient", gradient)?)?;
    let [parameter, gradient] = arena.lend([parameter, gradient])?;
    let by = Descent::new(rate, decay, clip, 0.0);
    kernel::sgd(&Pool, parameter.f32_view1_mut(), gradient.f32_view("gradient")?.flat(), &by);
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
    check_rows(arena, parameter, rows, ids)?;
    let [parameter, rows, ids] = arena.lend([parameter, rows, ids])?;
    let by_id = RowsById { rows: rows.f32_view("rows")?.view2()?, ids: ids.i32_view("ids")?.view1()? };
    kernel::sgd_rows(&Pool, parameter.f32_view2_mut(), by_id, &Descent::new(rate, decay, clip, 0.0));
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
    let (parameter, squares) = (parameter.f32_view1_mut(), squares.f32_view1_mut());
    let by = Descent::new(rate, decay, clip, epsilon);
    kernel::adagrad(&Pool, parameter, squares, gradient.f32_view("gradient")?.flat(), &by);
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
    check_rows(arena, parameter, rows, ids)?;
    arena.variable_named("parameter", parameter)?.same(&arena.variable_named("squares", squares)?)?;
    let [parameter, squares, rows, ids] = arena.lend([parameter, squares, rows, ids])?;
    let by_id = RowsById { rows: rows.f32_view("rows")?.view2()?, ids: ids.i32_view("ids")?.view1()? };
    let by = Descent::new(rate, decay, clip, epsilon);
    kernel::adagrad_rows(&Pool, parameter.f32_view2_mut(), squares.f32_view2_mut(), by_id, &by);
    Ok(())
}

/// Checks the gradient of some rows of a variable.
fn check_rows(arena: &Arena, parameter: u32, rows: u32, ids: u32) -> Result<()> {
    let variable = arena.variable_named("parameter", parameter)?;
    let (gradient, at) = (arena.f32("rows", rows)?, arena.i32("ids", ids)?);
    let ((count, _), by_id) = (variable.matrix()?, rows_by_ids(&gradient, &at)?);
    variable.expect(&[count, by_id.rows.ncols()], "as wide as rows")?;
    ids_within(&at, count, "parameter")?;
    ids_ascend(&at)
}
