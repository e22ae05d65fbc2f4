//! Losses, each with its gradients.

use foci_kernels::cross_entropy::Terms;
use foci_kernels::row_inner as inner;
use foci_kernels::{
    cross_entropy as full, max_cross_entropy as by_max, row_sampled_softmax as by_row, sampled_softmax as sampled, size,
};

use super::prelude::*;
use super::rows::scalar;

pub fn cross_entropy(arena: &Arena, h: u32, items: u32, targets: u32, weights: u32) -> Result<[Tensor; 3]> {
    let (h, items, targets) = (arena.f32("h", h)?, arena.f32("items", items)?, arena.i32("targets", targets)?);
    let ((rows, width), (count, _)) = (h.matrix()?, items.matrix()?);
    some_width(&h, width)?;
    items.expect(&[count, width], "as wide as h")?;
    targets.expect(&[rows], "one for each row of h")?;
    ids_within(&targets, count, "items")?;
    let weights = terms_of(arena, [0, 0, weights], rows, count)?.weights;
    let (mut dh, mut ditems) = (arena.f32_result(h.shape)?, arena.f32_result(items.shape)?);
    let examples = full::Examples { h: h.view2()?, items: items.view2()?, targets: targets.view1()?, weights };
    let gradients = full::Gradients { dh: dh.f32_view2_mut(), ditems: ditems.f32_view2_mut() };
    let precision = arena.precision();
    let loss = arena.with_scratch(full::cross_entropy_scratch(rows, count, width, precision), |scratch| {
        full::cross_entropy(&Pool, &examples, precision, gradients, scratch)
    })?;
    Ok([scalar(arena, loss)?, dh, ditems])
}

pub fn sampled_softmax(
    arena: &Arena,
    h: u32,
    positives: u32,
    negatives: u32,
    targets: u32,
    drawn: u32,
    log_q: u32,
    target_log_q: u32,
    weights: u32,
) -> Result<[Tensor; 4]> {
    let (h, positives, negatives) =
        (arena.f32("h", h)?, arena.f32("positives", positives)?, arena.f32("negatives", negatives)?);
    let (targets, drawn) = (arena.i32("targets", targets)?, arena.i32("drawn", drawn)?);
    let ((rows, width), (count, _)) = (h.matrix()?, negatives.matrix()?);
    some_width(&h, width)?;
    h.same(&positives)?;
    negatives.expect(&[count, width], "as wide as h")?;
    targets.expect(&[rows], "one for each row of h")?;
    drawn.expect(&[count], "one for each row of negatives")?;
    let terms = terms_of(arena, [log_q, target_log_q, weights], rows, count)?;
    let (mut dh, mut dpositives, mut dnegatives) =
        (arena.f32_result(h.shape)?, arena.f32_result(h.shape)?, arena.f32_result(negatives.shape)?);
    let examples = sampled::Examples {
        h: h.view2()?,
        positives: positives.view2()?,
        negatives: negatives.view2()?,
        targets: targets.view1()?,
        drawn: drawn.view1()?,
        terms,
    };
    let gradients = sampled::Gradients {
        dh: dh.f32_view2_mut(),
        dpositives: dpositives.f32_view2_mut(),
        dnegatives: dnegatives.f32_view2_mut(),
    };
    let precision = arena.precision();
    let loss = arena.with_scratch(sampled::sampled_softmax_scratch(rows, count, width, precision), |scratch| {
        sampled::sampled_softmax(&Pool, &examples, precision, gradients, scratch)
    })?;
    Ok([scalar(arena, loss)?, dh, dpositives, dnegatives])
}

