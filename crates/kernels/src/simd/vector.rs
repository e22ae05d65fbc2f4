//! Sixteen lanes as registers, for the loops that must keep dozens of them: the compiler spills arrays there.

use super::LANES;

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
}

/// What f32 do besides being multiplied.
///
/// # Safety
/// As for [`Vector`].
pub(super) trait Floats: Vector {
    unsafe fn multiply(self, y: Self) -> Self;
    unsafe fn divide(self, y: Self) -> Self;
    /// The square root of each lane.
    unsafe fn sqrt(self) -> Self;
    /// Asks for memory that is soon to be loaded: a hint, good for any address.
    #[inline(always)]
    unsafe fn prefetch(_from: *const f32) {}
    /// The greater of each lane, y's where the own is a NaN.
    unsafe fn max(self, y: Self) -> Self;
    /// Bit i where lane i is greater; a NaN is not.
    unsafe fn greater(self, y: Self) -> u16;
    /// Sixteen rows become sixteen columns.
    unsafe fn transpose(x: [Self; LANES]) -> [Self; LANES];
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(super) use lanes::Portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) use wasm::Simd128 as Portable;

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512, Avx512Pairs};

#[cfg(target_arch = "x86_64")]
#[allow(clippy::undocumented_unsafe_blocks)] // SAFETY, for each: the set is there and pointers are good, by the trait's contract.
mod x86 {
    use super::{Floats, LANES, Vector};
    use std::arch::x86_64::*;

