//! Between sixteen long rows and rows of sixteen.

use super::vector::Floats;
use super::{Instructions, LANES, vectorized};

/// Sixteen rows `from`, each a multiple of sixteen long, as rows of sixteen.
pub fn to_lanes(set: Instructions, from: &[f32], to: &mut [f32]) {
    squares(set, from, to, true);
}

/// Rows of sixteen, a multiple of sixteen of them, as sixteen rows.
pub fn to_rows(set: Instructions, from: &[f32], to: &mut [f32]) {
    squares(set, from, to, false);
}

fn squares(set: Instructions, from: &[f32], to: &mut [f32], to_lanes: bool) {
    assert!(from.len() == to.len() && from.len().is_multiple_of(LANES * LANES), "whole squares");
    transposed(set, from, to, to_lanes);
}

vectorized!(transposed = body(from: &[f32], to: &mut [f32], to_lanes: bool));

#[inline(always)]
unsafe fn body<V: Floats>(from: &[f32], to: &mut [f32], to_lanes: bool) {
    let width = from.len() / LANES;
    for start in (0..width).step_by(LANES) {
        let (long, short) = ((start, width), (start * LANES, LANES));
        let ((from_start, from_row), (to_start, to_row)) = if to_lanes { (long, short) } else { (short, long) };
        // SAFETY: the last vector of a square starts at most sixteen elements before the end of its slice.
        unsafe {
            let mut x = [V::splat(0.0); LANES];
            for i in 0..LANES {
                x[i] = V::load(from.as_ptr().add(from_start + i * from_row));
            }
            x = V::transpose(x);
            for i in 0..LANES {
                x[i].store(to.as_mut_ptr().add(to_start + i * to_row));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::testing::sets;

    #[test]
    fn lanes_are_columns() {
        for &set in sets() {
            for width in [0, 16, 48] {
                let rows: Vec<f32> = (0..16 * width).map(|i| i as f32).collect();
                let (mut lanes, mut back) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
                to_lanes(set, &rows, &mut lanes);
                for c in 0..width {
                    for r in 0..16 {
                        assert_eq!(lanes[c * 16 + r], rows[r * width + c], "{set:?}");
                    }
                }
                to_rows(set, &lanes, &mut back);
                assert_eq!(back, rows, "{set:?}");
            }
        }
    }
}
