//! Operations on every pair of an event and a candidate of one segment.

use foci_kernels::pairs::{self as kernel, PairLinear, Places};
use foci_kernels::segments;

use super::prelude::*;

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
