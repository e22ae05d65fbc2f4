//! Numbers rounded to bf16, two in a word: how a training step multiplies where the CPU does two of them in the time of one f32.
//!
//! A word is a slot of an f32 slice that holds two bf16, the first in the low half. Where the CPU lacks AVX512-BF16 the same
//! functions run as plain loops: tests use them, training does not.

use super::matrix::{Into, Left, check};
use super::tiles;

mod exponentials;

pub use exponentials::exponentials;

/// In what numbers the products of a training step are taken; sums are f32 either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    #[default]
    F32,
    Bf16,
    /// Each number as the nearest bf16 and the nearest to what that leaves: three products in the place of one.
    Bf16x3,
}

impl Precision {
    /// Whether this CPU, with the instruction set in use, gains by it.
    pub fn available(self) -> bool {
        match self {
            Self::F32 => true,
            Self::Bf16 => has_bf16(),
            Self::Bf16x3 => on_tiles(),
        }
    }

    /// The precision of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "f32" => Some(Self::F32),
            "bf16" => Some(Self::Bf16),
            "bf16x3" => Some(Self::Bf16x3),
            _ => None,
        }
    }

    /// Words that hold two numbers; none of f32.
    pub fn planes(self) -> usize {
        match self {
            Self::F32 => 0,
            Self::Bf16 => 1,
            Self::Bf16x3 => 2,
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

/// Whether the CPU's tile unit takes the products.
pub fn on_tiles() -> bool {
    has_bf16() && tiles::available()
}

/// Numbers whose pairs fill whole vectors of words.
pub const PAIRS: usize = 32;

/// Words of the nearest bf16 and, behind them where there are two planes, of the nearest to what these leave.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    high: &'a [f32],
    low: Option<&'a [f32]>,
}

impl<'a> Words<'a> {
    /// @param planes 1 or 2, of equal length, one after the other
    pub fn new(words: &'a [f32], planes: usize) -> Self {
        let (high, low) = words.split_at(words.len() / planes);
        Self { high, low: (planes > 1).then_some(low) }
    }

    /// Those from word `at` on.
    pub fn from(self, at: usize) -> Self {
        Self { high: &self.high[at..], low: self.low.map(|low| &low[at..]) }
    }

    /// The planes whose products make one with `other`, the smallest first; the first few of three.
    fn terms(self, other: Self) -> ([[&'a [f32]; 2]; 3], usize) {
        let main = [self.high, other.high];
        match (self.low, other.low) {
            (Some(left), Some(right)) => ([[left, other.high], [self.high, right], main], 3),
            _ => ([main; 3], 1),
        }
    }
}

/// `words[i] = (x[2i], x[2i + 1])`; x a multiple of 32 long. Words for twice as many numbers get a second plane.
pub fn pack(x: &[f32], words: &mut [f32]) {
    assert!(x.len().is_multiple_of(PAIRS));
    let (high, low) = planes(words, x.len() / 2);
    pack_plane::<false>(x, high);
    if !low.is_empty() {
        pack_plane::<true>(x, low);
    }
}

/// Rows 2j and 2j + 1 of x [rows, width] as row j of panels of words [width / across][⌈rows / 2⌉, across]; zeros stand for a
/// missing last row. `across` is a multiple of 16. Twice as many words get a second plane, panel by panel.
pub fn interleave(x: &[f32], width: usize, across: usize, words: &mut [f32]) {
    let rows = x.len() / width;
    assert!(rows > 0 && x.len() == rows * width && across.is_multiple_of(16) && width.is_multiple_of(across));
    let size = words.len() / (width / across);
    for (panel, words) in words.chunks_exact_mut(size).enumerate() {
        let (high, low) = planes(words, rows.div_ceil(2) * across);
        let x = &x[panel * across..];
        interleave_plane::<false>(x, width, across, high);
        if !low.is_empty() {
            interleave_plane::<true>(x, width, across, low);
        }
    }
}

fn planes(words: &mut [f32], size: usize) -> (&mut [f32], &mut [f32]) {
    assert!(words.len() == size || words.len() == 2 * size, "words fill one plane or two");
    words.split_at_mut(size)
}

/// `LOW`: of what the nearest bf16 leaves.
fn pack_plane<const LOW: bool>(x: &[f32], words: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if has_bf16() {
        // SAFETY: the CPU has the instructions.
        return unsafe { x86::pack::<LOW>(x, words) };
    }
    for (word, x) in words.iter_mut().zip(x.as_chunks::<2>().0) {
        *word = pair(plane_of::<LOW>(x[0]), plane_of::<LOW>(x[1]));
    }
}

/// The first `across` of rows that lie `row` apart.
fn interleave_plane<const LOW: bool>(x: &[f32], row: usize, across: usize, words: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if has_bf16() {
        // SAFETY: the CPU has the instructions.
        return unsafe { x86::interleave::<LOW>(x, row, across, words) };
    }
    for (x, words) in x.chunks(2 * row).zip(words.chunks_exact_mut(across)) {
        let (first, second) = x.split_at(row.min(x.len()));
        for (i, word) in words.iter_mut().enumerate() {
            let second = second.get(i).copied().unwrap_or(0.0);
            *word = pair(plane_of::<LOW>(first[i]), plane_of::<LOW>(second));
        }
    }
}

/// A number, or what its nearest bf16 leaves of it.
fn plane_of<const LOW: bool>(x: f32) -> f32 {
    if LOW { x - f32::from_bits(rounded(x) << 16) } else { x }
}

/// Pairs of operands that one product sums over, at most.
pub const MOST: usize = 4;

/// Products of words, [rows, columns] = Σ left [rows, depth] · right [depth, columns ≤ 64] over up to [`MOST`] pairs of operands,
/// whose rows lie `left_row` and `right_row` apart: `depth` counts pairs of numbers, and each gives two products.
///
/// With a second plane the products of high and low parts come first, then those of the high ones.
pub fn multiply_pairs<'a>(
    operands: impl IntoIterator<Item = [Words<'a>; 2]>,
    [left_row, right_row]: [usize; 2],
    shape: (usize, usize, usize),
    mut into: Into,
    out: &mut [f32],
    out_row: usize,
) {
    if shape.0 == 0 || shape.2 == 0 {
        return;
    }
    if on_tiles() && tiles::suits(shape, into) {
        let (mut terms, mut count) = ([[&[][..]; 2]; 3 * MOST], 0);
        for [left, right] in operands {
            let (own, some) = left.terms(right);
            terms[count..][..some].copy_from_slice(&own[..some]);
            count += some;
        }
        for &[left, right] in &terms[..count] {
            check(Left { values: left, row: left_row, step: 1 }, right, right_row, shape, into, out, out_row);
        }
        return tiles::multiply(&terms[..count], [left_row, right_row], shape, into, out, out_row);
    }
    for [left, right] in operands {
        let (terms, count) = left.terms(right);
        for &[left, right] in &terms[..count] {
            let left = Left { values: left, row: left_row, step: 1 };
            check(left, right, right_row, shape, into, out, out_row);
            multiply_plane(left, right, right_row, shape, into, out, out_row);
            into = Into::Add;
        }
    }
}

fn multiply_plane(
    left: Left,
    right: &[f32],
    right_row: usize,
    (rows, depth, columns): (usize, usize, usize),
    into: Into,
    out: &mut [f32],
    out_row: usize,
) {
    #[cfg(target_arch = "x86_64")]
    if has_bf16() {
        // SAFETY: the CPU has the instructions; `multiply_pairs` asserted the bounds.
        return unsafe { x86::tiles(left, right, right_row, (rows, depth, columns), into, out, out_row) };
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

    /// A number, or what its nearest bf16 leaves of it.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    #[inline]
    fn plane_of<const LOW: bool>(x: __m512) -> __m512 {
        if !LOW {
            return x;
        }
        // SAFETY: both are 256 bits.
        let halves = unsafe { std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(x)) };
        _mm512_sub_ps(x, _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves))))
    }

    /// # Safety
    /// The CPU has the instructions.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    pub(super) unsafe fn pack<const LOW: bool>(x: &[f32], words: &mut [f32]) {
        for (x, to) in x.as_chunks::<32>().0.iter().zip(words.as_chunks_mut::<16>().0) {
            // SAFETY: 32 numbers are read and 16 words written, which the chunks hold.
            unsafe {
                let [high, low] = [16, 0].map(|i| plane_of::<LOW>(_mm512_loadu_ps(x.as_ptr().add(i))));
                let pairs = _mm512_cvtne2ps_pbh(high, low);
                _mm512_storeu_si512(to.as_mut_ptr().cast(), std::mem::transmute::<__m512bh, __m512i>(pairs));
            }
        }
    }

    /// # Safety
    /// The CPU has the instructions.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    pub(super) unsafe fn interleave<const LOW: bool>(x: &[f32], row: usize, across: usize, words: &mut [f32]) {
        let both: [u16; 32] = std::array::from_fn(|i| (i / 2 + i % 2 * 16) as u16);
        for (x, words) in x.chunks(2 * row).zip(words.chunks_exact_mut(across)) {
            let (first, second) = x.split_at(row.min(x.len()));
            assert!(first.len() >= across && (second.is_empty() || second.len() >= across));
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
                    let halves = _mm512_cvtne2ps_pbh(plane_of::<LOW>(high), plane_of::<LOW>(low));
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
        right_row: usize,
        shape: (usize, usize, usize),
        into: Into,
        out: &mut [f32],
        out_row: usize,
    ) {
        // SAFETY: passed on from the caller.
        unsafe { tiles_body::<Avx512Pairs>(left, right, right_row, shape, into, out, out_row) }
    }
}

#[cfg(test)]
mod tests;
