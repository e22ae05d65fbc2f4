//! Sixteen words of four 8-bit codes as registers, and sums of i32. What is loaded is plus 128, what is spread over the lanes is
//! signed.

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(super) use lanes::LanesOfBytes as PortableBytes;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) use wasm::Simd128OfBytes as PortableBytes;

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2OfBytes, Avx512OfBytes};

#[cfg(target_arch = "x86_64")]
#[allow(clippy::undocumented_unsafe_blocks)] // SAFETY, for each: the set is there and pointers are good, by the trait's contract.
mod x86 {
    use super::lanes::Bytes;
    use crate::simd::vector::{Avx2, Avx512};
    use std::arch::x86_64::*;

    #[derive(Clone, Copy)]
    pub(crate) struct Avx512OfBytes(__m512i);

    impl Bytes for Avx512OfBytes {
        type Floats = Avx512;
        const ROWS: usize = 6;
        const ACROSS: usize = 4;
        const OFFSET: bool = true;

        #[inline(always)]
        unsafe fn splat(x: i32) -> Self {
            Self(unsafe { _mm512_set1_epi32(x) })
        }

        #[inline(always)]
        unsafe fn load(from: *const i32) -> Self {
            Self(unsafe { _mm512_loadu_si512(from.cast()) })
        }

        /// The instruction takes the bytes of the items as they are.
        #[inline(always)]
        unsafe fn products(self, items: Self, sums: Self) -> Self {
            Self(unsafe { _mm512_dpbusd_epi32(sums.0, items.0, self.0) })
        }

        #[inline(always)]
        unsafe fn floats(self) -> Avx512 {
            Avx512(unsafe { _mm512_cvtepi32_ps(self.0) })
        }
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Avx2OfBytes(__m256i, __m256i);

    impl Bytes for Avx2OfBytes {
        type Floats = Avx2;
        const ROWS: usize = 4;
        const ACROSS: usize = 1;
        const OFFSET: bool = false;

        #[inline(always)]
        unsafe fn splat(x: i32) -> Self {
            let x = unsafe { _mm256_set1_epi32(x) };
            Self(x, x)
        }

        #[inline(always)]
        unsafe fn load(from: *const i32) -> Self {
            unsafe { Self(_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(8).cast())) }
        }

        /// |items| · (codes with the items' sign): a sum of two is 2 · 127² at most, which 16 bits hold.
        #[inline(always)]
        unsafe fn products(self, items: Self, sums: Self) -> Self {
            let add = |codes, items, sums| unsafe {
                let items = _mm256_xor_si256(items, _mm256_set1_epi8(-128));
                let twos = _mm256_maddubs_epi16(_mm256_abs_epi8(items), _mm256_sign_epi8(codes, items));
                _mm256_add_epi32(sums, _mm256_madd_epi16(twos, _mm256_set1_epi16(1)))
            };
            Self(add(self.0, items.0, sums.0), add(self.1, items.1, sums.1))
        }

        #[inline(always)]
        unsafe fn floats(self) -> Avx2 {
            unsafe { Avx2(_mm256_cvtepi32_ps(self.0), _mm256_cvtepi32_ps(self.1)) }
        }
    }
}

