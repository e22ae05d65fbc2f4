//! The best items of each user.

use foci_kernels::reduce;
use foci_kernels::simd::matrix::PANEL;
use foci_kernels::top_k::{self as kernel, CandidateOutputs, Masks, Outputs, PairOutputs, Query, Scratch};

use ndarray::{ArrayView1, ArrayView2};

use super::prelude::*;
use crate::fault::Code;

pub fn top_k(
    arena: &Arena,
    vectors: u32,
    offsets: u32,
    items: u32,
    k: u32,
    seen: u32,
    seen_offsets: u32,
    allowed: u32,
    quantized: u32,
) -> Result<[Tensor; 3]> {
    let (vectors, items) = (arena.f32("vectors", vectors)?, arena.f32("items", items)?);
    let offsets = arena.i32("offsets", offsets)?;
    let ((rows, width), (count, _)) = (vectors.matrix()?, items.matrix()?);
    some_width(&vectors, width)?;
    items.expect(&[count, width], "as wide as vectors")?;
    let users = offsets_of(&offsets, rows, "vectors")?;
    if !reduce::finite(vectors.flat()) {
        return Err(unranked("vectors are"));
    }
    let masks = masks(arena, users, count, [seen, seen_offsets, allowed])?;
    let quantized = codes(arena, count, width, quantized)?;
    let k = counted("k", k)?;
    let shape = Shape::of(&[users, k])?;
    let (mut best, mut scores, mut interests) =
        (arena.i32_result(shape)?, arena.f32_result(shape)?, arena.i32_result(shape)?);
    let (vectors, offsets, items) = (vectors.view2()?, offsets.view1()?, items.view2()?);
    if shape.count() > 0 {
        let query = Query { vectors, offsets, items, quantized, masks: &masks };
        let outputs = Outputs {
            items: best.i32_view2_mut(),
            scores: scores.f32_view2_mut(),
            interests: interests.i32_view2_mut(),
        };
        let [keys, queries, values] = kernel::top_k_scratch(offsets, items.dim(), quantized.is_some(), k);
        arena.with_keys(keys, |keys| {
            arena.with_codes(queries, |queries| {
                arena.with_scratch(values, |values| {
                    kernel::top_k(&Pool, &query, outputs, Scratch { keys, queries, values });
                })
            })
        })?;
    }
    ranked(scores.f32_view("scores")?.view2()?, offsets, &masks, count)?;
    Ok([best, scores, interests])
}

/// Products of finite vectors with items may overflow: such a score is given, or its item is left out though there is a place.
fn ranked(scores: ArrayView2<f32>, offsets: ArrayView1<i32>, masks: &Masks<'_>, count: usize) -> Result<()> {
    let k = scores.ncols();
    for (user, row) in scores.outer_iter().enumerate().filter(|(_, row)| !reduce::finite(*row)) {
        let given = row.iter().filter(|score| score.is_finite()).count();
        let odd = row.iter().any(|&score| !score.is_finite() && score != f32::NEG_INFINITY);
        let asked = offsets[user] < offsets[user + 1];
        if odd || asked && given < k && given < choosable(masks, user, count) {
            return Err(unranked("products with items are"));
        }
    }
    Ok(())
}

/// Items that a user may get.
fn choosable(masks: &Masks<'_>, user: usize, count: usize) -> usize {
    let seen = masks.seen_offsets[user] as usize..masks.seen_offsets[user + 1] as usize;
    let mut may: Vec<bool> =
        (0..count).map(|item| masks.allowed.is_none_or(|bits| bits[item / 32] >> (item % 32) & 1 == 1)).collect();
    masks.seen[seen].iter().for_each(|&item| may[item as usize] = false);
    may.into_iter().filter(|&may| may).count()
}

/// Nothing that is compared with these has a place.
fn unranked(what: &str) -> Fault {
    Fault::new(Code::NonFinite, format!("{what} not finite, which gives no order of items"))
}

/// The items' codes that [`quantize`] made, if any.
fn codes(arena: &Arena, count: usize, width: usize, quantized: u32) -> Result<Option<ArrayView2<'_, i32>>> {
    if quantized == 0 {
        return Ok(None);
    }
    let codes = arena.i32("quantized", quantized)?;
    codes.expect(&[kernel::quantized_rows(count, width), PANEL], "what quantize makes of items")?;
    Ok(Some(codes.view2()?))
}

pub fn quantize(arena: &Arena, items: u32) -> Result<Tensor> {
    let items = arena.f32("items", items)?;
    let (count, width) = items.matrix()?;
    some_width(&items, width)?;
    let items = items.view2()?;
    let mut codes = arena.i32_result(Shape::of(&[kernel::quantized_rows(count, width), PANEL])?)?;
    arena.with_scratch(kernel::quantize_scratch(count), |scratch| {
        kernel::quantize(&Pool, items, codes.i32_view2_mut(), scratch);
    })?;
    Ok(codes)
}

