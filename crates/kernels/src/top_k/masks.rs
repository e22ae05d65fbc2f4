//! What a user may get.

use crate::simd::matrix::PANEL;

/// What may not be returned: a user's `seen` [X] at `seen_offsets` [B + 1] (searched faster where they ascend), and items
/// without a bit in `allowed`, bit i % 32 of word i / 32.
#[derive(Clone, Copy)]
pub struct Masks<'a> {
    pub seen: &'a [i32],
    pub seen_offsets: &'a [i32],
    pub allowed: Option<&'a [i32]>,
}

impl<'a> Masks<'a> {
    pub(super) fn seen_by(&self, user: usize) -> Seen<'a> {
        let items = &self.seen[self.seen_offsets[user] as usize..self.seen_offsets[user + 1] as usize];
        Seen { items, ascending: items.is_sorted() }
    }

    /// Bit i is set where item `from + i` is below `end` and allowed; `from` is a multiple of 64.
    pub(super) fn allowed(&self, from: usize, end: usize) -> u64 {
        let word = |words: &[i32], i| words.get(i).map_or(0, |&word: &i32| u64::from(word as u32));
        let here = self.allowed.map_or(u64::MAX, |words| word(words, from / 32) | word(words, from / 32 + 1) << 32);
        here & u64::MAX >> (PANEL - PANEL.min(end - from))
    }
}

/// One user's seen items.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen<'a> {
    items: &'a [i32],
    ascending: bool,
}

impl Seen<'_> {
    pub fn holds(&self, item: usize) -> bool {
        let item = item as i32;
        if self.ascending { self.items.binary_search(&item).is_ok() } else { self.items.contains(&item) }
    }
}
