//! What follows from the offsets of a jagged batch: segment `b` holds the rows `offsets[b] .. offsets[b + 1]`.

/// Each row's index within its segment.
pub fn positions(offsets: &[i32], y: &mut [i32]) {
    for bounds in offsets.windows(2) {
        for (position, y) in (0..).zip(&mut y[bounds[0] as usize..bounds[1] as usize]) {
            *y = position;
        }
    }
}

/// The last row of each segment that has one, and `queries`, the offsets of these rows by segment.
pub fn last_rows(offsets: &[i32], rows: &mut [i32], queries: &mut [i32]) {
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
    #[test]
    fn positions_start_again_in_each_segment() {
        let mut y = [9; 5];
        positions(&[0, 2, 2, 5], &mut y);
        assert_eq!(y, [0, 1, 0, 1, 2]);
        positions(&[0], &mut []);
        positions(&[], &mut []);
    }

    #[test]
    fn last_rows_skip_empty_segments() {
        let (mut rows, mut queries) = ([9; 2], [9; 5]);
        last_rows(&[0, 0, 2, 5, 5], &mut rows, &mut queries);
        assert_eq!(rows, [1, 4]);
        assert_eq!(queries, [0, 0, 1, 2, 2]);
        let mut queries = [9; 1];
        last_rows(&[0], &mut [], &mut queries);
        assert_eq!(queries, [0]);
    }

    #[test]
    #[should_panic(expected = "one row for each segment")]
    fn the_number_of_last_rows_is_checked() {
        last_rows(&[0, 1, 1], &mut [0; 2], &mut [0; 3]);
    }
}