/// A loop of up to six rounds without a loop: the compiler keeps what is in arrays in registers only where it unrolls.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
macro_rules! each {
    ($i:ident < $n:ident => $body:expr) => {
        each!($i $n $body; 0 1 2 3 4 5)
    };
    ($i:ident $n:ident $body:expr; $($at:literal)*) => {
        $(if $at < $n {
            let $i = $at;
            $body;
        })*
    };
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod lanes {
    use crate::simd::LANES;
    use crate::simd::codes::{Tile, Tiles};
    use crate::simd::matrix::PANEL;
    use crate::simd::vector::{Floats, Portable, Vector};
    use std::sync::atomic::{Ordering, compiler_fence};

    /// Sixteen words of codes, or sums of their products.
    ///
    /// # Safety
    /// The methods may only be called where the instruction set is there; pointers must be good for sixteen i32.
    pub(crate) trait Bytes: Copy {
        type Floats: Floats;
        /// Rows of a tile of products whose sums fit the registers.
        const ROWS: usize;
        /// Vectors across such a tile: a divisor of 4.
        const ACROSS: usize;
        /// Whether products are too high by 128 times the sum of the codes of `self`.
        const OFFSET: bool;

        unsafe fn splat(x: i32) -> Self;
        unsafe fn load(from: *const i32) -> Self;
        /// `sums` and the products of each word's codes.
        unsafe fn products(self, items: Self, sums: Self) -> Self;
        /// Sums as the nearest f32.
        unsafe fn floats(self) -> Self::Floats;
    }

    impl<V: Bytes> Tiles for V {
        const ROWS: usize = V::ROWS;
        const OFFSET: bool = V::OFFSET;

        #[inline(always)]
        unsafe fn bounds<const M: usize>(tile: &Tile) {
            for from in (0..PANEL).step_by(V::ACROSS * LANES) {
                // SAFETY: by the caller's promise.
                unsafe {
                    match V::ACROSS {
                        4 => across::<V, M, 4>(tile, from),
                        _ => across::<V, M, 1>(tile, from),
                    }
                }
            }
        }
    }

    /// Bounds of N vectors of items from item `from` on, made while the sums are in registers.
    #[inline(always)]
    unsafe fn across<V: Bytes, const M: usize, const N: usize>(tile: &Tile, from: usize) {
        // SAFETY: the panel and M rows of all else are there, by the caller's promise.
        unsafe {
            let mut sums = [[V::splat(0); N]; M];
            for m in 0..M {
                for n in 0..N {
                    sums[m][n] = V::splat(tile.start(m));
                }
            }
            for word in 0..tile.words {
                let mut items = [V::splat(0); N];
                for n in 0..N {
                    items[n] = V::load(tile.panel.add(word * PANEL + from + n * LANES));
                }
                for m in 0..M {
                    let codes = V::splat(*tile.query(m).add(word));
                    for n in 0..N {
                        sums[m][n] = codes.products(items[n], sums[m][n]);
                    }
                }
            }
            each!(m < M => {
                finish(tile, m, from, sums[m]);
                // Or what the next rows need is loaded first of all, and has no room in the registers.
                compiler_fence(Ordering::SeqCst);
            });
        }
    }

    /// Sums of a row as bounds, with bits for those that are greater than its threshold.
    #[inline(always)]
    unsafe fn finish<V: Bytes, const N: usize>(tile: &Tile, row: usize, from: usize, sums: [V; N]) {
        // SAFETY: by the caller's promise.
        unsafe {
            let (threshold, mut passing) = (V::Floats::splat(*tile.thresholds.add(row)), 0);
            for n in 0..N {
                let at = from + n * LANES;
                let scales = V::Floats::load(tile.panel.add(tile.words * PANEL + at).cast());
                let bound = scales.fma(sums[n].floats(), V::Floats::splat(0.0));
                bound.store(tile.scores.add(row * PANEL + at));
                passing |= u64::from(bound.greater(threshold)) << at;
            }
            *tile.passing.add(row) = if from == 0 { passing } else { *tile.passing.add(row) | passing };
        }
    }

    #[derive(Clone, Copy)]
    pub(crate) struct LanesOfBytes([i32; LANES]);

    impl Bytes for LanesOfBytes {
        type Floats = Portable;
        const ROWS: usize = Portable::ROWS;
        const ACROSS: usize = 1;
        const OFFSET: bool = false;

        #[inline(always)]
        unsafe fn splat(x: i32) -> Self {
            Self([x; LANES])
        }

        #[inline(always)]
        unsafe fn load(from: *const i32) -> Self {
            // SAFETY: good for sixteen i32 by the caller's promise.
            Self(unsafe { from.cast::<[i32; LANES]>().read_unaligned() })
        }

        #[inline(always)]
        unsafe fn products(self, items: Self, mut sums: Self) -> Self {
            for shift in [24, 16, 8, 0] {
                for i in 0..LANES {
                    let signed = items.0[i] ^ 0x8080_8080_u32 as i32;
                    sums.0[i] += (self.0[i] << shift >> 24) * (signed << shift >> 24);
                }
            }
            sums
        }

        #[inline(always)]
        unsafe fn floats(self) -> Portable {
            Portable(self.0.map(|x| x as f32))
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    use crate::simd::codes::{Tile, Tiles};
    use crate::simd::matrix::PANEL;
    use std::arch::wasm32::*;

    /// Four items at a time: a vector of them is widened once for all rows. The items' bytes are taken as they are.
    pub(crate) struct Simd128OfBytes;

    impl Tiles for Simd128OfBytes {
        const ROWS: usize = 4;
        const OFFSET: bool = true;

        #[inline(always)]
        unsafe fn bounds<const M: usize>(tile: &Tile) {
            for i in (0..PANEL).step_by(4) {
                // SAFETY: the panel, the queries and the scores hold these, by the caller's promise.
                unsafe {
                    let mut sums = [[i32x4_splat(0); 2]; M];
                    for word in 0..tile.words {
                        let four = tile.panel.add(word * PANEL + i);
                        let halves = [i16x8_load_extend_u8x8(four.cast()), i16x8_load_extend_u8x8(four.add(2).cast())];
                        for m in 0..M {
                            // The same word in every lane: its low half is its high half.
                            let x = i16x8_extend_low_i8x16(v128_load32_splat(tile.query(m).add(word).cast()));
                            for h in 0..2 {
                                sums[m][h] = i32x4_add(sums[m][h], i32x4_dot_i16x8(x, halves[h]));
                            }
                        }
                    }
                    let scales = v128_load(tile.panel.add(tile.words * PANEL + i).cast());
                    for m in 0..M {
                        let [low, high] = sums[m];
                        let (even, odd) =
                            (i32x4_shuffle::<0, 2, 4, 6>(low, high), i32x4_shuffle::<1, 3, 5, 7>(low, high));
                        let sum = i32x4_add(i32x4_add(even, odd), i32x4_splat(tile.start(m)));
                        let bound = f32x4_mul(scales, f32x4_convert_i32x4(sum));
                        v128_store(tile.scores.add(m * PANEL + i).cast(), bound);
                        let above = i32x4_bitmask(f32x4_gt(bound, f32x4_splat(*tile.thresholds.add(m))));
                        let before = if i == 0 { 0 } else { *tile.passing.add(m) };
                        *tile.passing.add(m) = before | u64::from(above) << i;
                    }
                }
            }
        }
    }
}
