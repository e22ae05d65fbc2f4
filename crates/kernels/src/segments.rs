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
