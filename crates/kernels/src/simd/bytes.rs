//! Sixteen words of four 8-bit codes as registers, and sums of i32. What is loaded is plus 128, what is spread over the lanes is
//! signed.

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(super) use lanes::LanesOfBytes;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) use wasm::products;

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
    use crate::simd::matrix::PANEL;
    use std::arch::wasm32::*;

    /// Products [rows, 64] of queries, `row` words apart, with a panel's items: `words` words of both. Too high by 128 times the
    /// sum of a query's codes: the items' bytes are taken as they are. A vector of four items is widened once for four queries.
    pub(crate) fn products(queries: &[i32], row: usize, words: usize, panel: &[i32], out: &mut [i32]) {
        let (queries, outs) = (queries.chunks(4 * row), out.chunks_mut(4 * PANEL));
        for (queries, out) in queries.zip(outs) {
            match out.len() / PANEL {
                4 => of_rows::<4>(queries, row, words, panel, out),
                3 => of_rows::<3>(queries, row, words, panel, out),
                2 => of_rows::<2>(queries, row, words, panel, out),
                _ => of_rows::<1>(queries, row, words, panel, out),
            }
        }
    }

    #[inline(always)]
    fn of_rows<const M: usize>(queries: &[i32], row: usize, words: usize, panel: &[i32], out: &mut [i32]) {
        assert!(words <= row && queries.len() == M * row && words * PANEL <= panel.len() && out.len() == M * PANEL);
        for i in (0..PANEL).step_by(4) {
            let mut sums = [[i32x4_splat(0); 2]; M];
            for w in 0..words {
                // SAFETY: words below `words` of 64 items and of M queries are inside both slices, as was asserted.
                unsafe {
                    let four = panel.as_ptr().add(w * PANEL + i);
                    let halves = [i16x8_load_extend_u8x8(four.cast()), i16x8_load_extend_u8x8(four.add(2).cast())];
                    for m in 0..M {
                        // The same word in every lane: its low half is its high half.
                        let x = i16x8_extend_low_i8x16(v128_load32_splat(queries.as_ptr().add(m * row + w).cast()));
                        for h in 0..2 {
                            sums[m][h] = i32x4_add(sums[m][h], i32x4_dot_i16x8(x, halves[h]));
                        }
                    }
                }
            }
            for m in 0..M {
                let [low, high] = sums[m];
                let (even, odd) = (i32x4_shuffle::<0, 2, 4, 6>(low, high), i32x4_shuffle::<1, 3, 5, 7>(low, high));
                // SAFETY: M rows of 64 are inside `out`.
                unsafe { v128_store(out.as_mut_ptr().add(m * PANEL + i).cast(), i32x4_add(even, odd)) };
            }
        }
    }
}
