//! One pass over a range of items for a block of users: scores of 64 items at a time, a bar that they must pass.

use std::ops::Range;
use std::sync::atomic::AtomicU32;

use super::bars::share;
use super::exact::Exact;
use super::keys::{ABSENT, Candidates, ascending, descending, keep_best, score_of, sort_best};
use super::masks::Masks;
use super::plan::Plan;
use crate::simd::matrix::PANEL;
use crate::simd::{Instructions, LANES};

/// Results of a user up to which bars are set before the pass: of 64 groups of items so many have one that scores more.
const FEW: usize = PANEL / 2;

/// Panels of few users that are scored at once: more would be asked of memory in a burst, and waited for.
const TOGETHER: usize = 2;

/// Items that can be scored by vectors, a panel of 64 at a time. Scratch is that of a panel, or of a user's products for 64 items.
pub(super) trait Table: Sync {
    /// Whether scores are bounds until they are settled: several panels can be bounded at once, and from below.
    const BOUNDS: bool;

    /// The items and vectors in f32.
    fn exact(&self) -> &Exact<'_>;

    /// Prepares the 64 items from `from` on, or those that are left.
    fn open(&self, from: usize, scratch: &mut [f32]);

    /// Scores [panels, rows, 64] of some vectors for the items last opened, or bounds above them, whatever there is where no
    /// items are left; and which of them pass their vector's bar, [panels, rows].
    fn score(
        &self,
        vectors: Range<usize>,
        items: Range<usize>,
        scratch: &[f32],
        bars: &[f32],
        scores: &mut [f32],
        passing: &mut [u64],
    );

    /// The larger of `largest` [rows, 64] and bounds below the scores of the 64 items from `from` on, where these are open to a
    /// vector.
    fn raise(&self, vectors: Range<usize>, from: usize, open: &[u64], largest: &mut [f32], scores: &mut [f32]);

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
    pub fn run(&self, block: usize, range: usize, bars: &[AtomicU32], words: &mut [u64], scratch: &mut [f32]) {
        let Plan { k, capacity, .. } = self.plan;
        let (keys, open) = words.split_at_mut(self.plan.keys());
        keys.chunks_exact_mut(capacity).for_each(|keys| keys[..k].fill(ABSENT));
        let (panel, scores) = scratch.split_at_mut(self.plan.scratch().panel);
        let mut pass = Pass::new(self, block, bars, keys, open, panel);
        pass.over(self.plan.items(range), scores);
        for at in 0..pass.users.len() {
            pass.select(at);
            let length = pass.users[at].length;
            sort_best(pass.keys_of(at), length, k);
        }
    }
}

/// A user who has vectors.
struct User {
    user: usize,
    vectors: Range<usize>,
    /// Candidates.
    length: usize,
    /// Those of them that have scores: the ones that a selection kept.
    settled: usize,
}

/// A block of users on their way through a range of items.
struct Pass<'a, 's, T> {
    search: &'a Search<'s, T>,
    users: Vec<User>,
    /// Users whose vectors are scored at once.
    groups: Vec<Range<usize>>,
    /// The first vector of the block's users.
    first: usize,
    /// Of each vector the bar of its user.
    bars: Vec<f32>,
    /// Those of all users, whatever range found them.
    shared: &'a [AtomicU32],
    /// Candidates of all users of the block.
    keys: &'a mut [u64],
    /// For each user that has vectors what the user may get of a window of items.
    open: &'a mut [u64],
    /// The first item of the window.
    window: usize,
    panel: &'a mut [f32],
}

impl<'a, 's, T: Table> Pass<'a, 's, T> {
    fn new(
        search: &'a Search<'s, T>,
        block: usize,
        shared: &'a [AtomicU32],
        keys: &'a mut [u64],
        open: &'a mut [u64],
        panel: &'a mut [f32],
    ) -> Self {
        let from = block * search.plan.users;
        let end = (search.offsets.len() - 1).min(from + search.plan.users);
        let first = search.offsets[from] as usize;
        let users = (from..end).map(|user| User { user, vectors: search.vectors_of(user), length: 0, settled: 0 });
        let users: Vec<User> = users.filter(|user| !user.vectors.is_empty()).collect();
        let bars = vec![f32::NEG_INFINITY; search.offsets[end] as usize - first];
        let groups = groups_of(&users, search.plan.vectors);
        let mut pass = Self { search, users, groups, first, bars, shared, keys, open, window: 0, panel };
        for at in 0..pass.users.len() {
            pass.lift(at, f32::NEG_INFINITY);
        }
        pass
    }

