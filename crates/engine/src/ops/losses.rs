//! Losses, each with its gradients.

use foci_kernels::{cross_entropy as full, sampled_softmax as sampled};

use super::prelude::*;
use super::rows::scalar;

pub fn cross_entropy(arena: &Arena, h: u32, items: u32, targets: u32) -> Result<[Tensor; 3]> {
    let (h, items, targets) = (arena.f32("h", h)?, arena.f32("items", items)?, arena.i32("targets", targets)?);
    let ((rows, width), (count, _)) = (h.matrix()?, items.matrix()?);
    some_width(&h, width)?;
    items.expect(&[count, width], "as wide as h")?;
    targets.expect(&[rows], "one for each row of h")?;
    ids_within(&targets, count, "items")?;
    let (mut dh, mut ditems) = (arena.f32_result(h.shape)?, arena.f32_result(items.shape)?);
    let precision = arena.precision();
    let loss = arena.with_scratch(full::cross_entropy_scratch(rows, count, width, precision), |scratch| {
        let (dh, ditems) = (dh.f32_mut(), ditems.f32_mut());
        full::cross_entropy(&Pool, h.values, items.values, targets.values, width, precision, dh, ditems, scratch)
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
    let (mut dh, mut dpositives, mut dnegatives) =
        (arena.f32_result(h.shape)?, arena.f32_result(h.shape)?, arena.f32_result(negatives.shape)?);
    let precision = arena.precision();
    let loss = arena.with_scratch(sampled::sampled_softmax_scratch(rows, count, width, precision), |scratch| {
        sampled::sampled_softmax(
            &Pool,
            h.values,
            positives.values,
            negatives.values,
            targets.values,
            drawn.values,
            width,
            precision,
            dh.f32_mut(),
            dpositives.f32_mut(),
            dnegatives.f32_mut(),
            scratch,
        )
    })?;
    Ok([scalar(arena, loss)?, dh, dpositives, dnegatives])
}
