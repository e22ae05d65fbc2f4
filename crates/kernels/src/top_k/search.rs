//! One pass over a range of items for a block of users: scores of 64 items at a time, a bar that they must pass.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use super::exact::Exact;
use super::keys::{ABSENT, Candidates, ascending, descending, sort_best};
use super::masks::{Masks, Seen};
use super::plan::{Plan, USERS};
use crate::simd::Instructions;
use crate::simd::compare::above;
use crate::simd::matrix::PANEL;

/// Items that can be scored by vectors, a panel of 64 at a time. Scratch is that of a panel, or of a user's products for 64 items.
pub(super) trait Table: Sync {
    /// The items and vectors in f32.
    fn exact(&self) -> &Exact<'_>;

    /// Prepares the 64 items from `from` on, or those that are left.
    fn open(&self, from: usize, scratch: &mut [f32]);

    /// Scores [rows, 64] of some vectors for the items last opened, or bounds above them; whatever there is where no items are
    /// left.
    fn score(&self, vectors: Range<usize>, from: usize, scratch: &[f32], scores: &mut [f32]);

    /// Asks for items that are soon to be opened.
    fn prefetch(&self, items: Range<usize>);

    /// Puts scores in the place of bounds in a user's candidates; gives how many there still are.
    fn settle(&self, vectors: Range<usize>, keys: &mut [u64], scratch: &mut [f32]) -> usize;
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
    pub fn run(&self, block: usize, range: usize, bars: &[AtomicU32], keys: &mut [u64], scratch: &mut [f32]) {
        let Plan { k, capacity, .. } = self.plan;
        keys.chunks_exact_mut(capacity).for_each(|keys| keys[..k].fill(ABSENT));
        let (panel, scores) = scratch.split_at_mut(self.plan.scratch().panel);
        let mut pass = Pass { search: self, users: self.users_of(block, bars), bars, keys, panel };
        pass.over(self.plan.items(range), scores);
        for at in 0..pass.users.count {
            pass.settle(at);
            let length = pass.users.lengths[at];
            sort_best(pass.keys_of(at), length, k);
        }
    }

    fn users_of(&self, block: usize, bars: &[AtomicU32]) -> Users<'_> {
        let mut users = Users {
            count: 0,
            users: [0; USERS],
            seen: [Seen::default(); USERS],
            bars: [0.0; USERS],
            lengths: [0; USERS],
            settled: [0; USERS],
        };
        let first = block * self.plan.users;
        for user in first..(self.offsets.len() - 1).min(first + self.plan.users) {
            if !self.vectors_of(user).is_empty() {
                let at = users.count;
                (users.users[at], users.seen[at]) = (user, self.masks.seen_by(user));
                users.bars[at] = share(bars, user, f32::NEG_INFINITY);
                users.count += 1;
            }
        }
        users
    }

    /// Scores of a panel for some users, a row each, as many of them as fit; gives how many.
    fn score(&self, users: &[usize], from: usize, panel: &[f32], scores: &mut [f32]) -> usize {
        let first = self.vectors_of(users[0]).start;
        let fits = |&&user: &&usize| self.vectors_of(user).end - first <= self.plan.vectors;
        let users = &users[..users.iter().take_while(fits).count()];
        let last = self.vectors_of(users[users.len() - 1]).end;
        self.table.score(first..last, from, panel, &mut scores[..(last - first) * PANEL]);
        if users.len() < last - first {
            for (i, &user) in users.iter().enumerate() {
                let rows = self.vectors_of(user);
                let rows = &scores[(rows.start - first) * PANEL..(rows.end - first) * PANEL];
                let best = largest_of(self.table.exact().set, rows);
                scores[i * PANEL..(i + 1) * PANEL].copy_from_slice(&best);
            }
        }
        users.len()
    }
}

/// What is known of the users of a block that have vectors.
struct Users<'a> {
    count: usize,
    users: [usize; USERS],
    seen: [Seen<'a>; USERS],
    bars: [f32; USERS],
    /// Candidates of each.
    lengths: [usize; USERS],
    /// Those of them that have scores: the ones that a selection kept.
    settled: [usize; USERS],
}

/// A block of users on their way through a range of items.
struct Pass<'a, 's, T> {
    search: &'a Search<'s, T>,
    users: Users<'a>,
    bars: &'a [AtomicU32],
    /// Those of all users of the block.
    keys: &'a mut [u64],
    panel: &'a mut [f32],
}

