//! Numbers rounded to bf16, two in a word: how a training step multiplies where the CPU does two of them in the time of one f32.
//!
//! A word is a slot of an f32 slice that holds two bf16, the first in the low half. Where the CPU lacks AVX512-BF16 the same
//! functions run as plain loops: tests use them, training does not.

use super::matrix::{Into, Left, check};

mod exponentials;

pub use exponentials::exponentials;

/// In what numbers the products of a training step are taken; sums are f32 either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    #[default]
    F32,
    Bf16,
}

impl Precision {
    /// Whether this CPU, with the instruction set in use, gains by it.
    pub fn available(self) -> bool {
        match self {
            Self::F32 => true,
            Self::Bf16 => has_bf16(),
        }
    }

    /// The precision of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "f32" => Some(Self::F32),
            "bf16" => Some(Self::Bf16),
            _ => None,
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_bf16() -> bool {
    use super::Instructions;
    super::instructions() == Instructions::Avx512 && is_x86_feature_detected!("avx512bf16")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_bf16() -> bool {
    false
}

/// Numbers whose pairs fill whole vectors of words.
pub const PAIRS: usize = 32;

/// `words[i] = (x[2i], x[2i + 1])`; x a multiple of 32 long.
pub fn pack(x: &[f32], words: &mut [f32]) {
    assert!(x.len().is_multiple_of(PAIRS) && words.len() == x.len() / 2);
    #[cfg(target_arch = "x86_64")]
    if has_bf16() {
        // SAFETY: the CPU has the instructions.
        return unsafe { x86::pack(x, words) };
    }
    for (word, x) in words.iter_mut().zip(x.as_chunks::<2>().0) {
        *word = pair(x[0], x[1]);
    }
}

/// Rows 2j and 2j + 1 of x [rows, width] as row j of words [⌈rows / 2⌉, width]; zeros stand for a missing last row. The width is a
/// multiple of 16.
pub fn interleave(x: &[f32], width: usize, words: &mut [f32]) {
    let rows = x.len() / width;
    assert!(rows > 0 && x.len() == rows * width && width.is_multiple_of(16));
    assert!(words.len() == rows.div_ceil(2) * width, "words hold their rows");
    #[cfg(target_arch = "x86_64")]
    if has_bf16() {
        // SAFETY: the CPU has the instructions.
        return unsafe { x86::interleave(x, width, words) };
    }
    for (x, words) in x.chunks(2 * width).zip(words.chunks_exact_mut(width)) {
        let (first, second) = x.split_at(width);
        for (i, word) in words.iter_mut().enumerate() {
            *word = pair(first[i], second.get(i).copied().unwrap_or(0.0));
        }
    }
}

/// The product of words, [rows, columns] = left [rows, depth] · right [depth, columns ≤ 64], whose rows lie `left_row` and
/// `right_row` apart: `depth` counts pairs of numbers, and each gives two products.
pub fn multiply_pairs(
    [left, right]: [&[f32]; 2],
    [left_row, right_row]: [usize; 2],
    shape: (usize, usize, usize),
    into: Into,
    out: &mut [f32],
    out_row: usize,
) {
    let (rows, depth, columns) = shape;
    if rows == 0 || columns == 0 {
        return;
    }
    let left = Left { values: left, row: left_row, step: 1 };
    check(left, right, right_row, shape, into, out, out_row);
    #[cfg(target_arch = "x86_64")]
    if has_bf16() {
        // SAFETY: the CPU has the instructions, and the bounds were asserted.
        return unsafe { x86::tiles(left, right, [right_row, out_row], shape, into, out) };
    }
    for r in 0..rows {
        for c in 0..columns {
            let term = |k: usize| {
                let (a, b) = (halves(left.values[r * left.row + k * left.step]), halves(right[k * right_row + c]));
                a[0] * b[0] + a[1] * b[1]
            };
            let sum = (0..depth).map(term).sum::<f32>();
            let to = &mut out[r * out_row + c];
            *to = match into {
                Into::Set => sum,
                Into::SetOnto(row) => row[c] + sum,
                Into::Add => *to + sum,
            };
        }
    }
}

/// The nearest bf16, ties to even, as its bits.
fn rounded(x: f32) -> u32 {
    let bits = x.to_bits();
    if x.is_nan() { (bits >> 16) | 0x40 } else { bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16 }
}

fn pair(first: f32, second: f32) -> f32 {
    f32::from_bits(rounded(first) | rounded(second) << 16)
}

fn halves(word: f32) -> [f32; 2] {
    let bits = word.to_bits();
    [f32::from_bits(bits << 16), f32::from_bits(bits & 0xffff_0000)]
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use crate::simd::matrix::{Into, Left, tiles_body};
    use crate::simd::vector::Avx512Pairs;
    use std::arch::x86_64::*;

    /// # Safety
    /// The CPU has the instructions.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    pub(super) unsafe fn pack(x: &[f32], words: &mut [f32]) {
        for (x, to) in x.as_chunks::<32>().0.iter().zip(words.as_chunks_mut::<16>().0) {
            // SAFETY: 32 numbers are read and 16 words written, which the chunks hold.
            unsafe {
                let [second, first] = [16, 0].map(|i| _mm512_loadu_ps(x.as_ptr().add(i)));
                let pairs = _mm512_cvtne2ps_pbh(second, first);
                _mm512_storeu_si512(to.as_mut_ptr().cast(), std::mem::transmute::<__m512bh, __m512i>(pairs));
            }
        }
    }

    /// # Safety
    /// The CPU has the instructions.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    pub(super) unsafe fn interleave(x: &[f32], row: usize, words: &mut [f32]) {
        let both: [u16; 32] = std::array::from_fn(|i| (i / 2 + i % 2 * 16) as u16);
        for (x, words) in x.chunks(2 * row).zip(words.chunks_exact_mut(row)) {
            let (first, second) = x.split_at(row);
            assert!(second.is_empty() || second.len() == row);
            for (i, to) in words.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                // SAFETY: a row holds as many numbers as a row of words, by the assertion; a missing one is not read. `both` is
                // 64 bytes.
                unsafe {
                    let low = _mm512_loadu_ps(first.as_ptr().add(16 * i));
                    let high = if second.is_empty() {
                        _mm512_setzero_ps()
                    } else {
                        _mm512_loadu_ps(second.as_ptr().add(16 * i))
                    };
                    let halves = _mm512_cvtne2ps_pbh(high, low);
                    let halves = std::mem::transmute::<__m512bh, __m512i>(halves);
                    let pairs = _mm512_permutexvar_epi16(_mm512_loadu_si512(both.as_ptr().cast()), halves);
                    _mm512_storeu_si512(to.as_mut_ptr().cast(), pairs);
                }
            }
        }
    }

    /// # Safety
    /// The CPU has the instructions, and the bounds were checked.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    pub(super) unsafe fn tiles(
        left: Left,
        right: &[f32],
        rows: [usize; 2],
        shape: (usize, usize, usize),
        into: Into,
        out: &mut [f32],
    ) {
        // SAFETY: passed on from the caller.
        unsafe { tiles_body::<Avx512Pairs>(left, right, rows, shape, into, out) }
    }
}

#[cfg(test)]
mod tests;
