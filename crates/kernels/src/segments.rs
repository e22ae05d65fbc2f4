//! What follows from the offsets of a jagged batch: segment `b` holds the rows `offsets[b] .. offsets[b + 1]`.

use std::ops::Range;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1};

use crate::views::{elements, elements_mut};

/// Where the elements of a segment lie in a row-major matrix of `width` columns.
pub(crate) fn bounds(offsets: &[i32], segment: usize, width: usize) -> Range<usize> {
    offsets[segment] as usize * width..offsets[segment + 1] as usize * width
}

/// Each row's segment.
pub fn segment_ids(offsets: ArrayView1<i32>, y: ArrayViewMut1<i32>) {
    let (offsets, y) = (elements(&offsets), elements_mut(y));
    for (segment, bounds) in (0..).zip(offsets.windows(2)) {
        y[bounds[0] as usize..bounds[1] as usize].fill(segment);
    }
}

/// The offsets of segments in which each row becomes `times` rows; none overflows, by the caller.
pub fn repeat_offsets(offsets: ArrayView1<i32>, times: i32, y: ArrayViewMut1<i32>) {
    assert_eq!(offsets.len(), y.len());
    elements_mut(y).iter_mut().zip(elements(&offsets)).for_each(|(y, offset)| *y = offset * times);
}

/// How many pairs of an event and a candidate [`pairs`] finds.
pub fn pair_count(offsets: ArrayView1<i32>, candidate_offsets: ArrayView1<i32>) -> u64 {
    let length = |pair: &[i32]| (pair[1] - pair[0]) as u64;
    let pairs = elements(&offsets).windows(2).zip(elements(&candidate_offsets).windows(2));
    pairs.map(|(events, candidates)| length(events) * length(candidates)).sum()
}

/// Every pair of an event, at `offsets` [B + 1], and a candidate of the same segment, at `candidate_offsets` [B + 1]:
/// candidate by candidate, each with its segment's events in order. `pair_offsets` [C + 1] tell where a candidate's begin.
pub fn pairs(
    offsets: ArrayView1<i32>,
    candidate_offsets: ArrayView1<i32>,
    events: ArrayViewMut1<i32>,
    candidates: ArrayViewMut1<i32>,
    pair_offsets: ArrayViewMut1<i32>,
) {
    assert!(offsets.len() == candidate_offsets.len() && events.len() == candidates.len());
    let (offsets, candidate_offsets) = (elements(&offsets), elements(&candidate_offsets));
    let [events, candidates, pair_offsets] = [events, candidates, pair_offsets].map(elements_mut);
    let mut at = 0;
    pair_offsets[0] = 0;
    for (events_of, candidates_of) in offsets.windows(2).zip(candidate_offsets.windows(2)) {
        for candidate in candidates_of[0]..candidates_of[1] {
            let end = at + (events_of[1] - events_of[0]) as usize;
            candidates[at..end].fill(candidate);
            events[at..end].iter_mut().zip(events_of[0]..).for_each(|(event, from)| *event = from);
            pair_offsets[candidate as usize + 1] = end as i32;
            at = end;
        }
    }
    assert_eq!(at, events.len(), "as many as were counted");
}

/// The items of rows [B, k] that are not −1, row by row, and the `offsets` [B + 1] of the rows among them.
pub fn present(items: ArrayView2<i32>, present: ArrayViewMut1<i32>, offsets: ArrayViewMut1<i32>) {
    assert_eq!(offsets.len(), items.nrows() + 1);
    let (k, items, present, offsets) = (items.ncols(), elements(&items), elements_mut(present), elements_mut(offsets));
    let mut count = 0;
    offsets[0] = 0;
    for (b, end) in offsets[1..].iter_mut().enumerate() {
        for &item in items[b * k..][..k].iter().filter(|&&item| item != -1) {
            present[count] = item;
            count += 1;
        }
        *end = count as i32;
    }
    assert_eq!(count, present.len(), "as many as were counted");
}