    /// Through a range of items, a window at a time.
    fn over(&mut self, items: Range<usize>, scores: &mut [f32]) {
        let size = self.search.plan.window() * PANEL;
        let mut passing = vec![0; self.search.plan.vectors];
        for from in items.clone().step_by(size) {
            let window = from..items.end.min(from + size);
            self.open(window.clone());
            if from == items.start && T::BOUNDS && self.search.plan.k <= FEW {
                self.raise(window.clone(), scores, &mut passing);
            }
            self.through(window, items.end, scores, &mut passing);
        }
    }

    /// Tells what each user may get of a window.
    fn open(&mut self, items: Range<usize>) {
        let (masks, size, panels) = (self.search.masks, self.search.plan.window(), items.len().div_ceil(PANEL));
        self.window = items.start;
        let (first, others) = self.open.split_at_mut(size);
        masks.allow(items.clone(), &mut first[..panels]);
        for (open, user) in others.chunks_exact_mut(size).zip(self.users.iter().skip(1)) {
            open[..panels].copy_from_slice(&first[..panels]);
            masks.leave_out(user.user, items.start, &mut open[..panels]);
        }
        if let Some(user) = self.users.first() {
            masks.leave_out(user.user, items.start, &mut first[..panels]);
        }
    }

    /// What a user may get of the panel of an item.
    fn open_to(&self, at: usize, item: usize) -> u64 {
        self.open[at * self.search.plan.window() + (item - self.window) / PANEL]
    }

    /// Sets bars by some of the panels: of the largest in each of 64 groups of items the k-th is no more than what k items score.
    fn raise(&mut self, items: Range<usize>, scores: &mut [f32], open: &mut [u64]) {
        let k = self.search.plan.k;
        // About as many as cost what they save: the fewer panels, the more candidates pass.
        let step = (items.len() / PANEL).isqrt().max(2);
        for group in self.groups.clone() {
            let vectors = self.vectors_of(&group);
            let (open, size) = (&mut open[..vectors.len()], vectors.len() * PANEL);
            self.panel[..size].fill(f32::NEG_INFINITY);
            for from in items.clone().step_by(step * PANEL) {
                for at in group.clone() {
                    let own = &self.users[at].vectors;
                    open[own.start - vectors.start..own.end - vectors.start].fill(self.open_to(at, from));
                }
                self.search.table.raise(vectors.clone(), from, open, &mut self.panel[..size], &mut scores[..size]);
            }
            for at in group {
                let own = &self.users[at].vectors;
                let rows = &self.panel[(own.start - vectors.start) * PANEL..(own.end - vectors.start) * PANEL];
                let mut best = largest_of(self.search.table.exact().set, rows).map(descending);
                // One that ties may have a smaller id than the k items, and must pass.
                let bar = ascending(*best.select_nth_unstable(k - 1).1).next_down();
                self.lift(at, bar);
            }
        }
    }

    /// Takes what passes of a window's items; `end` is that of the range.
    fn through(&mut self, items: Range<usize>, end: usize, scores: &mut [f32], passing: &mut [u64]) {
        let Search { table, masks, .. } = self.search;
        let mut from = items.start;
        while from < items.end {
            let until = items.end.min(from + self.panels() * PANEL);
            if until - from > PANEL || masks.allowed(from, items.end) != 0 {
                table.open(from, self.panel);
                for i in 0..self.groups.len() {
                    let group = self.groups[i].clone();
                    self.score(&group, from..until, scores, passing);
                    // A part of the next panels with each part of the users: memory has the time of all of these.
                    let ahead = |at: usize| end.min(until + at * (until - from) / self.users.len());
                    table.prefetch(ahead(group.start)..ahead(group.end));
                }
            }
            from = until;
        }
    }

    /// Panels that are scored at once: several where there is room, and bars keep most items from being candidates.
    fn panels(&self) -> usize {
        if T::BOUNDS && self.groups.len() == 1 && self.bars.iter().all(|&bar| bar > f32::NEG_INFINITY) {
            (self.search.plan.vectors / self.bars.len()).clamp(1, TOGETHER)
        } else {
            1
        }
    }

