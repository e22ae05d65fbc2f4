//! The latest rows of each segment, and columns of whole numbers by row.

use ndarray::{ArrayView1, ArrayViewMut1};

use crate::views::{elements, elements_mut};

/// The last `most` rows of each segment, and their offsets by segment.
pub fn recent_rows(offsets: ArrayView1<i32>, most: usize, rows: ArrayViewMut1<i32>, ends: ArrayViewMut1<i32>) {
    let (offsets, rows, ends) = (elements(&offsets), elements_mut(rows), elements_mut(ends));
    assert_eq!(offsets.len(), ends.len());
    let mut count = 0;
    if let Some(first) = ends.first_mut() {
        *first = 0;
    }
    for (b, bounds) in offsets.windows(2).enumerate() {
        for row in bounds[1] - kept(bounds, most)..bounds[1] {
            rows[count] = row;
            count += 1;
        }
        ends[b + 1] = count as i32;
    }
    assert_eq!(count, rows.len(), "as many rows as are kept");
}

/// How many rows of the segments are among their last `most`.
pub fn recent_count(offsets: ArrayView1<i32>, most: usize) -> usize {
    elements(&offsets).windows(2).map(|bounds| kept(bounds, most) as usize).sum()
}

fn kept(bounds: &[i32], most: usize) -> i32 {
    (bounds[1] - bounds[0]).min(i32::try_from(most).unwrap_or(i32::MAX))
}

/// `y[i] = column[rows[i]]`.
pub fn take(column: ArrayView1<i32>, rows: ArrayView1<i32>, y: ArrayViewMut1<i32>) {
    let column = elements(&column);
    for (y, &row) in elements_mut(y).iter_mut().zip(elements(&rows)) {
        *y = column[row as usize];
    }
}

/// `y[i] = times[i] − from[offsets[b]]`, as far as an i32 counts, for the times of segment b, at `time_offsets` [B + 1], or one for
/// each segment; those of a segment without rows stay.
pub fn since_first(
    times: ArrayView1<i32>,
    time_offsets: Option<ArrayView1<i32>>,
    from: ArrayView1<i32>,
    offsets: ArrayView1<i32>,
    y: ArrayViewMut1<i32>,
) {
    let (times, from, offsets, y) = (elements(&times), elements(&from), elements(&offsets), elements_mut(y));
    let places = time_offsets.as_ref().map(elements);
    for (b, bounds) in offsets.windows(2).enumerate() {
        let own = places.map_or(b..b + 1, |places| places[b] as usize..places[b + 1] as usize);
        let first = if bounds[1] > bounds[0] { from[bounds[0] as usize] } else { 0 };
        for (y, time) in y[own.clone()].iter_mut().zip(&times[own]) {
            *y = time.saturating_sub(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::views::testing::{vector, vector_mut};

    #[test]
    fn the_last_rows_of_each_segment_remain() {
        let offsets = [0, 3, 3, 4, 8];
        let (mut rows, mut ends) = ([9; 5], [9; 5]);
        assert_eq!(recent_count(vector(&offsets), 2), 5);
        recent_rows(vector(&offsets), 2, vector_mut(&mut rows), vector_mut(&mut ends));
        assert_eq!((rows, ends), ([1, 2, 3, 6, 7], [0, 2, 2, 3, 5]));
        recent_rows(vector(&offsets), 0, vector_mut(&mut []), vector_mut(&mut ends));
        assert_eq!(ends, [0; 5]);
        recent_rows(vector(&[0]), 2, vector_mut(&mut []), vector_mut(&mut [9]));
    }

    #[test]
    fn times_count_from_the_first_of_their_segment() {
        let (from, offsets) = ([5, 9, 70], [0, 2, 2, 3]);
        let mut y = [0; 3];
        since_first(vector(&from), Some(vector(&offsets)), vector(&from), vector(&offsets), vector_mut(&mut y));
        assert_eq!(y, [0, 4, 0]);
        since_first(vector(&[6, 7, i32::MIN]), None, vector(&from), vector(&offsets), vector_mut(&mut y));
        assert_eq!(y, [1, 7, i32::MIN]);
    }

    #[test]
    fn columns_are_taken_by_row() {
        let mut y = [0; 3];
        take(vector(&[7, -1, 5]), vector(&[2, 0, 2]), vector_mut(&mut y));
        assert_eq!(y, [5, 7, 5]);
    }
}