pub fn row_sampled_softmax(
    arena: &Arena,
    h: u32,
    positives: u32,
    negatives: u32,
    targets: u32,
    drawn: u32,
    log_q: u32,
    target_log_q: u32,
    weights: u32,
) -> Result<[Tensor; 4]> {
    let (h, positives, negatives) =
        (arena.f32("h", h)?, arena.f32("positives", positives)?, arena.f32("negatives", negatives)?);
    let (targets, drawn) = (arena.i32("targets", targets)?, arena.i32("drawn", drawn)?);
    let (rows, each) = rows_of_its_own(&h, &negatives)?;
    h.same(&positives)?;
    targets.expect(&[rows], "one for each row of h")?;
    drawn.expect(&[rows * each], "one for each row of negatives")?;
    let terms = terms_of(arena, [log_q, target_log_q, weights], rows, rows * each)?;
    let (mut dh, mut dpositives, mut dnegatives) =
        (arena.f32_result(h.shape)?, arena.f32_result(h.shape)?, arena.f32_result(negatives.shape)?);
    let examples = sampled::Examples {
        h: h.view2()?,
        positives: positives.view2()?,
        negatives: negatives.view2()?,
        targets: targets.view1()?,
        drawn: drawn.view1()?,
        terms,
    };
    let gradients = sampled::Gradients {
        dh: dh.f32_view2_mut(),
        dpositives: dpositives.f32_view2_mut(),
        dnegatives: dnegatives.f32_view2_mut(),
    };
    let loss = arena.with_scratch(by_row::row_sampled_softmax_scratch(rows, each), |scratch| {
        by_row::row_sampled_softmax(&Pool, &examples, gradients, scratch)
    })?;
    Ok([scalar(arena, loss)?, dh, dpositives, dnegatives])
}

pub fn row_inner(arena: &Arena, h: u32, own: u32) -> Result<Tensor> {
    let (h, own) = (arena.f32("h", h)?, arena.f32("own", own)?);
    let (rows, each) = rows_of_its_own(&h, &own)?;
    let mut y = arena.f32_result(Shape::of(&[rows, each])?)?;
    inner::row_inner(&Pool, h.view2()?, own.view2()?, y.f32_view2_mut());
    Ok(y)
}

pub fn row_inner_gradient(arena: &Arena, h: u32, own: u32, dy: u32) -> Result<[Tensor; 2]> {
    let (h, own, dy) = (arena.f32("h", h)?, arena.f32("own", own)?, arena.f32("dy", dy)?);
    let (rows, each) = rows_of_its_own(&h, &own)?;
    dy.expect(&[rows, each], "a number for each row of own")?;
    let (mut dh, mut down) = (arena.f32_result(h.shape)?, arena.f32_result(own.shape)?);
    inner::row_inner_gradient(&Pool, h.view2()?, own.view2()?, dy.view2()?, dh.f32_view2_mut(), down.f32_view2_mut());
    Ok([dh, down])
}

/// Checks that `own` [T · N, D] has as many rows for each of h [T, D]; gives T and N, 0 for no rows.
fn rows_of_its_own(h: &View<'_, f32>, own: &View<'_, f32>) -> Result<(usize, usize)> {
    let ((rows, width), (all, _)) = (h.matrix()?, own.matrix()?);
    some_width(h, width)?;
    own.expect(&[all, width], "as wide as h")?;
    match all.checked_div(rows) {
        Some(each) if each * rows == all => Ok((rows, each)),
        None if all == 0 => Ok((0, 0)),
        _ => Err(Fault::shape(format!("{own} must hold as many rows for each of {h}"))),
    }
}

pub fn max_cross_entropy(
    arena: &Arena,
    h: u32,
    items: u32,
    targets: u32,
    weights: u32,
    interests: u32,
) -> Result<[Tensor; 3]> {
    let (h, items, targets) = (arena.f32("h", h)?, arena.f32("items", items)?, arena.i32("targets", targets)?);
    let ((events, width), (count, _)) = (targets_by_interests(&h, &targets, interests)?, items.matrix()?);
    items.expect(&[count, width], "as wide as h")?;
    ids_within(&targets, count, "items")?;
    let (mut dh, mut ditems) = (arena.f32_result(h.shape)?, arena.f32_result(items.shape)?);
    let weights = terms_of(arena, [0, 0, weights], events, count)?.weights;
    let examples = full::Examples { h: h.view2()?, items: items.view2()?, targets: targets.view1()?, weights };
    let gradients = full::Gradients { dh: dh.f32_view2_mut(), ditems: ditems.f32_view2_mut() };
    let size = by_max::max_cross_entropy_scratch(events, interests as usize, count, width);
    let loss = arena.with_scratch(size, |scratch| by_max::max_cross_entropy(&Pool, &examples, gradients, scratch))?;
    Ok([scalar(arena, loss)?, dh, ditems])
}

