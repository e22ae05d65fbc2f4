//! Rows that become columns.

use super::vector::Floats;
use super::{Instructions, LANES, Lane, vectorized};

/// Some rows of `from`, `from_row` apart, as the columns of `to`, whose rows are `to_row` apart. Both ways whole squares of
/// sixteen are written: columns without a row, and rows beyond `columns`, hold anything.
pub fn to_columns(
    set: Instructions,
    from: &[f32],
    from_row: usize,
    (rows, columns): (usize, usize),
    to: &mut [f32],
    to_row: usize,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    assert!((rows - 1) * from_row + columns <= from.len(), "from holds its rows");
    let (high, across) = (columns.next_multiple_of(LANES), rows.next_multiple_of(LANES));
    assert!((high - 1) * to_row + across <= to.len(), "to holds its rows");
    transposed(set, from, from_row, (rows, columns), to, to_row);
}

vectorized!(transposed = body(from: &[f32], from_row: usize, shape: (usize, usize), to: &mut [f32], to_row: usize));

#[inline(always)]
unsafe fn body<V: Floats>(
    from: &[f32],
    from_row: usize,
    (rows, columns): (usize, usize),
    to: &mut [f32],
    to_row: usize,
) {
    let mut copy = [[0.0; LANES]; LANES];
    for r in (0..rows).step_by(LANES) {
        let high = LANES.min(rows - r);
        for c in (0..columns).step_by(LANES) {
            let (mut square, mut row) = (&from[r * from_row + c..], from_row);
            if square.len() < (high - 1) * from_row + LANES {
                copy_square(square, from_row, high, &mut copy);
                (square, row) = (copy.as_flattened(), LANES);
            }
            // SAFETY: `square` holds sixteen elements of each of its `high` rows, and `to_columns` asserted that `to` holds
            // whole squares.
            unsafe {
                let mut x = [V::splat(0.0); LANES];
                for i in 0..LANES {
                    if i < high {
                        x[i] = V::load(square.as_ptr().add(i * row));
                    }
                }
                x = V::transpose(x);
                for i in 0..LANES {
                    x[i].store(to.as_mut_ptr().add((c + i) * to_row + r));
                }
            }
        }
    }
}

/// As much of sixteen elements of each row as there is.
#[cold]
fn copy_square(from: &[f32], row: usize, rows: usize, copy: &mut [Lane; LANES]) {
    for (i, copy) in copy.iter_mut().enumerate().take(rows) {
        let from = &from[i * row..];
        let count = from.len().min(LANES);
        copy[..count].copy_from_slice(&from[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::testing::{sets, values};

    #[test]
    fn rows_are_columns() {
        let shapes = [(1, 1, 1), (16, 16, 20), (5, 17, 17), (33, 7, 9), (17, 48, 50), (64, 50, 50)];
        for (rows, columns, from_row) in shapes.into_iter().take(if cfg!(miri) { 3 } else { 6 }) {
            let from = values(1, (rows - 1) * from_row + columns);
            let to_row = rows.next_multiple_of(LANES) + 3;
            for &set in sets() {
                let mut to = vec![f32::NAN; columns.next_multiple_of(LANES) * to_row];
                to_columns(set, &from, from_row, (rows, columns), &mut to, to_row);
                for c in 0..columns {
                    for r in 0..to_row {
                        let actual = to[c * to_row + r];
                        if r < rows {
                            assert_eq!(actual, from[r * from_row + c], "{set:?} {rows} {columns}");
                        } else if r >= rows.next_multiple_of(LANES) {
                            assert!(actual.is_nan());
                        }
                    }
                }
            }
        }
    }
}
