//! What changes variables in place, and what is asked of gradients before.

use foci_kernels::adam::{self as kernel, Adam};
use foci_kernels::reduce;

use super::prelude::*;
use super::tables::rows_by_ids;

pub fn squared_norm(arena: &Arena, x: u32) -> Result<f64> {
    Ok(reduce::squared_norm(arena.f32("x", x)?.values))
}

pub fn finite(arena: &Arena, x: u32) -> Result<f64> {
    Ok(f64::from(u8::from(reduce::all_finite(&Pool, arena.f32("x", x)?.values))))
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
    let gradient = gradient.f32().unwrap_or_default();
    kernel::adam(&Pool, parameter.f32_mut(), first.f32_mut(), second.f32_mut(), gradient, &settings);
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
    let ((count, width), columns) = (variable.matrix()?, rows_by_ids(&gradient, &at)?);
    variable.expect(&[count, columns], "as wide as rows")?;
    ids_within(&at, count, "parameter")?;
    ids_ascend(&at)?;
    let [parameter, first, second, rows, ids] = arena.lend([parameter, first, second, rows, ids])?;
    let (rows, ids) = (rows.f32().unwrap_or_default(), ids.i32().unwrap_or_default());
    if width > 0 {
        let (parameter, first, second) = (parameter.f32_mut(), first.f32_mut(), second.f32_mut());
        kernel::adam_rows(&Pool, parameter, first, second, rows, ids, width, &settings);
    }
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
