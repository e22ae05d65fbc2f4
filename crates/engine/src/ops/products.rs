//! Products of matrices.

use foci_kernels::product::{self, Linear, Then};

use super::prelude::*;

pub fn linear(arena: &Arena, x: u32, w: u32, bias: u32) -> Result<Tensor> {
    product_then(arena, x, w, bias, Then::Stay)
}

pub fn linear_relu(arena: &Arena, x: u32, w: u32, bias: u32) -> Result<Tensor> {
    product_then(arena, x, w, bias, Then::Relu)
}

pub fn linear_onto(arena: &Arena, onto: u32, x: u32, w: u32, bias: u32) -> Result<Tensor> {
    let onto = arena.f32("onto", onto)?;
    let (rows, outer) = (arena.f32("x", x)?.matrix()?.0, arena.f32("w", w)?.matrix()?.1);
    onto.expect(&[rows, outer], "the shape of x · w")?;
    product_then(arena, x, w, bias, Then::Onto(onto.view2()?))
}

fn product_then<'a>(arena: &'a Arena, x: u32, w: u32, bias: u32, then: Then<'a>) -> Result<Tensor> {
    let (x, w) = (arena.f32("x", x)?, arena.f32("w", w)?);
    let ((rows, inner), (_, outer)) = (x.matrix()?, w.matrix()?);
    w.expect(&[inner, outer], "as many rows as x has columns")?;
    let bias = if bias == 0 { None } else { Some(arena.f32("bias", bias)?) };
    if let Some(bias) = &bias {
        bias.expect(&[outer], "the columns of w")?;
    }
    let operands = Linear { x: x.view2()?, w: w.view2()?, bias: bias.map(|bias| bias.flat()), then };
    let mut y = arena.f32_result(Shape::of(&[rows, outer])?)?;
    arena.with_scratch(product::linear_scratch(rows, inner, outer), |scratch| {
        product::linear(&Pool, operands, y.f32_view2_mut(), scratch);
    })?;
    Ok(y)
}

pub fn linear_input_gradient(arena: &Arena, dy: u32, w: u32) -> Result<Tensor> {
    let (dy, w) = (arena.f32("dy", dy)?, arena.f32("w", w)?);
    let ((rows, outer), (inner, _)) = (dy.matrix()?, w.matrix()?);
    w.expect(&[inner, outer], "as many columns as dy")?;
    let (upstream, by) = (dy.view2()?, w.view2()?);
    let mut dx = arena.f32_result(Shape::of(&[rows, inner])?)?;
    arena.with_scratch(product::linear_input_gradient_scratch(rows, inner, outer), |scratch| {
        product::linear_input_gradient(&Pool, upstream, by, dx.f32_view2_mut(), scratch);
    })?;
    Ok(dx)
}

pub fn linear_weight_gradient(arena: &Arena, x: u32, dy: u32) -> Result<Tensor> {
    let (x, dy) = (arena.f32("x", x)?, arena.f32("dy", dy)?);
    let ((rows, inner), (_, outer)) = (x.matrix()?, dy.matrix()?);
    dy.expect(&[rows, outer], "as many rows as x")?;
    let (x, dy) = (x.view2()?, dy.view2()?);
    let mut dw = arena.f32_result(Shape::of(&[inner, outer])?)?;
    arena.with_scratch(product::linear_weight_gradient_scratch(rows, inner, outer), |scratch| {
        product::linear_weight_gradient(&Pool, x, dy, dw.f32_view2_mut(), scratch);
    })?;
    Ok(dw)
}

pub fn inner(arena: &Arena, a: u32, b: u32) -> Result<Tensor> {
    let (a, b) = (arena.f32("a", a)?, arena.f32("b", b)?);
    let ((n, width), (m, _)) = (a.matrix()?, b.matrix()?);
    b.expect(&[m, width], "as wide as a")?;
    let (a, b) = (a.view2()?, b.view2()?);
    let mut y = arena.f32_result(Shape::of(&[n, m])?)?;
    arena.with_scratch(product::inner_scratch(n, m, width), |scratch| {
        product::inner(&Pool, a, b, y.f32_view2_mut(), scratch);
    })?;
    Ok(y)
}