/// Each row's index within its segment.
pub fn positions(offsets: ArrayView1<i32>, y: ArrayViewMut1<i32>) {
    let (offsets, y) = (elements(&offsets), elements_mut(y));
    for bounds in offsets.windows(2) {
        for (position, y) in (0..).zip(&mut y[bounds[0] as usize..bounds[1] as usize]) {
            *y = position;
        }
    }
}

/// The last row of each segment that has one, and `queries`, the offsets of these rows by segment.
pub fn last_rows(offsets: ArrayView1<i32>, rows: ArrayViewMut1<i32>, queries: ArrayViewMut1<i32>) {
    let (offsets, rows, queries) = (elements(&offsets), elements_mut(rows), elements_mut(queries));
    assert_eq!(offsets.len(), queries.len());
    let mut count = 0;
    if let Some(first) = queries.first_mut() {
        *first = 0;
    }
    for (b, bounds) in offsets.windows(2).enumerate() {
        if bounds[1] > bounds[0] {
            rows[count] = bounds[1] - 1;
            count += 1;
        }
        queries[b + 1] = count as i32;
    }
    assert_eq!(count, rows.len(), "one row for each segment that is not empty");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::testing::{matrix, vector, vector_mut};

    #[test]
    fn positions_start_again_in_each_segment() {
        let mut y = [9; 5];
        positions(vector(&[0, 2, 2, 5]), vector_mut(&mut y));
        assert_eq!(y, [0, 1, 0, 1, 2]);
        positions(vector(&[0]), vector_mut(&mut []));
        positions(vector(&[]), vector_mut(&mut []));
    }

    #[test]
    fn ids_skip_empty_segments() {
        let mut y = [9; 5];
        segment_ids(vector(&[0, 2, 2, 5]), vector_mut(&mut y));
        assert_eq!(y, [0, 0, 2, 2, 2]);
    }

    #[test]
    fn offsets_are_repeated() {
        let mut y = [9; 3];
        repeat_offsets(vector(&[0, 1, 3]), 4, vector_mut(&mut y));
        assert_eq!(y, [0, 4, 12]);
    }

    #[test]
    fn pairs_are_candidate_by_candidate() {
        let (offsets, candidate_offsets) = (vector(&[0, 2, 2, 3]), vector(&[0, 2, 3, 5]));
        assert_eq!(pair_count(offsets, candidate_offsets), 6);
        let (mut events, mut candidates, mut by) = ([9; 6], [9; 6], [9; 6]);
        pairs(offsets, candidate_offsets, vector_mut(&mut events), vector_mut(&mut candidates), vector_mut(&mut by));
        assert_eq!(events, [0, 1, 0, 1, 2, 2]);
        assert_eq!(candidates, [0, 0, 1, 1, 3, 4]);
        assert_eq!(by, [0, 2, 4, 4, 5, 6]);
        let most = vector(&[0, i32::MAX]);
        assert_eq!(pair_count(most, most), (i32::MAX as u64).pow(2));
    }

    #[test]
    fn what_is_absent_is_left_out() {
        let (mut items, mut offsets) = ([9; 3], [9; 4]);
        present(matrix(&[4, -1, -1, -1, 0, 4], 2), vector_mut(&mut items), vector_mut(&mut offsets));
        assert_eq!((items, offsets), ([4, 0, 4], [0, 1, 1, 3]));
    }

    #[test]
    fn last_rows_skip_empty_segments() {
        let (mut rows, mut queries) = ([9; 2], [9; 5]);
        last_rows(vector(&[0, 0, 2, 5, 5]), vector_mut(&mut rows), vector_mut(&mut queries));
        assert_eq!(rows, [1, 4]);
        assert_eq!(queries, [0, 0, 1, 2, 2]);
        let mut queries = [9; 1];
        last_rows(vector(&[0]), vector_mut(&mut []), vector_mut(&mut queries));
        assert_eq!(queries, [0]);
    }

    #[test]
    #[should_panic(expected = "one row for each segment")]
    fn the_number_of_last_rows_is_checked() {
        last_rows(vector(&[0, 1, 1]), vector_mut(&mut [0; 2]), vector_mut(&mut [0; 3]));
    }
}
