//! Operations on the rows of segments by offsets [B + 1].

use foci_kernels::{segment_mix as mix, segment_softmax as soft, segment_sum as sums, segments};

use super::prelude::*;

pub fn segment_ids(arena: &Arena, offsets: u32) -> Result<Tensor> {
    let offsets = arena.i32("offsets", offsets)?;
    let (_, rows) = offsets_ascend(&offsets)?;
    let mut y = arena.i32_result(Shape::of(&[rows])?)?;
    segments::segment_ids(offsets.view1()?, y.i32_view1_mut());
    Ok(y)
}

pub fn repeat_offsets(arena: &Arena, offsets: u32, times: u32) -> Result<Tensor> {
    let (offsets, times) = (arena.i32("offsets", offsets)?, counted("times", times)? as i32);
    let (_, rows) = offsets_ascend(&offsets)?;
    if (rows as i32).checked_mul(times).is_none() {
        return Err(Fault::range(format!("{times} times {rows} rows; at most {} are possible", i32::MAX)));
    }
    let mut y = arena.i32_result(offsets.shape)?;
    segments::repeat_offsets(offsets.view1()?, times, y.i32_view1_mut());
    Ok(y)
}

pub fn segment_softmax(arena: &Arena, x: u32, offsets: u32) -> Result<Tensor> {
    let (x, offsets) = (arena.f32("x", x)?, arena.i32("offsets", offsets)?);
    let rows = x.view2()?;
    offsets_of(&offsets, rows.nrows(), "x")?;
    let mut y = arena.f32_result(x.shape)?;
    soft::segment_softmax(&Pool, rows, offsets.view1()?, y.f32_view2_mut());
    Ok(y)
}

pub fn segment_softmax_gradient(arena: &Arena, y: u32, dy: u32, offsets: u32) -> Result<Tensor> {
    let (y, dy, offsets) = (arena.f32("y", y)?, arena.f32("dy", dy)?, arena.i32("offsets", offsets)?);
    y.same(&dy)?;
    let rows = y.view2()?;
    offsets_of(&offsets, rows.nrows(), "y")?;
    let mut dx = arena.f32_result(y.shape)?;
    soft::segment_softmax_gradient(&Pool, rows, dy.view2()?, offsets.view1()?, dx.f32_view2_mut());
    Ok(dx)
}

pub fn segment_sum(arena: &Arena, x: u32, offsets: u32) -> Result<Tensor> {
    let (x, offsets) = (arena.f32("x", x)?.view2()?, arena.i32("offsets", offsets)?);
    let count = offsets_of(&offsets, x.nrows(), "x")?;
    let mut y = arena.f32_result(Shape::of(&[count, x.ncols()])?)?;
    sums::segment_sum(&Pool, x, offsets.view1()?, y.f32_view2_mut());
    Ok(y)
}

pub fn segment_mean(arena: &Arena, x: u32, offsets: u32) -> Result<Tensor> {
    let (x, offsets) = (arena.f32("x", x)?.view2()?, arena.i32("offsets", offsets)?);
    let count = offsets_of(&offsets, x.nrows(), "x")?;
    let mut y = arena.f32_result(Shape::of(&[count, x.ncols()])?)?;
    sums::segment_mean(&Pool, x, offsets.view1()?, y.f32_view2_mut());
    Ok(y)
}

pub fn segment_mean_gradient(arena: &Arena, dy: u32, offsets: u32) -> Result<Tensor> {
    let (dy, offsets) = (arena.f32("dy", dy)?, arena.i32("offsets", offsets)?);
    let (segments, rows) = offsets_ascend(&offsets)?;
    let sums = dy.view2()?;
    dy.expect(&[segments, sums.ncols()], "a row for each segment")?;
    let mut dx = arena.f32_result(Shape::of(&[rows, sums.ncols()])?)?;
    sums::segment_mean_gradient(&Pool, sums, offsets.view1()?, dx.f32_view2_mut());
    Ok(dx)
}

pub fn segment_mix(arena: &Arena, weights: u32, values: u32, offsets: u32) -> Result<Tensor> {
    let (weights, values) = (arena.f32("weights", weights)?, arena.f32("values", values)?);
    let offsets = arena.i32("offsets", offsets)?;
    let (by, rows) = (weights.view2()?, values.view2()?);
    weights.expect(&[rows.nrows(), by.ncols()], "a row for each of values")?;
    let count = offsets_of(&offsets, rows.nrows(), "values")?;
    let mut y = arena.f32_result(Shape::of(&[count, by.ncols(), rows.ncols()])?)?;
    mix::segment_mix(&Pool, by, rows, offsets.view1()?, y.f32_view3_mut());
    Ok(y)
}

pub fn segment_mix_gradient(arena: &Arena, weights: u32, values: u32, dy: u32, offsets: u32) -> Result<[Tensor; 2]> {
    let (weights, values) = (arena.f32("weights", weights)?, arena.f32("values", values)?);
    let (dy, offsets) = (arena.f32("dy", dy)?, arena.i32("offsets", offsets)?);
    let (by, rows) = (weights.view2()?, values.view2()?);
    weights.expect(&[rows.nrows(), by.ncols()], "a row for each of values")?;
    let count = offsets_of(&offsets, rows.nrows(), "values")?;
    dy.expect(&[count, by.ncols(), rows.ncols()], "what segmentMix gives")?;
    let (mut dweights, mut dvalues) = (arena.f32_result(weights.shape)?, arena.f32_result(values.shape)?);
    let (to_weights, to_values) = (dweights.f32_view2_mut(), dvalues.f32_view2_mut());
    mix::segment_mix_gradient(&Pool, by, rows, dy.view3()?, offsets.view1()?, to_weights, to_values);
    Ok([dweights, dvalues])
}

pub fn present(arena: &Arena, items: u32) -> Result<[Tensor; 2]> {
    let items = arena.i32("items", items)?;
    let given = items.view2()?; // [B, k]
    ids_or_none_within(&items, i32::MAX as usize, "a catalogue")?;
    let count = items.values.iter().filter(|&&item| item != -1).count();
    let (mut present, mut offsets) =
        (arena.i32_result(Shape::of(&[count])?)?, arena.i32_result(Shape::of(&[given.nrows() + 1])?)?);
    segments::present(given, present.i32_view1_mut(), offsets.i32_view1_mut());
    Ok([present, offsets])
}
