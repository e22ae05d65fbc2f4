//! What the lanes of a vector come to, of sixteen vectors at once: of one after the other, each would wait for a long chain
//! of steps.

use super::vector::Floats;
use super::{Instructions, LANES, Lane, vectorized};

/// [`sum_lanes`](super::sum_lanes) of each.
pub fn sum_each(set: Instructions, x: &[Lane; LANES]) -> Lane {
    let mut sums = [0.0; LANES];
    sums_of(set, x, &mut sums);
    sums
}

/// [`max_lanes`](super::max_lanes) of each.
pub fn max_each(set: Instructions, x: &[Lane; LANES]) -> Lane {
    let mut most = [0.0; LANES];
    maxima_of(set, x, &mut most);
    most
}

vectorized!(sums_of = sums_body(x: &[Lane; LANES], sums: &mut Lane));
vectorized!(maxima_of = maxima_body(x: &[Lane; LANES], most: &mut Lane));

#[inline(always)]
unsafe fn sums_body<V: Floats>(x: &[Lane; LANES], sums: &mut Lane) {
    // SAFETY: the set is there, by the caller.
    unsafe { sum::<V>(x).store(sums.as_mut_ptr()) }
}

#[inline(always)]
unsafe fn maxima_body<V: Floats>(x: &[Lane; LANES], most: &mut Lane) {
    // SAFETY: as above.
    unsafe { tree::<V>(x, |a, b| b.max(a)).store(most.as_mut_ptr()) }
}

/// [`sum_each`], for loops over vectors.
#[inline(always)]
pub(super) unsafe fn sum<V: Floats>(x: &[Lane; LANES]) -> V {
    // SAFETY: as above.
    unsafe { tree::<V>(x, |a, b| a.add(b)) }
}

/// Lanes become vectors, and these meet as the lanes of [`sum_lanes`](super::sum_lanes) do.
#[inline(always)]
unsafe fn tree<V: Floats>(x: &[Lane; LANES], join: impl Fn(V, V) -> V) -> V {
    // SAFETY: the set is there, by the caller; each lane is sixteen f32.
    unsafe {
        let mut lanes = [V::splat(0.0); LANES];
        for i in 0..LANES {
            lanes[i] = V::load(x[i].as_ptr());
        }
        lanes = V::transpose(lanes);
        for i in 0..8 {
            lanes[i] = join(lanes[i], lanes[i + 8]);
        }
        for i in 0..4 {
            lanes[i] = join(lanes[i], lanes[i + 4]);
        }
        for i in 0..2 {
            lanes[i] = join(lanes[i], lanes[i + 2]);
        }
        join(lanes[0], lanes[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::testing::{bits, sets, values};
    use crate::simd::{max_lanes, sum_lanes};

    #[test]
    fn each_has_the_bits_that_it_has_alone() {
        let mut x = [[0.0; LANES]; LANES];
        x.as_flattened_mut().copy_from_slice(&values(1, LANES * LANES));
        x[3][5] = f32::INFINITY;
        x[7] = [f32::NEG_INFINITY; LANES];
        for &set in sets() {
            assert_eq!(bits(&sum_each(set, &x)), bits(&x.map(sum_lanes)), "{set:?}");
            assert_eq!(bits(&max_each(set, &x)), bits(&x.map(max_lanes)), "{set:?}");
        }
    }
}