pub fn max_sampled_softmax(
    arena: &Arena,
    h: u32,
    positives: u32,
    negatives: u32,
    targets: u32,
    drawn: u32,
    log_q: u32,
    target_log_q: u32,
    weights: u32,
    interests: u32,
) -> Result<[Tensor; 4]> {
    let (h, positives, negatives) =
        (arena.f32("h", h)?, arena.f32("positives", positives)?, arena.f32("negatives", negatives)?);
    let (targets, drawn) = (arena.i32("targets", targets)?, arena.i32("drawn", drawn)?);
    let ((events, width), (count, _)) = (targets_by_interests(&h, &targets, interests)?, negatives.matrix()?);
    positives.expect(&[events, width], "a row for each target, as wide as h")?;
    negatives.expect(&[count, width], "as wide as h")?;
    drawn.expect(&[count], "one for each row of negatives")?;
    let terms = terms_of(arena, [log_q, target_log_q, weights], events, count)?;
    let (mut dh, mut dpositives, mut dnegatives) =
        (arena.f32_result(h.shape)?, arena.f32_result(positives.shape)?, arena.f32_result(negatives.shape)?);
    let examples = sampled::Examples {
        h: h.view2()?,
        positives: positives.view2()?,
        negatives: negatives.view2()?,
        targets: targets.view1()?,
        drawn: drawn.view1()?,
        terms,
    };
    let gradients = sampled::Gradients {
        dh: dh.f32_view2_mut(),
        dpositives: dpositives.f32_view2_mut(),
        dnegatives: dnegatives.f32_view2_mut(),
    };
    let size = by_max::max_cross_entropy_scratch(events, interests as usize, count, width);
    let loss = arena.with_scratch(size, |scratch| by_max::max_sampled_softmax(&Pool, &examples, gradients, scratch))?;
    Ok([scalar(arena, loss)?, dh, dpositives, dnegatives])
}

pub fn best_interests(arena: &Arena, h: u32, items: u32) -> Result<Tensor> {
    let (h, items) = (arena.f32("h", h)?, arena.f32("items", items)?);
    let ((rows, width), (events, _)) = (h.matrix()?, items.matrix()?);
    some_width(&h, width)?;
    items.expect(&[events, width], "as wide as h")?;
    if (events == 0 && rows > 0) || (events > 0 && (rows == 0 || rows % events != 0)) {
        return Err(Fault::shape(format!("{h} must hold as many rows for each of {items}, at least one")));
    }
    let mut best = arena.i32_result(Shape::of(&[events])?)?;
    by_max::best_interests(&Pool, h.view2()?, items.view2()?, best.i32_view1_mut());
    Ok(best)
}

/// Checks rows [T · K, D] of targets [T]; gives T and D.
fn targets_by_interests(h: &View<'_, f32>, targets: &View<'_, i32>, interests: u32) -> Result<(usize, usize)> {
    let ((_, width), events, interests) = (h.matrix()?, targets.vector()?, counted("interests", interests)?);
    if interests == 0 {
        return Err(Fault::range("interests is 0; an event has at least one vector"));
    }
    some_width(h, width)?;
    h.expect(&[size::times([events, interests]), width], "a row for each of targets and interests")?;
    Ok((events, width))
}

/// The terms of a loss, each by its id or 0: weights that are finite and not negative, one for each row, and what the logits of
/// the drawn and of the targets are lessened by.
fn terms_of(arena: &Arena, [log_q, target_log_q, weights]: [u32; 3], rows: usize, drawn: usize) -> Result<Terms<'_>> {
    let term = |name: &'static str, id: u32, count: usize, meaning: &str| {
        if id == 0 {
            return Ok(None);
        }
        let term = arena.f32(name, id)?;
        term.expect(&[count], meaning)?;
        Ok(Some(term.values))
    };
    let weights = term("weights", weights, rows, "one for each target")?;
    if let Some((at, w)) = weights.and_then(|w| w.iter().enumerate().find(|(_, w)| !(w.is_finite() && **w >= 0.0))) {
        return Err(Fault::range(format!("weights[{at}] is {w}; a weight is finite and at least 0")));
    }
    let log_q = term("logQ", log_q, drawn, "one for each row of negatives")?;
    let target_log_q = term("targetLogQ", target_log_q, rows, "one for each target")?;
    Ok(Terms { weights, log_q, target_log_q })
}
