//! Operations on the rows of segments by offsets [B + 1].

use foci_kernels::pairs::{self as kernel, PairLinear, Places};
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

pub fn pairs(arena: &Arena, offsets: u32, candidate_offsets: u32) -> Result<[Tensor; 3]> {
    let (offsets, of_candidates) = (arena.i32("offsets", offsets)?, arena.i32("candidateOffsets", candidate_offsets)?);
    let (count, candidates) = pair_count(&offsets, &of_candidates)?;
    let (mut events, mut by) = (arena.i32_result(Shape::of(&[count])?)?, arena.i32_result(Shape::of(&[count])?)?);
    let mut bounds = arena.i32_result(Shape::of(&[candidates + 1])?)?;
    let (to_events, to_candidates, to_bounds) = (events.i32_view1_mut(), by.i32_view1_mut(), bounds.i32_view1_mut());
    segments::pairs(offsets.view1()?, of_candidates.view1()?, to_events, to_candidates, to_bounds);
    Ok([events, by, bounds])
}

/// How many pairs there are, and how many candidates.
fn pair_count(offsets: &View<'_, i32>, of_candidates: &View<'_, i32>) -> Result<(usize, usize)> {
    let (segments, _) = offsets_ascend(offsets)?;
    let (_, candidates) = offsets_ascend(of_candidates)?;
    of_candidates.expect(&[segments + 1], "one for each of offsets")?;
    let count = segments::pair_count(offsets.view1()?, of_candidates.view1()?);
    match i32::try_from(count) {
        Ok(count) => Ok((count as usize, candidates)),
        Err(_) => Err(Fault::range(format!("there are {count} pairs; at most {} are possible", i32::MAX))),
    }
}

/// Where the pairs of each candidate begin, [C + 1].
fn pair_ends(
    arena: &Arena,
    offsets: &View<'_, i32>,
    of_candidates: &View<'_, i32>,
    candidates: usize,
) -> Result<Tensor> {
    let mut ends = arena.i32_result(Shape::of(&[candidates + 1])?)?;
    kernel::pair_offsets(offsets.view1()?, of_candidates.view1()?, ends.i32_view1_mut());
    Ok(ends)
}

fn places<'a>(offsets: &View<'a, i32>, of_candidates: &View<'a, i32>, ends: &'a Tensor) -> Result<Places<'a>> {
    let pair_offsets = ends.i32_view("pairOffsets")?.view1()?;
    Ok(Places { offsets: offsets.view1()?, candidate_offsets: of_candidates.view1()?, pair_offsets })
}

pub fn pair_linear(
    arena: &Arena,
    a: u32,
    b: u32,
    x: u32,
    y: u32,
    w: u32,
    offsets: u32,
    candidate_offsets: u32,
) -> Result<Tensor> {
    let (a, b, x, y) = (arena.f32("a", a)?, arena.f32("b", b)?, arena.f32("x", x)?, arena.f32("y", y)?);
    let w = arena.f32("w", w)?.view2()?;
    let (offsets, of_candidates) = (arena.i32("offsets", offsets)?, arena.i32("candidateOffsets", candidate_offsets)?);
    let (inner, outer) = w.dim();
    let (count, candidates) = pair_count(&offsets, &of_candidates)?;
    let events = x.view2()?.nrows();
    offsets_of(&offsets, events, "x")?;
    x.expect(&[events, inner], "as wide as w has rows")?;
    a.expect(&[events, outer], "a row for each of x, as wide as w")?;
    y.expect(&[candidates, inner], "a row for each candidate, as wide as w has rows")?;
    b.expect(&[candidates, outer], "a row for each of y, as wide as w")?;
    let ends = pair_ends(arena, &offsets, &of_candidates, candidates)?;
    let places = places(&offsets, &of_candidates, &ends)?;
    let operands =
        PairLinear { events: a.view2()?, candidates: b.view2()?, of_events: x.view2()?, of_candidates: y.view2()?, w };
    let mut out = arena.f32_result(Shape::of(&[count, outer])?)?;
    kernel::pair_linear(&Pool, operands, places, out.f32_view2_mut());
    Ok(out)
}

pub fn pair_mix(arena: &Arena, weights: u32, values: u32, offsets: u32, candidate_offsets: u32) -> Result<Tensor> {
    let (weights, values) = (arena.f32("weights", weights)?, arena.f32("values", values)?.view2()?);
    let (offsets, of_candidates) = (arena.i32("offsets", offsets)?, arena.i32("candidateOffsets", candidate_offsets)?);
    let (count, candidates) = pair_count(&offsets, &of_candidates)?;
    offsets_of(&offsets, values.nrows(), "values")?;
    weights.expect(&[count], "a number for each pair")?;
    let ends = pair_ends(arena, &offsets, &of_candidates, candidates)?;
    let places = places(&offsets, &of_candidates, &ends)?;
    let mut out = arena.f32_result(Shape::of(&[candidates, values.ncols()])?)?;
    kernel::pair_mix(&Pool, weights.view1()?, values, places, out.f32_view2_mut());
    Ok(out)
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
