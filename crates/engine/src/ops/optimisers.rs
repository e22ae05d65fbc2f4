//! What changes variables in place, and what is asked of gradients before.

use foci_kernels::adam::{self as kernel, Adam, Variable};
use foci_kernels::reduce;
use foci_kernels::table::RowsById;

use super::prelude::*;
use super::tables::rows_by_ids;

pub fn squared_norm(arena: &Arena, x: u32) -> Result<f64> {
    Ok(reduce::squared_norm(arena.f32("x", x)?.flat()))
}

pub fn finite(arena: &Arena, x: u32) -> Result<f64> {
    Ok(f64::from(u8::from(reduce::all_finite(&Pool, arena.f32("x", x)?.flat()))))
}

pub fn adam(
    arena: &mut Arena,
    parameter: u32,
    first: u32,
    second: u32,
    gradient: u32,
    rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    decay: f64,
    step: f64,
    clip: f64,
) -> Result<()> {
    let settings = Adam { rate, beta1, beta2, epsilon, decay, step: from_one(step)?, clip };
    let variable = moments(arena, parameter, first, second)?;
    variable.same(&arena.f32("gradient", gradient)?)?;
    let [parameter, first, second, gradient] = arena.lend([parameter, first, second, gradient])?;
    let [parameter, first, second] = [parameter, first, second].map(Tensor::f32_view1_mut);
    let gradient = gradient.f32_view("gradient")?.flat();
    kernel::adam(&Pool, Variable { parameter, first, second }, gradient, &settings);
    Ok(())
}

pub fn adam_rows(
    arena: &mut Arena,
    parameter: u32,
    first: u32,
    second: u32,
    rows: u32,
    ids: u32,
    rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    decay: f64,
    step: f64,
    clip: f64,
) -> Result<()> {
    let settings = Adam { rate, beta1, beta2, epsilon, decay, step: from_one(step)?, clip };
    let variable = moments(arena, parameter, first, second)?;
    let (gradient, at) = (arena.f32("rows", rows)?, arena.i32("ids", ids)?);
    let ((count, _), by_id) = (variable.matrix()?, rows_by_ids(&gradient, &at)?);
    variable.expect(&[count, by_id.rows.ncols()], "as wide as rows")?;
    ids_within(&at, count, "parameter")?;
    ids_ascend(&at)?;
    let [parameter, first, second, rows, ids] = arena.lend([parameter, first, second, rows, ids])?;
    let [parameter, first, second] = [parameter, first, second].map(Tensor::f32_view2_mut);
    let by_id = RowsById { rows: rows.f32_view("rows")?.view2()?, ids: ids.i32_view("ids")?.view1()? };
    kernel::adam_rows(&Pool, Variable { parameter, first, second }, by_id, &settings);
    Ok(())
}

/// A parameter and its moments: variables of one shape.
fn moments(arena: &Arena, parameter: u32, first: u32, second: u32) -> Result<View<'_, f32>> {
    let parameter = arena.variable_named("parameter", parameter)?;
    parameter.same(&arena.variable_named("first", first)?)?;
    parameter.same(&arena.variable_named("second", second)?)?;
    Ok(parameter)
}

/// Steps count from 1: the corrections divide by 1 − βˢ.
fn from_one(step: f64) -> Result<f64> {
    if step >= 1.0 && step.fract() == 0.0 {
        return Ok(step);
    }
    Err(Fault::range(format!("step is {step}; steps are whole and count from 1")))
}
