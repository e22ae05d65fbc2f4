//! What a search needs of a table of items, and the table of f32 items. That of 8-bit codes is in `quantized.rs`.

use std::ops::Range;

use super::exact::Exact;
use super::masks::Masks;
use super::plan::Plan;
use crate::simd::compare::{passes, prefetch};
use crate::simd::matrix::{PANEL, transpose};
use crate::simd::rows::multiply_rows;

/// Items that can be scored by vectors, a panel of 64 at a time. Scratch is that of a panel, or of a user's products for 64 items.
pub(super) trait Table: Sync {
    /// Whether scores are bounds until they are rescored: several panels can be bounded at once, and estimates pay.
    const BOUNDS: bool;

    /// The items and vectors in f32.
    fn exact(&self) -> &Exact<'_>;

    /// Prepares the 64 items from `from` on, or those that are left.
    fn pack(&self, from: usize, scratch: &mut [f32]);

    /// Scores [panels, rows, 64] of some vectors for the items last packed, or bounds above them, whatever there is where no
    /// items are left; and which of them pass their vector's threshold, [panels, rows]. All are in units of the vector's.
    fn score(
        &self,
        vectors: Range<usize>,
        items: Range<usize>,
        scratch: &[f32],
        thresholds: &[f32],
        scores: &mut [f32],
        passing: &mut [u64],
    );

    /// The larger of `largest` [rows, 64] and estimates of the scores of the 64 items from `from` on, where these are
    /// eligible for a vector, in its units.
    fn sample(&self, vectors: Range<usize>, from: usize, eligible: &[u64], largest: &mut [f32], scores: &mut [f32]);

    /// What scores of a vector are given in units of.
    fn scale(&self, vector: usize) -> f32;

    /// A threshold in such units.
    fn threshold(&self, threshold: f32, unit: f32) -> f32;

    /// By how much the score of an item is likely below its bound.
    fn bound_gap(&self, vector: usize, item: usize) -> f32;

    /// Whether what is soon to be packed should be asked for.
    fn exceeds_cache(&self) -> bool;

    /// Asks for items that are soon to be packed.
    fn prefetch_panels(&self, items: Range<usize>);

    /// Puts scores in the place of bounds in a user's candidates; gives how many there still are.
    fn rescore(&self, vectors: Range<usize>, keys: &mut [u64], scratch: &mut [f32]) -> usize;

    /// Asks for the items of candidates that are soon to be rescored.
    fn prefetch_items(&self, keys: &[u64]);
}

/// Users, who have vectors [S, D] at `offsets` [B + 1], and the items that they may get.
#[derive(Clone, Copy)]
pub(super) struct Search<'a, T> {
    pub table: T,
    pub offsets: &'a [i32],
    pub masks: &'a Masks<'a>,
    pub plan: Plan,
}

impl<T: Table> Search<'_, T> {
    /// The vectors of a user.
    pub fn vectors_of(&self, user: usize) -> Range<usize> {
        self.offsets[user] as usize..self.offsets[user + 1] as usize
    }
}

impl Table for Exact<'_> {
    const BOUNDS: bool = false;

    fn exact(&self) -> &Exact<'_> {
        self
    }

    fn pack(&self, from: usize, panel: &mut [f32]) {
        if !self.in_place(from) {
            let count = PANEL.min(self.items() - from);
            transpose(self.set, self.rows(from..from + count), count, self.width, panel);
        }
    }

    fn score(
        &self,
        vectors: Range<usize>,
        items: Range<usize>,
        panel: &[f32],
        thresholds: &[f32],
        scores: &mut [f32],
        passing: &mut [u64],
    ) {
        let from = items.start;
        if self.in_place(from) {
            multiply_rows(self.set, self.vectors_of(vectors), self.rows(from..from + PANEL), self.width, scores);
        } else {
            self.products(vectors, panel, scores);
        }
        passes(self.set, scores, thresholds, passing);
    }

    fn sample(&self, _: Range<usize>, _: usize, _: &[u64], _: &mut [f32], _: &mut [f32]) {}

    fn scale(&self, _vector: usize) -> f32 {
        1.0
    }

    fn threshold(&self, threshold: f32, _unit: f32) -> f32 {
        threshold
    }

    fn bound_gap(&self, _vector: usize, _item: usize) -> f32 {
        0.0
    }

    fn exceeds_cache(&self) -> bool {
        // Products in place ask for the next panel themselves.
        !self.in_place(0)
    }

    fn prefetch_panels(&self, items: Range<usize>) {
        prefetch(self.rows(items));
    }

    fn rescore(&self, _vectors: Range<usize>, keys: &mut [u64], _scratch: &mut [f32]) -> usize {
        keys.len()
    }

    fn prefetch_items(&self, _keys: &[u64]) {}
}