impl<T: Table> Pass<'_, '_, T> {
    fn over(&mut self, items: Range<usize>, scores: &mut [f32]) {
        let Search { table, masks, .. } = self.search;
        let (set, count, mut passing) = (table.exact().set, self.users.count, [0; USERS]);
        for from in items.clone().step_by(PANEL) {
            let allowed = masks.allowed(from, items.end);
            if allowed == 0 {
                continue;
            }
            table.open(from, self.panel);
            let mut at = 0;
            while at < count {
                let until = at + self.search.score(&self.users.users[at..count], from, self.panel, scores);
                let passing = &mut passing[..until - at];
                above(set, &scores[..passing.len() * PANEL], &self.users.bars[at..until], passing);
                for (i, scores) in scores.chunks_exact(PANEL).enumerate().take(passing.len()) {
                    if passing[i] & allowed != 0 {
                        self.take(at + i, passing[i] & allowed, from, scores);
                    }
                }
                // A part of the next panel with each part of the users: memory has the time of the whole panel.
                let ahead = |at: usize| items.end.min(from + PANEL + at * PANEL / count);
                table.prefetch(ahead(at)..ahead(until));
                at = until;
            }
        }
    }

    /// A user's candidates, and places for more.
    fn keys_of(&mut self, at: usize) -> &mut [u64] {
        let Plan { users, capacity, .. } = self.search.plan;
        let place = self.users.users[at] % users;
        &mut self.keys[place * capacity..(place + 1) * capacity]
    }

    /// Adds the items of a panel whose bits are set to a user's candidates.
    #[inline(never)]
    fn take(&mut self, at: usize, bits: u64, from: usize, scores: &[f32]) {
        let (seen, length) = (self.users.seen[at], self.users.lengths[at]);
        let mut candidates = Candidates { keys: self.keys_of(at), length };
        candidates.add(bits, from, scores, &seen);
        let full = candidates.is_full();
        self.users.lengths[at] = candidates.length;
        if full {
            self.settle(at);
            self.select(at);
        }
    }

    /// Gives the candidates that came since the last selection their scores.
    fn settle(&mut self, at: usize) {
        let Users { users, lengths, settled, .. } = &mut self.users;
        let Plan { users: per, capacity, .. } = self.search.plan;
        let place = users[at] % per * capacity;
        let fresh = &mut self.keys[place + settled[at]..place + lengths[at]];
        let vectors = self.search.vectors_of(users[at]);
        settled[at] += self.search.table.settle(vectors, fresh, self.panel);
        lengths[at] = settled[at];
    }

    fn select(&mut self, at: usize) {
        let (k, length) = (self.search.plan.k, self.users.lengths[at]);
        if length > k {
            let bar = Candidates { keys: self.keys_of(at), length }.select(k);
            self.users.bars[at] = share(self.bars, self.users.users[at], bar);
            (self.users.lengths[at], self.users.settled[at]) = (k, k);
        }
    }
}

crate::multiversion!(fn largest = largest_body(rows: &[f32], best: &mut [f32; PANEL]));

/// `best[i] = max(best[i], rows[.., i])`; a NaN is no score.
#[inline(always)]
fn largest_body<const FMA: bool>(rows: &[f32], best: &mut [f32; PANEL]) {
    for row in rows.as_chunks::<PANEL>().0 {
        for i in 0..PANEL {
            best[i] = if row[i] > best[i] { row[i] } else { best[i] };
        }
    }
}

/// The largest of each column of scores [rows, 64].
pub(super) fn largest_of(set: Instructions, rows: &[f32]) -> [f32; PANEL] {
    let mut best = [f32::NEG_INFINITY; PANEL];
    largest::on(set, rows, &mut best);
    best
}

/// The bar of each user that the ranges share; none where there is one range.
pub(super) fn shared_bars(plan: &Plan, users: usize) -> Vec<AtomicU32> {
    let bars = if plan.ranges > 1 { users } else { 0 };
    std::iter::repeat_with(|| AtomicU32::new(descending(f32::NEG_INFINITY))).take(bars).collect()
}

/// The higher of a range's bar and the one that the ranges share.
///
/// How early a range learns of it depends on the threads, what is found does not: k items score at least the bar, so one that
/// scores less is not among the k best. One that ties may have a smaller id than they, and must pass: what is shared is the
/// next number below.
fn share(bars: &[AtomicU32], user: usize, own: f32) -> f32 {
    let Some(bar) = bars.get(user) else { return own };
    let before = bar.fetch_min(descending(own.next_down()), Ordering::Relaxed);
    own.max(ascending(before))
}
