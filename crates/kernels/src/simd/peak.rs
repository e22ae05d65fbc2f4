//! How many multiply-adds a thread can do: what kernels are held against.

use std::hint::black_box;

#[cfg(target_arch = "x86_64")]
use super::vector::{Avx2, Avx512};
use super::vector::{Portable, Vector};
use super::{Instructions, LANES};

/// Runs `rounds` rounds of independent multiply-adds in registers, and returns how many f32 operations they were.
pub fn multiply_adds(set: Instructions, rounds: usize) -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2")]
        unsafe fn avx512(rounds: usize) -> f64 {
            // SAFETY: this function has the features.
            unsafe { body::<Avx512, 12>(rounds) }
        }
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2(rounds: usize) -> f64 {
            // SAFETY: as above.
            unsafe { body::<Avx2, 6>(rounds) }
        }
        match set.min(super::best()) {
            // SAFETY: `best` found these features.
            Instructions::Avx512 => return unsafe { avx512(rounds) },
            // SAFETY: as above.
            Instructions::Avx2 => return unsafe { avx2(rounds) },
            Instructions::Portable => {}
        }
    }
    let _ = set;
    // SAFETY: every machine has the portable set.
    unsafe { body::<Portable, 3>(rounds) }
}

/// `N` chains of multiply-adds: enough to hide how long one takes, and few enough for the registers.
#[inline(always)]
unsafe fn body<V: Vector, const N: usize>(rounds: usize) -> f64 {
    let mut lanes = [0.0; LANES];
    // SAFETY: by the caller; sixteen lanes are stored to sixteen.
    unsafe {
        // Unknown to the compiler: it knew that a chain which begins with 2 stays there, and left it out.
        let (factor, term) = (V::splat(black_box(0.5)), V::splat(black_box(1.0)));
        let mut sums = [V::splat(0.0); N];
        for n in 0..N {
            sums[n] = V::splat(n as f32);
        }
        for _ in 0..rounds {
            for n in 0..N {
                sums[n] = sums[n].fma(factor, term);
            }
        }
        for n in 1..N {
            sums[0] = sums[0].add(sums[n]);
        }
        sums[0].store(lanes.as_mut_ptr());
    }
    black_box(lanes);
    (2 * rounds * N * LANES) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_two_operations_a_lane_and_chain() {
        assert_eq!(multiply_adds(Instructions::Portable, 10), 2.0 * 10.0 * 3.0 * 16.0);
    }
}
