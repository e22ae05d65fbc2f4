//! Which of many scores pass a threshold.

use super::matrix::PANEL;
use super::vector::Floats;
use super::{Instructions, LANES, vectorized};

/// Bit i of `passing[r]` is set where `scores[r · 64 + i] > thresholds[r]`; a NaN passes nothing.
pub fn passes(set: Instructions, scores: &[f32], thresholds: &[f32], passing: &mut [u64]) {
    assert!(scores.len() == thresholds.len() * PANEL && thresholds.len() == passing.len());
    compare(set, scores, thresholds, passing);
}

vectorized!(compare = compare_body(scores: &[f32], thresholds: &[f32], passing: &mut [u64]));

#[inline(always)]
unsafe fn compare_body<V: Floats>(scores: &[f32], thresholds: &[f32], passing: &mut [u64]) {
    for ((row, &threshold), bits) in scores.chunks_exact(PANEL).zip(thresholds).zip(passing) {
        let mut all = 0;
        for i in (0..PANEL).step_by(LANES) {
            // SAFETY: a row is four vectors long.
            let some = unsafe { V::load(row.as_ptr().add(i)).greater(V::splat(threshold)) };
            all |= u64::from(some) << i;
        }
        *bits = all;
    }
}

/// Bit i is set where `words[i] & masks[i]` is not 0, for up to 64 words.
#[inline]
pub fn filled(set: Instructions, words: &[u64], masks: &[u64]) -> u64 {
    assert!(words.len() == masks.len() && words.len() <= 64);
    #[cfg(target_arch = "x86_64")]
    if set.min(super::best()) == Instructions::Avx512 {
        // SAFETY: `best` found the features; the lengths were asserted.
        return unsafe { filled_avx512(words, masks) };
    }
    let _ = set;
    words.iter().zip(masks).enumerate().fold(0, |all, (i, (word, mask))| all | u64::from(word & mask != 0) << i)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn filled_avx512(words: &[u64], masks: &[u64]) -> u64 {
    use std::arch::x86_64::{_mm512_maskz_loadu_epi64, _mm512_test_epi64_mask};
    let mut all = 0;
    for i in (0..words.len()).step_by(8) {
        let there = u8::MAX >> (8 - 8.min(words.len() - i));
        // SAFETY: only lanes of words that are there are loaded.
        let [word, mask] = [words, masks].map(|x| unsafe { _mm512_maskz_loadu_epi64(there, x.as_ptr().add(i).cast()) });
        all |= u64::from(_mm512_test_epi64_mask(word, mask)) << i;
    }
    all
}

/// Asks for memory that is soon to be read; nothing where the compiler knows no such hint.
#[inline]
pub fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(64 / size_of::<T>()) {
        // SAFETY: a hint about memory of the slice; SSE is part of x86-64.
        unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::testing::{sets, values};

    #[test]
    fn a_bit_is_a_comparison() {
        let mut scores = values(1, 3 * PANEL);
        scores[5] = f32::NAN;
        scores[6] = f32::INFINITY;
        scores[7] = f32::NEG_INFINITY;
        for thresholds in [[0.25, f32::NEG_INFINITY, 9.0], [f32::NAN, scores[70], -1.0]] {
            for &set in sets() {
                let mut passing = [7; 3];
                passes(set, &scores, &thresholds, &mut passing);
                for (i, score) in scores.iter().enumerate() {
                    assert_eq!(
                        passing[i / PANEL] >> (i % PANEL) & 1 == 1,
                        *score > thresholds[i / PANEL],
                        "{set:?} {i}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_bit_is_a_word_in_which_a_bit_of_the_mask_is_set() {
        let words: Vec<u64> = (0..64).map(|i| if i % 3 == 0 { 0 } else { 1 << i }).collect();
        let masks: Vec<u64> = (0..64).map(|i| if i % 5 == 0 { !(1 << i) } else { u64::MAX }).collect();
        for (&set, n) in sets().iter().flat_map(|set| [0, 1, 7, 8, 9, 63, 64].map(|n| (set, n))) {
            let bits = filled(set, &words[..n], &masks[..n]);
            for i in 0..64 {
                assert_eq!(bits >> i & 1 == 1, i < n && i % 3 != 0 && i % 5 != 0, "{set:?} {n} {i}");
            }
        }
    }
}
