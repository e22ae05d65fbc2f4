//! The search for the best items: scores of 64 items at a time for a block of users, a bar that they must pass.

use std::ops::Range;
use std::sync::atomic::AtomicU32;

use super::exact::Exact;
use super::keys::ABSENT;
use super::masks::Masks;
use super::pass::Pass;
use super::plan::Plan;

/// Items that can be scored by vectors, a panel of 64 at a time. Scratch is that of a panel, or of a user's products for 64 items.
pub(super) trait Table: Sync {
    /// Whether scores are bounds until they are settled: several panels can be bounded at once, and guesses pay.
    const BOUNDS: bool;

    /// The items and vectors in f32.
    fn exact(&self) -> &Exact<'_>;

    /// Prepares the 64 items from `from` on, or those that are left.
    fn open(&self, from: usize, scratch: &mut [f32]);

    /// Scores [panels, rows, 64] of some vectors for the items last opened, or bounds above them, whatever there is where no
    /// items are left; and which of them pass their vector's bar, [panels, rows]. All are in units of the vector's.
    fn score(
        &self,
        vectors: Range<usize>,
        items: Range<usize>,
        scratch: &[f32],
        bars: &[f32],
        scores: &mut [f32],
        passing: &mut [u64],
    );

    /// The larger of `largest` [rows, 64] and estimates of the scores of the 64 items from `from` on, where these are open to a
    /// vector, in its units.
    fn sample(&self, vectors: Range<usize>, from: usize, open: &[u64], largest: &mut [f32], scores: &mut [f32]);

    /// What scores of a vector are given in units of.
    fn unit(&self, vector: usize) -> f32;

    /// A bar in such units.
    fn bar(&self, bar: f32, unit: f32) -> f32;

    /// By how much the score of an item is likely below its bound.
    fn spare(&self, vector: usize, item: usize) -> f32;

    /// Whether what is soon to be opened should be asked for.
    fn is_far(&self) -> bool;

    /// Asks for items that are soon to be opened.
    fn prefetch(&self, items: Range<usize>);

    /// Puts scores in the place of bounds in a user's candidates; gives how many there still are.
    fn settle(&self, vectors: Range<usize>, keys: &mut [u64], scratch: &mut [f32]) -> usize;

    /// Asks for the items of candidates that are soon to be settled.
    fn fetch(&self, keys: &[u64]);
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

    /// The k best of a range for each user of a block, best first, then absent ones, at the start of the user's keys.
    /// `bars` are those of all users, whatever range found them.
    pub fn run(&self, block: usize, range: usize, bars: &[AtomicU32], words: &mut [u64], scratch: &mut [f32]) {
        let Plan { k, capacity, .. } = self.plan;
        let (keys, open) = words.split_at_mut(self.plan.keys());
        keys.chunks_exact_mut(capacity).for_each(|keys| keys[..k].fill(ABSENT));
        let (panel, scores) = scratch.split_at_mut(self.plan.scratch().panel);
        let mut pass = Pass::new(self, block, bars, keys, open, panel);
        pass.over(self.plan.items(range), scores, true);
        pass.finish();
        if pass.leave_missed() {
            pass.over(self.plan.items(range), scores, false);
            pass.finish();
        }
    }
}
