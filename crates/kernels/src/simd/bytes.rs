//! Sixteen words of four 8-bit codes as registers, and sums of i32. What is loaded is plus 128, what is spread over the lanes is
//! signed.

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(super) use lanes::LanesOfBytes;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) use wasm::LanesOfBytes;

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2OfBytes, Avx512OfBytes};

#[cfg(target_arch = "x86_64")]
#[allow(clippy::undocumented_unsafe_blocks)] // SAFETY, for each: the set is there and pointers are good, by the trait's contract.
mod x86 {
    use crate::simd::vector::Vector;
    use std::arch::x86_64::*;

    #[derive(Clone, Copy)]
    pub(crate) struct Avx512OfBytes(__m512i);

    impl Vector for Avx512OfBytes {
        const ROWS: usize = 6;
        const ACROSS: usize = 4;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Self(unsafe { _mm512_castps_si512(_mm512_set1_ps(x)) })
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Self(unsafe { _mm512_loadu_si512(from.cast()) })
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm512_storeu_si512(to.cast(), self.0) }
        }

        #[inline(always)]
        unsafe fn add(self, y: Self) -> Self {
            Self(unsafe { _mm512_add_epi32(self.0, y.0) })
        }

        /// Too high by 128 times the sum of the codes of `self`: the instruction takes y's bytes as they are.
        #[inline(always)]
        unsafe fn fma(self, y: Self, z: Self) -> Self {
            Self(unsafe { _mm512_dpbusd_epi32(z.0, y.0, self.0) })
        }
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Avx2OfBytes(__m256i, __m256i);

    impl Vector for Avx2OfBytes {
        const ROWS: usize = 4;
        const ACROSS: usize = 1;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            let x = unsafe { _mm256_castps_si256(_mm256_set1_ps(x)) };
            Self(x, x)
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            unsafe { Self(_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(8).cast())) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe {
                _mm256_storeu_si256(to.cast(), self.0);
                _mm256_storeu_si256(to.add(8).cast(), self.1);
            }
        }

        #[inline(always)]
        unsafe fn add(self, y: Self) -> Self {
            unsafe { Self(_mm256_add_epi32(self.0, y.0), _mm256_add_epi32(self.1, y.1)) }
        }

        /// |y| · (x with y's sign): a sum of two is 2 · 127² at most, which 16 bits hold.
        #[inline(always)]
        unsafe fn fma(self, y: Self, z: Self) -> Self {
            let sums = |x, y, z| unsafe {
                let y = _mm256_xor_si256(y, _mm256_set1_epi8(-128));
                let twos = _mm256_maddubs_epi16(_mm256_abs_epi8(y), _mm256_sign_epi8(x, y));
                _mm256_add_epi32(z, _mm256_madd_epi16(twos, _mm256_set1_epi16(1)))
            };
            Self(sums(self.0, y.0, z.0), sums(self.1, y.1, z.1))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod lanes {
    use crate::simd::LANES;
    use crate::simd::vector::{Portable, Vector};

    #[derive(Clone, Copy)]
    pub(crate) struct LanesOfBytes([i32; LANES]);

    impl Vector for LanesOfBytes {
        const ROWS: usize = Portable::ROWS;
        const ACROSS: usize = 1;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Self([x.to_bits() as i32; LANES])
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: good for sixteen f32, and so for sixteen i32, by the caller's promise.
            Self(unsafe { from.cast::<[i32; LANES]>().read_unaligned() })
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: as above.
            unsafe { to.cast::<[i32; LANES]>().write_unaligned(self.0) }
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
            for shift in [24, 16, 8, 0] {
                for i in 0..LANES {
                    let signed = y.0[i] ^ 0x8080_8080_u32 as i32;
                    z.0[i] += (self.0[i] << shift >> 24) * (signed << shift >> 24);
                }
            }
            z
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    use crate::simd::vector::{Portable, Vector};
    use std::arch::wasm32::*;

    #[derive(Clone, Copy)]
    pub(crate) struct LanesOfBytes([v128; 4]);

    impl Vector for LanesOfBytes {
        const ROWS: usize = Portable::ROWS;
        const ACROSS: usize = 1;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Self([i32x4_splat(x.to_bits() as i32); 4])
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            let from = from.cast::<v128>();
            // SAFETY: good for sixteen f32, and so for sixteen words, by the caller's promise.
            unsafe { Self([v128_load(from), v128_load(from.add(1)), v128_load(from.add(2)), v128_load(from.add(3))]) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            for i in 0..4 {
                // SAFETY: as above.
                unsafe { v128_store(to.cast::<v128>().add(i), self.0[i]) }
            }
        }

        #[inline(always)]
        unsafe fn add(mut self, y: Self) -> Self {
            for i in 0..4 {
                self.0[i] = i32x4_add(self.0[i], y.0[i]);
            }
            self
        }

        #[inline(always)]
        unsafe fn fma(self, y: Self, mut z: Self) -> Self {
            // The same word in every lane: its low half is its high half.
            let x = i16x8_extend_low_i8x16(self.0[0]);
            for i in 0..4 {
                let y = v128_xor(y.0[i], i8x16_splat(-128));
                let low = i32x4_dot_i16x8(x, i16x8_extend_low_i8x16(y));
                let high = i32x4_dot_i16x8(x, i16x8_extend_high_i8x16(y));
                let (even, odd) = (i32x4_shuffle::<0, 2, 4, 6>(low, high), i32x4_shuffle::<1, 3, 5, 7>(low, high));
                z.0[i] = i32x4_add(z.0[i], i32x4_add(even, odd));
            }
            z
        }
    }
}