pub fn top_k_scores(
    arena: &Arena,
    scores: u32,
    k: u32,
    seen: u32,
    seen_offsets: u32,
    allowed: u32,
) -> Result<[Tensor; 2]> {
    let given = arena.f32("scores", scores)?;
    let (users, count) = given.matrix()?;
    let masks = masks(arena, users, count, [seen, seen_offsets, allowed])?;
    let k = counted("k", k)?;
    let shape = Shape::of(&[users, k])?;
    let (mut best, mut scores) = (arena.i32_result(shape)?, arena.f32_result(shape)?);
    if shape.count() > 0 {
        arena.with_keys(kernel::top_k_scores_scratch(users, count, k), |keys| {
            let (best, scores) = (best.i32_view2_mut(), scores.f32_view2_mut());
            kernel::top_k_scores(&Pool, given.view2()?, &masks, best, scores, keys);
            Ok(())
        })?;
    }
    Ok([best, scores])
}

pub fn pair_best(arena: &Arena, vectors: u32, offsets: u32, rows: u32, candidate_offsets: u32) -> Result<[Tensor; 3]> {
    let (vectors, offsets) = (arena.f32("vectors", vectors)?, arena.i32("offsets", offsets)?);
    let (rows, candidate_offsets) = (arena.f32("rows", rows)?, arena.i32("candidateOffsets", candidate_offsets)?);
    let (of_users, of_candidates) = (vectors.view2()?, rows.view2()?);
    some_width(&vectors, of_users.ncols())?;
    rows.expect(&[of_candidates.nrows(), of_users.ncols()], "as wide as vectors")?;
    let users = offsets_of(&offsets, of_users.nrows(), "vectors")?;
    candidate_offsets.expect(&[users + 1], "one for each of offsets")?;
    offsets_of(&candidate_offsets, of_candidates.nrows(), "rows")?;
    let shape = Shape::of(&[of_candidates.nrows()])?;
    let (mut scores, mut interests, mut winners) =
        (arena.f32_result(shape)?, arena.i32_result(shape)?, arena.i32_result(shape)?);
    let outputs = PairOutputs {
        scores: scores.f32_view1_mut(),
        interests: interests.i32_view1_mut(),
        winners: winners.i32_view1_mut(),
    };
    kernel::pair_best(&Pool, of_users, offsets.view1()?, of_candidates, candidate_offsets.view1()?, outputs);
    Ok([scores, interests, winners])
}

pub fn top_k_candidates(arena: &Arena, scores: u32, items: u32, candidate_offsets: u32, k: u32) -> Result<[Tensor; 3]> {
    let (given, items) = (arena.f32("scores", scores)?, arena.i32("items", items)?);
    let offsets = arena.i32("candidateOffsets", candidate_offsets)?;
    let count = given.vector()?;
    items.expect(&[count], "one for each of scores")?;
    ids_within(&items, i32::MAX as usize, "a catalogue")?;
    let users = offsets_of(&offsets, count, "scores")?;
    if !reduce::finite(given.flat()) {
        return Err(unranked("scores are"));
    }
    let k = counted("k", k)?;
    let shape = Shape::of(&[users, k])?;
    let (mut best, mut scores, mut places) =
        (arena.i32_result(shape)?, arena.f32_result(shape)?, arena.i32_result(shape)?);
    let outputs = CandidateOutputs {
        items: best.i32_view2_mut(),
        scores: scores.f32_view2_mut(),
        places: places.i32_view2_mut(),
    };
    kernel::top_k_candidates(&Pool, given.view1()?, items.view1()?, offsets.view1()?, outputs);
    Ok([best, scores, places])
}

/// What each of `users` has seen and what is allowed of `count` items.
fn masks(arena: &Arena, users: usize, count: usize, [seen, offsets, allowed]: [u32; 3]) -> Result<Masks<'_>> {
    let (seen, offsets) = (arena.i32("seen", seen)?, arena.i32("seenOffsets", offsets)?);
    offsets.expect(&[users + 1], "one more than there are users")?;
    offsets_of(&offsets, seen.vector()?, "seen")?;
    ids_within(&seen, count, "items")?;
    let allowed = if allowed == 0 { None } else { Some(arena.i32("allowed", allowed)?) };
    if let Some(allowed) = &allowed {
        allowed.expect(&[count.div_ceil(32)], "a bit for each item")?;
    }
    Ok(Masks { seen: seen.values, seen_offsets: offsets.values, allowed: allowed.map(|allowed| allowed.values) })
}
