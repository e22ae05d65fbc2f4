//! Between sixteen long rows and rows of sixteen.

#[cfg(target_arch = "x86_64")]
use super::vector::{Avx2, Avx512};
use super::vector::{Portable, Vector};
use super::{Instructions, LANES};

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
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2")]
        unsafe fn avx512(from: &[f32], to: &mut [f32], to_lanes: bool) {
            // SAFETY: this function has the features, and the lengths were asserted.
            unsafe { body::<Avx512>(from, to, to_lanes) }
        }
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2(from: &[f32], to: &mut [f32], to_lanes: bool) {
            // SAFETY: as above.
            unsafe { body::<Avx2>(from, to, to_lanes) }
        }
        match set.min(super::best()) {
            // SAFETY: `best` found these features.
            Instructions::Avx512 => return unsafe { avx512(from, to, to_lanes) },
            // SAFETY: as above.
            Instructions::Avx2 => return unsafe { avx2(from, to, to_lanes) },
            Instructions::Portable => {}
        }
    }
    let _ = set;
    // SAFETY: every machine has the portable set, and the lengths were asserted.
    unsafe { body::<Portable>(from, to, to_lanes) }
}

#[inline(always)]
unsafe fn body<V: Vector>(from: &[f32], to: &mut [f32], to_lanes: bool) {
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
    use crate::parallel::testing::SETS;

    #[test]
    fn lanes_are_columns() {
        for set in SETS {
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