    #[derive(Clone, Copy)]
    pub(crate) struct Avx512(pub __m512);

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
    }

    impl Floats for Avx512 {
        #[inline(always)]
        unsafe fn multiply(self, y: Self) -> Self {
            Self(unsafe { _mm512_mul_ps(self.0, y.0) })
        }

        #[inline(always)]
        unsafe fn divide(self, y: Self) -> Self {
            Self(unsafe { _mm512_div_ps(self.0, y.0) })
        }

        #[inline(always)]
        unsafe fn sqrt(self) -> Self {
            Self(unsafe { _mm512_sqrt_ps(self.0) })
        }

        #[inline(always)]
        unsafe fn prefetch(from: *const f32) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
        }

        #[inline(always)]
        unsafe fn max(self, y: Self) -> Self {
            Self(unsafe { _mm512_max_ps(self.0, y.0) })
        }

        #[inline(always)]
        unsafe fn greater(self, y: Self) -> u16 {
            unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, y.0) }
        }

        #[inline(always)]
        unsafe fn transpose(x: [Self; LANES]) -> [Self; LANES] {
            let mut rows = x;
            let mut columns = x;
            unsafe {
                // 4 × 4 within each quarter of four rows, then 4 × 4 of quarters.
                for i in (0..LANES).step_by(4) {
                    let [a, b, c, d] = [x[i].0, x[i + 1].0, x[i + 2].0, x[i + 3].0];
                    let (ab, cd) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
                    rows[i] = Self(pairs_low(ab, cd));
                    rows[i + 1] = Self(pairs_high(ab, cd));
                    let (ab, cd) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
                    rows[i + 2] = Self(pairs_low(ab, cd));
                    rows[i + 3] = Self(pairs_high(ab, cd));
                }
                for i in 0..4 {
                    let [a, b, c, d] = [rows[i].0, rows[i + 4].0, rows[i + 8].0, rows[i + 12].0];
                    let (ab, cd) = (quarters_even(a, b), quarters_even(c, d));
                    columns[i] = Self(quarters_even(ab, cd));
                    columns[i + 8] = Self(quarters_odd(ab, cd));
                    let (ab, cd) = (quarters_odd(a, b), quarters_odd(c, d));
                    columns[i + 4] = Self(quarters_even(ab, cd));
                    columns[i + 12] = Self(quarters_odd(ab, cd));
                }
            }
            columns
        }
    }

    /// Sixteen words of two bf16; sums stay f32.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx512Pairs(__m512);

    impl Vector for Avx512Pairs {
        const ROWS: usize = Avx512::ROWS;
        const ACROSS: usize = Avx512::ACROSS;

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

        /// Both products of each word.
        #[inline(always)]
        unsafe fn fma(self, y: Self, z: Self) -> Self {
            use std::mem::transmute;
            unsafe {
                Self(_mm512_dpbf16_ps(z.0, transmute::<__m512, __m512bh>(self.0), transmute::<__m512, __m512bh>(y.0)))
            }
        }
    }

    #[inline(always)]
    unsafe fn pairs_low(x: __m512, y: __m512) -> __m512 {
        unsafe { _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(x), _mm512_castps_pd(y))) }
    }

    #[inline(always)]
    unsafe fn pairs_high(x: __m512, y: __m512) -> __m512 {
        unsafe { _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(x), _mm512_castps_pd(y))) }
    }

    #[inline(always)]
    unsafe fn quarters_even(x: __m512, y: __m512) -> __m512 {
        unsafe { _mm512_shuffle_f32x4::<0x88>(x, y) }
    }

    #[inline(always)]
    unsafe fn quarters_odd(x: __m512, y: __m512) -> __m512 {
        unsafe { _mm512_shuffle_f32x4::<0xdd>(x, y) }
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Avx2(pub __m256, pub __m256);

    /// 8 × 8: 4 × 4 within each half of four rows, then halves.
    #[inline(always)]
    unsafe fn transpose8(x: [__m256; 8]) -> [__m256; 8] {
        let (mut rows, mut columns) = (x, x);
        unsafe {
            for i in [0, 4] {
                let [a, b, c, d] = [x[i], x[i + 1], x[i + 2], x[i + 3]];
                let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
                rows[i] = _mm256_shuffle_ps::<0x44>(ab, cd);
                rows[i + 1] = _mm256_shuffle_ps::<0xee>(ab, cd);
                let (ab, cd) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
                rows[i + 2] = _mm256_shuffle_ps::<0x44>(ab, cd);
                rows[i + 3] = _mm256_shuffle_ps::<0xee>(ab, cd);
            }
            for i in 0..4 {
                columns[i] = _mm256_permute2f128_ps::<0x20>(rows[i], rows[i + 4]);
                columns[i + 4] = _mm256_permute2f128_ps::<0x31>(rows[i], rows[i + 4]);
            }
        }
        columns
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
    }

    impl Floats for Avx2 {
        #[inline(always)]
        unsafe fn multiply(self, y: Self) -> Self {
            unsafe { Self(_mm256_mul_ps(self.0, y.0), _mm256_mul_ps(self.1, y.1)) }
        }

        #[inline(always)]
        unsafe fn divide(self, y: Self) -> Self {
            unsafe { Self(_mm256_div_ps(self.0, y.0), _mm256_div_ps(self.1, y.1)) }
        }

        #[inline(always)]
        unsafe fn sqrt(self) -> Self {
            unsafe { Self(_mm256_sqrt_ps(self.0), _mm256_sqrt_ps(self.1)) }
        }

        #[inline(always)]
        unsafe fn prefetch(from: *const f32) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
        }

        #[inline(always)]
        unsafe fn max(self, y: Self) -> Self {
            unsafe { Self(_mm256_max_ps(self.0, y.0), _mm256_max_ps(self.1, y.1)) }
        }

        #[inline(always)]
        unsafe fn greater(self, y: Self) -> u16 {
            let bits = |x, y| unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(x, y)) as u16 };
            bits(self.0, y.0) | bits(self.1, y.1) << 8
        }

        #[inline(always)]
        unsafe fn transpose(x: [Self; LANES]) -> [Self; LANES] {
            let mut y = x;
            let zero = x[0].0;
            for i in [0, 8] {
                let (mut left, mut right) = ([zero; 8], [zero; 8]);
                for j in 0..8 {
                    (left[j], right[j]) = (x[i + j].0, x[i + j].1);
                }
                let (left, right) = unsafe { (transpose8(left), transpose8(right)) };
                for j in 0..8 {
                    if i == 0 {
                        (y[j].0, y[j + 8].0) = (left[j], right[j]);
                    } else {
                        (y[j].1, y[j + 8].1) = (left[j], right[j]);
                    }
                }
            }
            y
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod lanes {
    use super::super::{Lane, fma};
    use super::{Floats, LANES, Vector};

    /// What the compilation target promises.
    #[derive(Clone, Copy)]
    pub(crate) struct Portable(pub Lane);

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
                z.0[i] = fma::<{ cfg!(target_arch = "aarch64") }>(self.0[i], y.0[i], z.0[i]);
            }
            z
        }
    }

    impl Floats for Portable {
        #[inline(always)]
        unsafe fn multiply(mut self, y: Self) -> Self {
            for i in 0..LANES {
                self.0[i] *= y.0[i];
            }
            self
        }

        #[inline(always)]
        unsafe fn divide(mut self, y: Self) -> Self {
            for i in 0..LANES {
                self.0[i] /= y.0[i];
            }
            self
        }

        #[inline(always)]
        unsafe fn sqrt(self) -> Self {
            Self(self.0.map(f32::sqrt))
        }

        #[inline(always)]
        unsafe fn max(self, mut y: Self) -> Self {
            for i in 0..LANES {
                y.0[i] = if self.0[i] > y.0[i] { self.0[i] } else { y.0[i] };
            }
            y
        }

        #[inline(always)]
        unsafe fn greater(self, y: Self) -> u16 {
            (0..LANES).fold(0, |bits, i| bits | u16::from(self.0[i] > y.0[i]) << i)
        }

        #[inline(always)]
        unsafe fn transpose(mut x: [Self; LANES]) -> [Self; LANES] {
            let from = x;
            for i in 0..LANES {
                for j in 0..LANES {
                    x[i].0[j] = from[j].0[i];
                }
            }
            x
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    use super::{Floats, LANES, Vector};
    use std::arch::wasm32::*;

    /// The simd128 of WebAssembly, which has no fused product.
    #[derive(Clone, Copy)]
    pub(crate) struct Simd128([v128; 4]);

    impl Vector for Simd128 {
        const ROWS: usize = 2;
        const ACROSS: usize = 1;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Self([f32x4_splat(x); 4])
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            let from = from.cast::<v128>();
            // SAFETY: good for sixteen f32 by the caller's promise.
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
                self.0[i] = f32x4_add(self.0[i], y.0[i]);
            }
            self
        }

        #[inline(always)]
        unsafe fn fma(self, y: Self, mut z: Self) -> Self {
            for i in 0..4 {
                z.0[i] = f32x4_add(f32x4_mul(self.0[i], y.0[i]), z.0[i]);
            }
            z
        }
    }

    impl Floats for Simd128 {
        #[inline(always)]
        unsafe fn multiply(mut self, y: Self) -> Self {
            for i in 0..4 {
                self.0[i] = f32x4_mul(self.0[i], y.0[i]);
            }
            self
        }

        #[inline(always)]
        unsafe fn divide(mut self, y: Self) -> Self {
            for i in 0..4 {
                self.0[i] = f32x4_div(self.0[i], y.0[i]);
            }
            self
        }

        #[inline(always)]
        unsafe fn sqrt(self) -> Self {
            Self(self.0.map(|x| f32x4_sqrt(x)))
        }

        #[inline(always)]
        unsafe fn max(self, mut y: Self) -> Self {
            for i in 0..4 {
                // The own where it is greater: a pseudo-maximum takes the first operand where one of them is a NaN.
                y.0[i] = f32x4_pmax(y.0[i], self.0[i]);
            }
            y
        }

        #[inline(always)]
        unsafe fn greater(self, y: Self) -> u16 {
            (0..4).fold(0, |bits, i| bits | u16::from(i32x4_bitmask(f32x4_gt(self.0[i], y.0[i]))) << (4 * i))
        }

        #[inline(always)]
        unsafe fn transpose(x: [Self; LANES]) -> [Self; LANES] {
            let mut y = x;
            for i in 0..4 {
                for j in 0..4 {
                    let [a, b, c, d] = [0, 1, 2, 3].map(|row| x[4 * i + row].0[j]);
                    let (ab, cd) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<0, 4, 1, 5>(c, d));
                    y[4 * j].0[i] = i32x4_shuffle::<0, 1, 4, 5>(ab, cd);
                    y[4 * j + 1].0[i] = i32x4_shuffle::<2, 3, 6, 7>(ab, cd);
                    let (ab, cd) = (i32x4_shuffle::<2, 6, 3, 7>(a, b), i32x4_shuffle::<2, 6, 3, 7>(c, d));
                    y[4 * j + 2].0[i] = i32x4_shuffle::<0, 1, 4, 5>(ab, cd);
                    y[4 * j + 3].0[i] = i32x4_shuffle::<2, 3, 6, 7>(ab, cd);
                }
            }
            y
        }
    }
}
