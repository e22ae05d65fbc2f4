//! How the work is cut: by the shape alone.

use std::ops::Range;

use super::keys::capacity;
use crate::simd::matrix::PANEL;
use crate::size::{plus, times};

/// Users of a block at most.
pub(super) const USERS: usize = 256;

/// Panels of a window at most: what each user may get of them stands in bits.
const WINDOW: usize = 256;

/// How large the pieces are.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Users of a block, who share each panel of items: this many at least where there are several blocks.
    pub users: usize,
    /// Vectors that are scored at once, unless one user has more.
    pub vectors: usize,
    /// Elements of the table, of four bytes, that a thread reads at least: fewer are read before another thread would be awake.
    pub range: usize,
    /// Blocks of work that are enough for the threads.
    pub blocks: usize,
}

pub(super) const SIZES: Sizes = Sizes { users: 48, vectors: 48, range: 1 << 22, blocks: 16 };

/// Users in blocks, items in ranges: a block of work is a block of users over a range of items.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    items: usize,
    /// Items of a range, whole panels.
    range: usize,
    pub ranges: usize,
    /// Users of a block.
    pub users: usize,
    /// Blocks of users.
    pub blocks: usize,
    /// Vectors that are scored at once.
    pub vectors: usize,
    /// f32 of a panel of items.
    panel: usize,
    /// Results of a user that there can be.
    pub k: usize,
    /// Keys of a user.
    pub capacity: usize,
}

/// Scratch of a block of work, in f32.
pub(super) struct Scratch {
    /// A panel of items, or products of some; the scores of a panel stand behind it.
    pub panel: usize,
    pub total: usize,
}

impl Plan {
    /// For the vectors of each user at `offsets`, the items of a table, of which a pass reads `read` elements each, and k
    /// results.
    pub fn new(sizes: Sizes, offsets: &[i32], items: usize, width: usize, read: usize, k: usize) -> Self {
        let users = offsets.len() - 1;
        let cuts = times([items, read]) / sizes.range;
        // A large table is read by as few blocks of users as there can be, and cut; of a small one each block reads all.
        let per = if cuts > 1 { USERS } else { users.div_ceil(sizes.blocks).clamp(sizes.users, USERS) };
        let per = users.clamp(1, per);
        let blocks = users.div_ceil(per);
        let ranges = cuts.clamp(1, sizes.blocks.div_ceil(blocks.max(1)));
        let range = items.div_ceil(ranges).next_multiple_of(PANEL).max(PANEL);
        let longest = offsets.windows(2).map(|pair| (pair[1] - pair[0]) as usize).max().unwrap_or(0);
        let k = k.min(items);
        Self {
            items,
            range,
            ranges: items.div_ceil(range).max(1),
            users: per,
            blocks,
            vectors: longest.max(sizes.vectors),
            panel: times([width, PANEL]),
            k,
            capacity: capacity(k),
        }
    }

    /// Blocks of work.
    pub fn work(&self) -> usize {
        self.blocks * self.ranges
    }

    /// Panels of a window of items.
    pub fn window(&self) -> usize {
        (self.range / PANEL).min(WINDOW)
    }

    /// Keys of a block of work.
    pub fn keys(&self) -> usize {
        times([self.users, self.capacity])
    }

    /// Words of a block of work: the keys, and behind them what each user may get of a window.
    pub fn words(&self) -> usize {
        plus([self.keys(), times([self.users, self.window()])])
    }

    /// Scratch of a block of work.
    pub fn scratch(&self) -> Scratch {
        let scores = times([self.vectors, PANEL]);
        let panel = self.panel.max(scores);
        Scratch { panel, total: plus([panel, scores]) }
    }

    /// The items of a range.
    pub fn items(&self, range: usize) -> Range<usize> {
        range * self.range..self.items.min((range + 1) * self.range)
    }
}
