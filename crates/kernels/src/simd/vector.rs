//! Sixteen lanes as registers, for the loops that must keep dozens of them: the compiler spills arrays there.

use super::{LANES, Lane};

/// Sixteen f32 in the registers of one instruction set.
///
/// # Safety
/// The methods may only be called where the instruction set is there; pointers must be good for sixteen f32.
pub(super) trait Vector: Copy {
    /// Rows of a tile of products whose accumulators fit the registers.
    const ROWS: usize;
    /// Vectors across such a tile.
    const ACROSS: usize;

    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, y: Self) -> Self;
    /// `self · y + z`, in one rounding where the set has it.
    unsafe fn fma(self, y: Self, z: Self) -> Self;
    /// `x0 y0 x1 y1 …` in two vectors.
    unsafe fn interleave(self, y: Self) -> (Self, Self);
}

/// What the compilation target promises.
#[derive(Clone, Copy)]
pub(super) struct Portable(Lane);

impl Vector for Portable {
    const ROWS: usize = if cfg!(target_arch = "aarch64") { 4 } else { 2 };
    const ACROSS: usize = 1;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: good for sixteen f32 by the caller's promise.
        Self(unsafe { from.cast::<Lane>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as above.
        unsafe { to.cast::<Lane>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn add(mut self, y: Self) -> Self {
        for i in 0..LANES {
            self.0[i] += y.0[i];
        }
        self
    }

    #[inline(always)]
    unsafe fn fma(self, y: Self, mut z: Self) -> Self {
        for i in 0..LANES {
            z.0[i] = super::fma::<{ cfg!(target_arch = "aarch64") }>(self.0[i], y.0[i], z.0[i]);
        }
        z
    }

    #[inline(always)]
    unsafe fn interleave(self, y: Self) -> (Self, Self) {
        let (mut low, mut high) = ([0.0; LANES], [0.0; LANES]);
        for i in 0..LANES / 2 {
            (low[2 * i], low[2 * i + 1]) = (self.0[i], y.0[i]);
            (high[2 * i], high[2 * i + 1]) = (self.0[i + 8], y.0[i + 8]);
        }
        (Self(low), Self(high))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
#[allow(clippy::undocumented_unsafe_blocks)] // SAFETY, for each: the set is there and pointers are good, by the trait's contract.
mod x86 {
    use super::Vector;
    use std::arch::x86_64::*;

    #[derive(Clone, Copy)]
    pub(crate) struct Avx512(__m512);

    impl Vector for Avx512 {
        const ROWS: usize = 6;
        const ACROSS: usize = 4;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Self(unsafe { _mm512_set1_ps(x) })
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Self(unsafe { _mm512_loadu_ps(from) })
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm512_storeu_ps(to, self.0) }
        }

        #[inline(always)]
        unsafe fn add(self, y: Self) -> Self {
            Self(unsafe { _mm512_add_ps(self.0, y.0) })
        }

        #[inline(always)]
        unsafe fn fma(self, y: Self, z: Self) -> Self {
            Self(unsafe { _mm512_fmadd_ps(self.0, y.0, z.0) })
        }

        #[inline(always)]
        unsafe fn interleave(self, y: Self) -> (Self, Self) {
            unsafe {
                let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
                let high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
                (
                    Self(_mm512_permutex2var_ps(self.0, low, y.0)),
                    Self(_mm512_permutex2var_ps(self.0, high, y.0)),
                )
            }
        }
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Avx2(__m256, __m256);

    #[inline(always)]
    unsafe fn interleave8(x: __m256, y: __m256) -> Avx2 {
        unsafe {
            let (low, high) = (_mm256_unpacklo_ps(x, y), _mm256_unpackhi_ps(x, y));
            Avx2(
                _mm256_permute2f128_ps::<0x20>(low, high),
                _mm256_permute2f128_ps::<0x31>(low, high),
            )
        }
    }

    impl Vector for Avx2 {
        const ROWS: usize = 6;
        const ACROSS: usize = 1;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            let x = unsafe { _mm256_set1_ps(x) };
            Self(x, x)
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            unsafe { Self(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe {
                _mm256_storeu_ps(to, self.0);
                _mm256_storeu_ps(to.add(8), self.1);
            }
        }

        #[inline(always)]
        unsafe fn add(self, y: Self) -> Self {
            unsafe { Self(_mm256_add_ps(self.0, y.0), _mm256_add_ps(self.1, y.1)) }
        }

        #[inline(always)]
        unsafe fn fma(self, y: Self, z: Self) -> Self {
            unsafe { Self(_mm256_fmadd_ps(self.0, y.0, z.0), _mm256_fmadd_ps(self.1, y.1, z.1)) }
        }

        #[inline(always)]
        unsafe fn interleave(self, y: Self) -> (Self, Self) {
            unsafe { (interleave8(self.0, y.0), interleave8(self.1, y.1)) }
        }
    }
}
