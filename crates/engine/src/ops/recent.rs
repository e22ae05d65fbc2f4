//! The latest rows of each segment.

use foci_kernels::recent as kernel;

use super::prelude::*;

pub fn recent_rows(arena: &Arena, offsets: u32, most: u32) -> Result<[Tensor; 2]> {
    let offsets = arena.i32("offsets", offsets)?;
    offsets_ascend(&offsets)?;
    let most = counted("most", most)?;
    let count = kernel::recent_count(offsets.view1()?, most);
    let (mut rows, mut ends) = (arena.i32_result(Shape::of(&[count])?)?, arena.i32_result(offsets.shape)?);
    kernel::recent_rows(offsets.view1()?, most, rows.i32_view1_mut(), ends.i32_view1_mut());
    Ok([rows, ends])
}

pub fn take(arena: &Arena, column: u32, rows: u32) -> Result<Tensor> {
    let (column, rows) = (arena.i32("column", column)?, arena.i32("rows", rows)?);
    let (length, count) = (column.vector()?, rows.vector()?);
    ids_within(&rows, length, "column")?;
    let mut y = arena.i32_result(Shape::of(&[count])?)?;
    kernel::take(column.view1()?, rows.view1()?, y.i32_view1_mut());
    Ok(y)
}

pub fn since_first(arena: &Arena, times: u32, time_offsets: u32, from: u32, offsets: u32) -> Result<Tensor> {
    let (times, from) = (arena.i32("times", times)?, arena.i32("from", from)?);
    let offsets = arena.i32("offsets", offsets)?;
    let segments = offsets_of(&offsets, from.vector()?, "from")?;
    let places = if time_offsets == 0 { None } else { Some(arena.i32("timeOffsets", time_offsets)?) };
    match &places {
        None => times.expect(&[segments], "one for each segment")?,
        Some(places) => {
            offsets_of(places, times.vector()?, "times")?;
            places.expect(&[segments + 1], "one for each of offsets")?;
        }
    }
    let places = places.as_ref().map(|places| places.view1()).transpose()?;
    let mut y = arena.i32_result(times.shape)?;
    kernel::since_first(times.view1()?, places, from.view1()?, offsets.view1()?, y.i32_view1_mut());
    Ok(y)
}