    fn score(&mut self, group: &Range<usize>, items: Range<usize>, scores: &mut [f32], passing: &mut [u64]) {
        let vectors = self.vectors_of(group);
        let (rows, panels) = (vectors.len(), items.len().div_ceil(PANEL));
        let (scores, passing) = (&mut scores[..panels * rows * PANEL], &mut passing[..panels * rows]);
        let bars = &self.bars[vectors.start - self.first..vectors.end - self.first];
        self.search.table.score(vectors.clone(), items.clone(), self.panel, bars, scores, passing);
        let panels = scores.chunks_exact(rows * PANEL).zip(passing.chunks_exact(rows));
        for (from, (scores, passing)) in items.step_by(PANEL).zip(panels) {
            if rows == group.len() {
                for (i, &bits) in passing.iter().enumerate() {
                    if bits != 0 {
                        self.take(group.start + i, bits, from, &scores[i * PANEL..(i + 1) * PANEL]);
                    }
                }
                continue;
            }
            for at in group.clone() {
                let own = self.users[at].vectors.start - vectors.start..self.users[at].vectors.end - vectors.start;
                let bits = passing[own.clone()].iter().fold(0, |all, bits| all | bits);
                if bits != 0 {
                    let set = self.search.table.exact().set;
                    self.take(at, bits, from, &largest_of(set, &scores[own.start * PANEL..own.end * PANEL]));
                }
            }
        }
    }

    /// Adds the items of a panel whose bits are set to a user's candidates, if the user may get them.
    #[inline(never)]
    fn take(&mut self, at: usize, bits: u64, from: usize, scores: &[f32]) {
        let (bits, length) = (bits & self.open_to(at, from), self.users[at].length);
        let mut candidates = Candidates { keys: self.keys_of(at), length };
        candidates.add(bits, from, scores);
        let full = candidates.is_full();
        self.users[at].length = candidates.length;
        if full {
            self.select(at);
        }
    }

    /// Keeps the k best of a user's candidates, all with their scores.
    fn select(&mut self, at: usize) {
        let Plan { k, capacity, users: per, .. } = self.search.plan;
        let User { user, ref vectors, length, settled } = self.users[at];
        let keys = &mut self.keys[user % per * capacity..][..length];
        let mut settle = |keys: &mut [u64]| self.search.table.settle(vectors.clone(), keys, self.panel);
        // First those with the best bounds: what they score keeps most of the others from being scored.
        let first = settled + keep_best(&mut keys[settled..], k.next_multiple_of(LANES));
        let kept = settled + settle(&mut keys[settled..first]);
        let kept = keep_best(&mut keys[..kept], k);
        let bar = if kept == k { worst(&keys[..k]) } else { f32::NEG_INFINITY };
        let mut end = kept;
        for i in first..length {
            if score_of(keys[i]) >= bar {
                keys[end] = keys[i];
                end += 1;
            }
        }
        let kept = kept + settle(&mut keys[kept..end]);
        let kept = keep_best(&mut keys[..kept], k);
        let bar = if kept == k { worst(&keys[..k]) } else { f32::NEG_INFINITY };
        (self.users[at].length, self.users[at].settled) = (kept, kept);
        self.lift(at, bar);
    }

    /// The vectors of some users.
    fn vectors_of(&self, users: &Range<usize>) -> Range<usize> {
        self.users[users.start].vectors.start..self.users[users.end - 1].vectors.end
    }

    /// A user's candidates, and places for more.
    fn keys_of(&mut self, at: usize) -> &mut [u64] {
        let Plan { users, capacity, .. } = self.search.plan;
        let place = self.users[at].user % users;
        &mut self.keys[place * capacity..(place + 1) * capacity]
    }

    /// Lets a user's bar be `bar` at least.
    fn lift(&mut self, at: usize, bar: f32) {
        let User { user, ref vectors, .. } = self.users[at];
        let bars = &mut self.bars[vectors.start - self.first..vectors.end - self.first];
        bars.fill(share(self.shared, user, bar.max(bars[0])));
    }
}

/// As many users at a time as have `most` vectors together, unless one alone has more.
fn groups_of(users: &[User], most: usize) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = vec![];
    for (at, user) in users.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if user.vectors.end - users[group.start].vectors.start <= most => group.end = at + 1,
            _ => groups.push(at..at + 1),
        }
    }
    groups
}

/// The smallest score of some keys.
fn worst(keys: &[u64]) -> f32 {
    keys.iter().max().map_or(f32::NEG_INFINITY, |&key| score_of(key))
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
