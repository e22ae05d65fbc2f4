//! Checks of values that several operations share.

use crate::fault::{Fault, Result};
use crate::tensor::View;

/// Every id lies in `0 .. count`; `table` says of what.
#[inline(never)]
pub fn ids_within(ids: &View<'_, i32>, count: usize, table: &str) -> Result<()> {
    let outside = |&id: &i32| usize::try_from(id).map_or(true, |id| id >= count);
    match ids.values.iter().position(outside) {
        None => Ok(()),
        Some(at) => {
            Err(Fault::range(format!("{}[{at}] is {}, outside the {count} rows of {table}", ids.name, ids.values[at])))
        }
    }
}

/// Every id lies in `0 .. count` or is −1, which stands for none.
#[inline(never)]
pub fn ids_or_none_within(ids: &View<'_, i32>, count: usize, table: &str) -> Result<()> {
    let outside = |&id: &i32| id != -1 && usize::try_from(id).map_or(true, |id| id >= count);
    match ids.values.iter().position(outside) {
        None => Ok(()),
        Some(at) => {
            let id = ids.values[at];
            Err(Fault::range(format!("{}[{at}] is {id}, neither −1 nor one of the {count} rows of {table}", ids.name)))
        }
    }
}

/// Ids ascend and none comes twice.
#[inline(never)]
pub fn ids_ascend(ids: &View<'_, i32>) -> Result<()> {
    match ids.values.windows(2).position(|pair| pair[0] >= pair[1]) {
        None => Ok(()),
        Some(at) => {
            let (a, b) = (ids.values[at], ids.values[at + 1]);
            Err(Fault::range(format!("{} must ascend without repeats; {b} follows {a} at {}", ids.name, at + 1)))
        }
    }
}

/// Offsets [B + 1]: the first is 0 and none is below the one before. Gives B and the last, the number of rows.
#[inline(never)]
pub fn offsets_ascend(offsets: &View<'_, i32>) -> Result<(usize, usize)> {
    let length = offsets.vector()?;
    let Some((&last, _)) = offsets.values.split_last() else {
        return Err(Fault::shape(format!("{offsets} must hold at least one offset")));
    };
    if offsets.values[0] != 0 {
        return Err(Fault::range(format!("{} must start at 0, not {}", offsets.name, offsets.values[0])));
    }
    match offsets.values.windows(2).position(|pair| pair[0] > pair[1]) {
        None => Ok((length - 1, last as usize)),
        Some(at) => {
            let (a, b) = (offsets.values[at], offsets.values[at + 1]);
            Err(Fault::range(format!("{} must not descend; {b} follows {a} at {}", offsets.name, at + 1)))
        }
    }
}

/// Offsets that end at `rows`, the number of rows of `of`. Gives B.
#[inline(never)]
pub fn offsets_of(offsets: &View<'_, i32>, rows: usize, of: &str) -> Result<usize> {
    let (segments, last) = offsets_ascend(offsets)?;
    if last == rows {
        return Ok(segments);
    }
    Err(Fault::range(format!("{} must end at {rows}, the rows of {of}, not {last}", offsets.name)))
}

/// Each segment has at most as many queries as events.
#[inline(never)]
pub fn queries_fit(queries: &View<'_, i32>, offsets: &View<'_, i32>) -> Result<()> {
    queries.same(offsets)?;
    let longer = |(q, e): (&[i32], &[i32])| q[1] - q[0] > e[1] - e[0];
    match queries.values.windows(2).zip(offsets.values.windows(2)).position(longer) {
        None => Ok(()),
        Some(segment) => Err(Fault::range(format!("queries gives segment {segment} more queries than it has events"))),
    }
}

/// A width that a product divides by or runs over.
#[inline(never)]
pub fn some_width<T>(of: &View<'_, T>, width: usize) -> Result<()> {
    if width > 0 {
        return Ok(());
    }
    Err(Fault::shape(format!("{of} must be at least one wide")))
}

/// A number of things: at most what an i32 counts, so that a negative number from JavaScript is none.
#[inline(never)]
pub fn counted(name: &str, value: u32) -> Result<usize> {
    if value <= i32::MAX as u32 {
        return Ok(value as usize);
    }
    Err(Fault::range(format!("{name} is {}; a count is at least 0 and at most {}", value as i32, i32::MAX)))
}

/// A probability of dropping: 0 ≤ rate < 1, and 0 where there is no training.
#[inline(never)]
pub fn drop_rate(rate: f64) -> Result<f32> {
    if cfg!(not(feature = "training")) && rate != 0.0 {
        return Err(Fault::range("rate is not 0; this build for inference drops nothing"));
    }
    if (0.0..1.0).contains(&rate) {
        return Ok(rate as f32);
    }
    Err(Fault::range(format!("rate is {rate}; a rate of dropping is at least 0 and below 1")))
}
