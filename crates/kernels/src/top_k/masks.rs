//! What a user may get.

use std::ops::Range;

use crate::simd::matrix::PANEL;

/// What may not be returned: a user's `seen` [X] at `seen_offsets` [B + 1], and items without a bit in `allowed`, bit i % 32
/// of word i / 32.
#[derive(Clone, Copy)]
pub struct Masks<'a> {
    pub seen: &'a [i32],
    pub seen_offsets: &'a [i32],
    pub allowed: Option<&'a [i32]>,
}

impl Masks<'_> {
    /// A word for each 64 items of a range that starts at a multiple of 64: bit i is set where item i of them is allowed.
    pub(super) fn allow(&self, items: Range<usize>, eligible: &mut [u64]) {
        for (panel, eligible) in eligible.iter_mut().enumerate() {
            *eligible = self.allowed(items.start + panel * PANEL, items.end);
        }
    }

    /// Clears the bits of what a user has seen in words, `step` apart, that begin with item `from`.
    pub(super) fn exclude_seen(&self, user: usize, from: usize, eligible: &mut [u64], step: usize) {
        for &item in &self.seen[self.seen_offsets[user] as usize..self.seen_offsets[user + 1] as usize] {
            let Some(at) = (item as usize).checked_sub(from) else { continue };
            if let Some(eligible) = eligible.get_mut(at / PANEL * step) {
                *eligible &= !(1 << (at % PANEL));
            }
        }
    }

    /// Bit i is set where item `from + i` is below `end` and allowed; `from` is a multiple of 64.
    pub(super) fn allowed(&self, from: usize, end: usize) -> u64 {
        let word = |words: &[i32], i| words.get(i).map_or(0, |&word: &i32| u64::from(word as u32));
        let here = self.allowed.map_or(u64::MAX, |words| word(words, from / 32) | word(words, from / 32 + 1) << 32);
        here & u64::MAX >> (PANEL - PANEL.min(end - from))
    }
}
