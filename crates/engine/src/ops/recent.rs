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
