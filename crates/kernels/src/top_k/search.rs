//! One pass over a range of items for a block of users: scores of 64 items at a time, a bar that they must pass.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use super::keys::{Candidates, ascending, descending, sort_best};
use super::masks::{Masks, Seen};
use super::plan::{Plan, USERS};
use crate::simd::Instructions;
use crate::simd::compare::above;
use crate::simd::matrix::PANEL;

/// Items that can be scored by vectors, a panel of 64 at a time.
pub(super) trait Table: Sync {
    /// Prepares the 64 items from `from` on, or those that are left.
    fn open(&self, from: usize, panel: &mut [f32]);

    /// Scores [rows, 64] of some vectors for the items last opened; whatever there is where no items are left.
    fn score(&self, rows: Range<usize>, from: usize, panel: &[f32], scores: &mut [f32]);

    /// Asks for items that are soon to be opened.
    fn prefetch(&self, items: Range<usize>);
}

/// Users, who have vectors [S, D] at `offsets` [B + 1], and the items that they may get.
#[derive(Clone, Copy)]
pub(super) struct Search<'a, T> {
    pub set: Instructions,
    pub table: T,
    pub offsets: &'a [i32],
    pub masks: &'a Masks<'a>,
    pub plan: Plan,
}

/// What is known of the users of a block that have vectors.
struct Users<'a> {
    count: usize,
    users: [usize; USERS],
    seen: [Seen<'a>; USERS],
    bars: [f32; USERS],
    /// Candidates of each.
    lengths: [usize; USERS],
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

impl<T: Table> Search<'_, T> {
    /// The vectors of a user.
    pub fn vectors_of(&self, user: usize) -> Range<usize> {
        self.offsets[user] as usize..self.offsets[user + 1] as usize
    }

    /// The k best of a range for each user of a block, best first, then absent ones, at the start of the user's keys.
    /// `bars` are those of all users, whatever range found them.
    pub fn run(&self, block: usize, range: usize, bars: &[AtomicU32], keys: &mut [u64], scratch: &mut [f32]) {
        let Plan { k, capacity, .. } = self.plan;
        let mut users = self.users_of(block, bars);
        self.pass(&mut users, self.plan.items(range), bars, keys, scratch);
        let mut lengths = [0; USERS];
        for (&user, length) in users.users[..users.count].iter().zip(users.lengths) {
            lengths[user % self.plan.users] = length;
        }
        for (keys, length) in keys.chunks_exact_mut(capacity).zip(lengths) {
            sort_best(keys, length, k);
        }
    }

    fn users_of(&self, block: usize, bars: &[AtomicU32]) -> Users<'_> {
        let mut users = Users {
            count: 0,
            users: [0; USERS],
            seen: [Seen::default(); USERS],
            bars: [0.0; USERS],
            lengths: [0; USERS],
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

    fn pass(&self, users: &mut Users, items: Range<usize>, bars: &[AtomicU32], keys: &mut [u64], scratch: &mut [f32]) {
        let (panel, scores) = scratch.split_at_mut(self.plan.panel);
        let mut passing = [0; USERS];
        for from in items.clone().step_by(PANEL) {
            let allowed = self.masks.allowed(from, items.end);
            if allowed == 0 {
                continue;
            }
            self.table.open(from, panel);
            let mut at = 0;
            while at < users.count {
                let until = self.score(users, at, from, panel, scores);
                let passing = &mut passing[..until - at];
                above(self.set, &scores[..passing.len() * PANEL], &users.bars[at..until], passing);
                for (i, scores) in scores.chunks_exact(PANEL).enumerate().take(passing.len()) {
                    if passing[i] & allowed != 0 {
                        self.take(users, at + i, passing[i] & allowed, from, scores, bars, keys);
                    }
                }
                // A part of the next panel with each part of the users: memory has the time of the whole panel.
                let ahead = |at: usize| items.end.min(from + PANEL + at * PANEL / users.count);
                self.table.prefetch(ahead(at)..ahead(until));
                at = until;
            }
        }
    }

    /// Scores of a panel for the users from `at` on, a row each, as many as fit; gives the user after them.
    fn score(&self, users: &Users, at: usize, from: usize, panel: &[f32], scores: &mut [f32]) -> usize {
        let first = self.vectors_of(users.users[at]).start;
        let fits = |&&user: &&usize| self.vectors_of(user).end - first <= self.plan.vectors;
        let among = &users.users[at..users.count];
        let among = &among[..among.iter().take_while(fits).count()];
        let last = self.vectors_of(among[among.len() - 1]).end;
        self.table.score(first..last, from, panel, &mut scores[..(last - first) * PANEL]);
        if among.len() < last - first {
            for (i, &user) in among.iter().enumerate() {
                let mut best = [f32::NEG_INFINITY; PANEL];
                let rows = self.vectors_of(user);
                let rows = &scores[(rows.start - first) * PANEL..(rows.end - first) * PANEL];
                largest::on(self.set, rows, &mut best);
                scores[i * PANEL..(i + 1) * PANEL].copy_from_slice(&best);
            }
        }
        at + among.len()
    }

    /// Adds the items of a panel whose bits are set to a user's candidates.
    #[inline(never)]
    fn take(
        &self,
        users: &mut Users,
        at: usize,
        bits: u64,
        from: usize,
        scores: &[f32],
        bars: &[AtomicU32],
        keys: &mut [u64],
    ) {
        let Plan { k, capacity, .. } = self.plan;
        let user = users.users[at];
        let place = user % self.plan.users;
        let mut candidates =
            Candidates { keys: &mut keys[place * capacity..(place + 1) * capacity], length: users.lengths[at] };
        candidates.add(bits, from, scores, &users.seen[at]);
        if candidates.is_full() {
            let bar = candidates.select(k);
            users.bars[at] = share(bars, user, bar);
        }
        users.lengths[at] = candidates.length;
    }
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
