//! Rows of tables by ids, and segments by offsets.

use foci_kernels::segments;
use foci_kernels::table::{self as kernel, RowsById};

use super::prelude::*;

pub fn gather(arena: &Arena, table: u32, ids: u32) -> Result<Tensor> {
    let (table, ids) = (arena.f32("table", table)?, arena.i32("ids", ids)?);
    let (rows, at) = (table.view2()?, ids.view1()?); // [V, D], [T]
    ids_within(&ids, rows.nrows(), "table")?;
    let mut y = arena.f32_result(Shape::of(&[at.len(), rows.ncols()])?)?;
    kernel::gather(&Pool, rows, at, y.f32_view2_mut());
    Ok(y)
}

pub fn embed(arena: &Arena, table: u32, ids: u32, factor: f64, places: u32, positions: u32) -> Result<Tensor> {
    let (table, ids) = (arena.f32("table", table)?, arena.i32("ids", ids)?);
    let (places, positions) = (arena.f32("places", places)?, arena.i32("positions", positions)?);
    let ((count, width), (most, _), rows) = (table.matrix()?, places.matrix()?, ids.vector()?);
    places.expect(&[most, width], "as wide as table")?;
    positions.expect(&[rows], "one for each of ids")?;
    ids_within(&ids, count, "table")?;
    ids_within(&positions, most, "places")?;
    let mut y = arena.f32_result(Shape::of(&[rows, width])?)?;
    let (places, positions) = (places.view2()?, positions.view1()?);
    kernel::embed(&Pool, table.view2()?, ids.view1()?, factor as f32, places, positions, y.f32_view2_mut());
    Ok(y)
}

pub fn gather_gradient(arena: &Arena, dy: u32, ids: u32) -> Result<[Tensor; 2]> {
    let (dy, ids) = (arena.f32("dy", dy)?, arena.i32("ids", ids)?);
    let by_id = rows_by_ids(&dy, &ids)?;
    ids_within(&ids, i32::MAX as usize, "a table")?;
    arena.with_order(by_id.ids.len(), |order| {
        let distinct = kernel::sort_ids(by_id.ids, order);
        let (mut rows, mut unique) = rows_and_ids(arena, distinct, by_id.rows.ncols())?;
        let (to_rows, to_ids) = (rows.f32_view2_mut(), unique.i32_view1_mut());
        kernel::gather_gradient(&Pool, by_id.rows, by_id.ids, order, to_rows, to_ids);
        Ok([rows, unique])
    })
}

pub fn gather_or_none(arena: &Arena, table: u32, ids: u32) -> Result<Tensor> {
    let (table, ids) = (arena.f32("table", table)?.view2()?, arena.i32("ids", ids)?);
    let rows = ids.vector()?;
    ids_or_none_within(&ids, table.nrows(), "table")?;
    let mut y = arena.f32_result(Shape::of(&[rows, table.ncols()])?)?;
    kernel::gather_or_none(&Pool, table, ids.view1()?, y.f32_view2_mut());
    Ok(y)
}

pub fn gather_or_none_gradient(arena: &Arena, dy: u32, ids: u32) -> Result<[Tensor; 2]> {
    let (dy, ids) = (arena.f32("dy", dy)?, arena.i32("ids", ids)?);
    let by_id = rows_by_ids(&dy, &ids)?;
    ids_or_none_within(&ids, i32::MAX as usize, "a table")?;
    arena.with_order(by_id.ids.len(), |order| {
        let distinct = kernel::sort_ids(by_id.ids, order);
        let (order, distinct) = kernel::without_none(by_id.ids, order, distinct);
        let (mut rows, mut unique) = rows_and_ids(arena, distinct, by_id.rows.ncols())?;
        let (to_rows, to_ids) = (rows.f32_view2_mut(), unique.i32_view1_mut());
        kernel::gather_gradient(&Pool, by_id.rows, by_id.ids, order, to_rows, to_ids);
        Ok([rows, unique])
    })
}

pub fn merge_rows(arena: &Arena, a_rows: u32, a_ids: u32, b_rows: u32, b_ids: u32) -> Result<[Tensor; 2]> {
    let (a_rows, a_ids) = (arena.f32("aRows", a_rows)?, arena.i32("aIds", a_ids)?);
    let (b_rows, b_ids) = (arena.f32("bRows", b_rows)?, arena.i32("bIds", b_ids)?);
    let (a, count) = (rows_by_ids(&a_rows, &a_ids)?, b_ids.vector()?);
    b_rows.expect(&[count, a.rows.ncols()], "a row for each of bIds, as wide as aRows")?;
    ids_ascend(&a_ids)?;
    ids_ascend(&b_ids)?;
    let b = RowsById { rows: b_rows.view2()?, ids: b_ids.view1()? };
    let (mut rows, mut ids) = rows_and_ids(arena, kernel::merged_count(a.ids, b.ids), a.rows.ncols())?;
    kernel::merge_rows(&Pool, a, b, rows.f32_view2_mut(), ids.i32_view1_mut());
    Ok([rows, ids])
}

pub fn scatter(arena: &Arena, rows: u32, ids: u32, count: u32) -> Result<Tensor> {
    let (rows, ids) = (arena.f32("rows", rows)?, arena.i32("ids", ids)?);
    let (by_id, count) = (rows_by_ids(&rows, &ids)?, counted("count", count)?);
    ids_within(&ids, count, "the result")?;
    ids_ascend(&ids)?;
    let mut y = arena.f32_result(Shape::of(&[count, by_id.rows.ncols()])?)?;
    kernel::scatter(&Pool, by_id, y.f32_view2_mut());
    Ok(y)
}

pub fn positions(arena: &Arena, offsets: u32) -> Result<Tensor> {
    let offsets = arena.i32("offsets", offsets)?;
    let (_, rows) = offsets_ascend(&offsets)?;
    let mut y = arena.i32_result(Shape::of(&[rows])?)?;
    segments::positions(offsets.view1()?, y.i32_view1_mut());
    Ok(y)
}

pub fn last_rows(arena: &Arena, offsets: u32) -> Result<[Tensor; 2]> {
    let offsets = arena.i32("offsets", offsets)?;
    offsets_ascend(&offsets)?;
    let filled = offsets.values.windows(2).filter(|pair| pair[0] < pair[1]).count();
    let (mut rows, mut queries) = (arena.i32_result(Shape::of(&[filled])?)?, arena.i32_result(offsets.shape)?);
    segments::last_rows(offsets.view1()?, rows.i32_view1_mut(), queries.i32_view1_mut());
    Ok([rows, queries])
}

/// Rows [U, D] at ids [U], checked.
pub(super) fn rows_by_ids<'a>(rows: &View<'a, f32>, ids: &View<'a, i32>) -> Result<RowsById<'a>> {
    let ((_, width), count) = (rows.matrix()?, ids.vector()?);
    rows.expect(&[count, width], "a row for each id")?;
    Ok(RowsById { rows: rows.view2()?, ids: ids.view1()? })
}

fn rows_and_ids(arena: &Arena, count: usize, width: usize) -> Result<(Tensor, Tensor)> {
    Ok((arena.f32_result(Shape::of(&[count, width])?)?, arena.i32_result(Shape::of(&[count])?)?))
}
