//! How the work is divided, by the shape alone: events in blocks of a few groups, and the items in splits, a block of work each.

use crate::simd::LANES;
use crate::simd::matrix::PANEL;
use crate::size;

/// Items that go from logits to dh while they are in the nearest cache; a multiple of the rows of every register tile.
pub(super) const CHUNK: usize = 48;

/// Splits of the items, about. Every one has its own sums of each row, so more cost more.
const SPLITS: usize = 16;

/// Groups in a block, at most: many need few barriers; few keep the exponentials of a large catalogue near the cores.
const GROUPS: usize = 4;

/// Events whose exponentials are in memory at one time.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub from: usize,
    pub events: usize,
}

/// Some events: the first, and their number.
pub(super) type Events = (usize, usize);

/// What is known of a block's events, [events] each, and of its lanes, by group.
pub(super) struct Fields<'a> {
    /// Subtracted from the logits: 0, or their maximum
    pub shifts: &'a mut [f32],
    /// p · w / Σ w of an item is exp(logit − shift) · factor.
    pub factors: &'a mut [f32],
    /// (p(target) − 1) · w / Σ w
    pub coefficients: &'a mut [f32],
    /// Which of the vectors scores the target best
    pub best: &'a mut [f32],
    /// Rows of h in the order of lanes [lanes, padded], later times their factors
    pub rows: &'a mut [f32],
    /// The same as panels [D, 64]
    pub panels: &'a mut [f32],
}

pub(super) struct Plan {
    pub(super) events: usize,
    pub(super) interests: usize,
    pub(super) items: usize,
    pub(super) width: usize,
    /// The width in whole vectors
    pub(super) padded: usize,
    /// Events of a group, whole vectors of lanes
    pub(super) per_group: usize,
    pub(super) groups: usize,
    pub(super) split: usize,
    pub(super) splits: usize,
}

impl Plan {
    pub fn new(events: usize, interests: usize, items: usize, width: usize) -> Self {
        // Four vectors of lanes or more keep all registers of a product busy.
        let per_group = (PANEL / interests.max(1) / LANES).max(1) * LANES;
        let groups = ((1 << 14) / items.max(1)).clamp(1, GROUPS).min(events.div_ceil(per_group)).max(1);
        let split = size::padded(items.div_ceil(SPLITS), CHUNK).min(items);
        let splits = if items == 0 { 0 } else { items.div_ceil(split) };
        Self { events, interests, items, width, padded: size::padded(width, LANES), per_group, groups, split, splits }
    }

    pub(super) fn lanes(&self) -> usize {
        size::times([self.per_group, self.interests])
    }

    /// Events of a block
    pub(super) fn block(&self) -> usize {
        self.groups * self.per_group
    }

    /// A group's sums over a split: exp · items [lanes, D], exp [per_group].
    pub(super) fn sums(&self) -> usize {
        size::plus([size::times([self.lanes(), self.width]), self.per_group])
    }

    /// A group's exponentials over a split [split, lanes].
    pub(super) fn exponentials(&self) -> usize {
        size::times([self.split, self.lanes()])
    }

    /// A split's exponentials by group, and a chunk of items in whole vectors.
    pub(super) fn split_scratch(&self) -> usize {
        size::plus([size::times([self.groups, self.exponentials()]), size::times([CHUNK, self.padded])])
    }

    /// A group's rows of h
    pub(super) fn rows(&self) -> usize {
        size::times([self.lanes(), self.padded])
    }

    /// The same as panels
    pub(super) fn panels(&self) -> usize {
        size::times([size::padded(self.lanes(), PANEL), self.width])
    }

    /// The scratch by field: shifts, factors, coefficients and best vectors; rows and panels by group; norms, sums and
    /// exponentials by split.
    pub(super) fn fields(&self) -> [usize; 9] {
        let block = self.block();
        [
            block,
            block,
            block,
            block,
            size::times([self.groups, self.rows()]),
            size::times([self.groups, self.panels()]),
            size::padded(self.splits, LANES),
            size::times([self.splits, self.groups, self.sums()]),
            size::times([self.splits, self.split_scratch()]),
        ]
    }

    pub fn scratch(&self) -> usize {
        size::plus(self.fields())
    }

    /// The first item of a split, and the number of its items.
    pub(super) fn items_of(&self, split: usize) -> (usize, usize) {
        let from = split * self.split;
        (from, self.split.min(self.items - from))
    }

    /// The groups of a block: index, first event counted from the block's, number of events.
    pub(super) fn groups(&self, block: Block) -> impl Iterator<Item = (usize, usize, usize)> {
        let per_group = self.per_group;
        (0..block.events)
            .step_by(per_group)
            .map(move |first| (first / per_group, first, per_group.min(block.events - first)))
    }
}
