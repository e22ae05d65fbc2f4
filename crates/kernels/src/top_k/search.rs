//! One pass over a range of items for a block of users: scores of 64 items at a time, a bar that they must pass.

use std::ops::Range;
use std::sync::atomic::AtomicU32;

use super::bars::share;
use super::exact::Exact;
use super::keys::{ABSENT, add, keep_best, keep_some, score_of, sort_best};
use super::masks::Masks;
use super::plan::Plan;
use crate::simd::compare::filled;
use crate::simd::matrix::PANEL;
use crate::simd::{Instructions, LANES, max_lanes};

/// The last place in a sample that is told by the largest scores of 64 groups of items.
const FEW: usize = PANEL / 2;

/// Panels of few users that are scored at once: more would be asked of memory in a burst, and waited for.
const TOGETHER: usize = 2;

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

/// A user who has vectors.
struct User {
    user: usize,
    vectors: Range<usize>,
    /// Candidates.
    length: usize,
    /// Those of them that have scores: the ones that a selection kept.
    settled: usize,
    /// Where the candidates begin.
    place: usize,
    /// What scores no more is not among the k best.
    bar: f32,
    /// A bar that the k best pass, if what was sampled tells enough of the rest.
    guess: f32,
}

impl User {
    fn new(user: usize, vectors: Range<usize>, place: usize) -> Self {
        Self { user, vectors, length: 0, settled: 0, place, bar: f32::NEG_INFINITY, guess: f32::NEG_INFINITY }
    }

    /// Whether the guess may have kept one of the k best out.
    fn has_missed(&self) -> bool {
        self.guess > f32::NEG_INFINITY && self.bar <= self.guess
    }
}

/// A block of users on their way through a range of items.
struct Pass<'a, 's, T> {
    search: &'a Search<'s, T>,
    users: Vec<User>,
    /// Users whose vectors are scored at once.
    groups: Vec<Range<usize>>,
    /// The first vector of the block's users.
    first: usize,
    /// Of each vector the bar of its user, in the vector's units.
    bars: Vec<f32>,
    /// What these units are.
    units: Vec<f32>,
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
        let users =
            (from..end).map(|user| User::new(user, search.vectors_of(user), (user - from) * search.plan.capacity));
        let users: Vec<User> = users.filter(|user| !user.vectors.is_empty()).collect();
        let units: Vec<f32> = (first..search.offsets[end] as usize).map(|vector| search.table.unit(vector)).collect();
        let bars = vec![f32::NEG_INFINITY; units.len()];
        let groups = groups_of(&users, search.plan.vectors);
        Self { search, users, groups, first, bars, units, shared, keys, open, window: 0, panel }
    }

    /// Through a range of items, a window at a time.
    fn over(&mut self, items: Range<usize>, scores: &mut [f32], guess: bool) {
        if self.users.is_empty() {
            return;
        }
        for at in 0..self.users.len() {
            self.lift(at, f32::NEG_INFINITY);
        }
        let size = self.search.plan.window() * PANEL;
        let mut passing = vec![0; self.search.plan.vectors];
        for from in items.clone().step_by(size) {
            let window = from..items.end.min(from + size);
            self.open(window.clone());
            if guess && from == items.start && T::BOUNDS {
                self.guess(window.clone(), scores, &mut passing);
            }
            self.through(window, items.end, scores, &mut passing);
        }
    }

    /// Tells what each user may get of a window.
    fn open(&mut self, items: Range<usize>) {
        self.window = items.start;
        let (users, masks) = (self.users.len(), self.search.masks);
        let open = &mut self.open[..items.len().div_ceil(PANEL) * users];
        for (open, from) in open.chunks_exact_mut(users).zip(items.clone().step_by(PANEL)) {
            open.fill(masks.allowed(from, items.end));
        }
        for (at, user) in self.users.iter().enumerate() {
            masks.leave_out(user.user, items.start, &mut open[at..], users);
        }
    }

    /// What each user may get of the panel of an item.
    #[inline(always)]
    fn open_to(&self, item: usize) -> &[u64] {
        &self.open[(item - self.window) / PANEL * self.users.len()..][..self.users.len()]
    }

    /// Guesses bars by some of the panels: by the largest score in each of 64 groups of their items.
    fn guess(&mut self, items: Range<usize>, scores: &mut [f32], open: &mut [u64]) {
        // About as many panels as cost what they save: the fewer they are, the more candidates pass.
        let step = ((items.len() / PANEL).isqrt() * 5 / 4).max(2);
        let rank = rank_of(self.search.plan.k, step);
        if rank > FEW {
            return;
        }
        for group in self.groups.clone() {
            let vectors = self.vectors_of(&group);
            let (open, size) = (&mut open[..vectors.len()], vectors.len() * PANEL);
            self.panel[..size].fill(f32::NEG_INFINITY);
            for from in items.clone().step_by(step * PANEL) {
                for at in group.clone() {
                    let own = &self.users[at].vectors;
                    open[own.start - vectors.start..own.end - vectors.start].fill(self.open_to(from)[at]);
                }
                self.search.table.sample(vectors.clone(), from, open, &mut self.panel[..size], &mut scores[..size]);
            }
            for at in group {
                let own = &self.users[at].vectors;
                let rows = &mut self.panel[(own.start - vectors.start) * PANEL..(own.end - vectors.start) * PANEL];
                scale(rows, &self.units[own.start - self.first..own.end - self.first]);
                // One that ties may have a smaller id, and must pass.
                self.users[at].guess = nth::on(self.search.table.exact().set, rows, rank).next_down();
                self.lift(at, f32::NEG_INFINITY);
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
                    if table.is_far() {
                        // A part of the next panels with each part of the users: memory has the time of all of these.
                        let ahead = |at: usize| end.min(until + at * (until - from) / self.users.len());
                        table.prefetch(ahead(group.start)..ahead(group.end));
                    }
                }
            }
            from = until;
        }
    }

    /// Panels that are scored at once: several where there is room, and bars keep most items from being candidates.
    fn panels(&self) -> usize {
        if T::BOUNDS
            && self.search.plan.vectors >= 2 * self.bars.len()
            && self.users.iter().all(|user| user.bar.max(user.guess) > f32::NEG_INFINITY)
        {
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
        for panel in 0..panels {
            let (from, at) = (items.start + panel * PANEL, panel * rows);
            let (scores, passing) = (&mut scores[at * PANEL..][..rows * PANEL], &passing[at..][..rows]);
            if rows == group.len() {
                self.take_rows(group.clone(), from, passing, scores.as_chunks().0);
                continue;
            }
            for at in group.clone() {
                let own = self.users[at].vectors.start - vectors.start..self.users[at].vectors.end - vectors.start;
                let bits = passing[own.clone()].iter().fold(0, |all, bits| all | bits) & self.open_to(from)[at];
                if bits != 0 {
                    let (set, first) = (self.search.table.exact().set, vectors.start - self.first);
                    let rows = &mut scores[own.start * PANEL..own.end * PANEL];
                    scale(rows, &self.units[first + own.start..first + own.end]);
                    self.take(at, bits, from, &largest_of(set, rows), 1.0);
                }
            }
        }
    }

    /// Adds what passes of a panel to the candidates of users who have one vector each.
    fn take_rows(&mut self, users: Range<usize>, from: usize, passing: &[u64], scores: &[[f32; PANEL]]) {
        let open = (from - self.window) / PANEL * self.users.len();
        let vector = self.users[users.start].vectors.start - self.first;
        for first in (0..users.len()).step_by(64) {
            let rows = first..users.len().min(first + 64);
            let at = open + users.start + first;
            let mut hits =
                filled(self.search.table.exact().set, &passing[rows.clone()], &self.open[at..at + rows.len()]);
            while hits != 0 {
                let i = hits.trailing_zeros() as usize;
                hits &= hits - 1;
                let bits = passing[first + i] & self.open[at + i];
                self.take(users.start + first + i, bits, from, &scores[first + i], self.units[vector + first + i]);
            }
        }
    }

    /// Adds the items of a panel whose bits are set to a user's candidates.
    #[inline(always)]
    fn take(&mut self, at: usize, bits: u64, from: usize, scores: &[f32; PANEL], unit: f32) {
        let User { place, ref mut length, .. } = self.users[at];
        *length = add(self.keys, place + *length, bits, from, scores, unit) - place;
        if *length > self.search.plan.capacity - PANEL {
            self.make_room(at);
        }
    }

    #[inline(never)]
    fn make_room(&mut self, at: usize) {
        let first = self.choose(at);
        self.select(at, first);
    }

    /// Moves those of a user's candidates to the front that are to be settled first, and gives where they end: the best bounds,
    /// of which the scores keep most of the others from being scored.
    fn choose(&mut self, at: usize) -> usize {
        let User { place, length, settled, .. } = self.users[at];
        let (keys, k) = (&mut self.keys[place + settled..place + length], self.search.plan.k);
        let most = (k + 4).next_multiple_of(LANES);
        let count = keep_some(self.search.table.exact().set, keys, k.max(most - 1), most);
        self.search.table.fetch(&keys[..count]);
        settled + count
    }

    /// Keeps the k best of a user's candidates, all with their scores; those up to `first` were chosen.
    fn select(&mut self, at: usize, first: usize) {
        let k = self.search.plan.k;
        let User { place, ref vectors, length, settled, .. } = self.users[at];
        let keys = &mut self.keys[place..][..length];
        let mut settle = |keys: &mut [u64]| self.search.table.settle(vectors.clone(), keys, self.panel);
        let mut kept = settled + settle(&mut keys[settled..first]);
        kept = keep_best(&mut keys[..kept], k);
        let mut bar = bar_of(&keys[..kept], k);
        let mut end = kept;
        for i in first..length {
            keys[end] = keys[i];
            end += usize::from(score_of(keys[i]) >= bar);
        }
        if end > kept {
            kept += settle(&mut keys[kept..end]);
            kept = keep_best(&mut keys[..kept], k);
            bar = bar_of(&keys[..kept], k);
        }
        (self.users[at].length, self.users[at].settled) = (kept, kept);
        self.lift(at, bar);
    }

    /// Puts the k best of each user at the start of the user's keys.
    fn finish(&mut self) {
        let (k, users) = (self.search.plan.k, self.users.len());
        // The next user's items are on their way while one's are scored.
        let mut chosen = if users > 0 { self.choose(0) } else { 0 };
        for at in 0..users {
            let first = chosen;
            chosen = if at + 1 < users { self.choose(at + 1) } else { 0 };
            self.select(at, first);
            let length = self.users[at].length;
            sort_best(self.keys_of(at), length, k);
        }
    }

    /// Leaves those users for whom the guess may have kept an item out, as if nothing had been found; tells whether there
    /// are any.
    fn leave_missed(&mut self) -> bool {
        self.users.retain(User::has_missed);
        for user in &mut self.users {
            (user.length, user.settled, user.guess) = (0, 0, f32::NEG_INFINITY);
            self.bars[user.vectors.start - self.first..user.vectors.end - self.first].fill(f32::NEG_INFINITY);
        }
        self.groups = groups_of(&self.users, self.search.plan.vectors);
        !self.users.is_empty()
    }

    /// The vectors of some users.
    fn vectors_of(&self, users: &Range<usize>) -> Range<usize> {
        self.users[users.start].vectors.start..self.users[users.end - 1].vectors.end
    }

    /// A user's candidates, and places for more.
    #[inline(always)]
    fn keys_of(&mut self, at: usize) -> &mut [u64] {
        let place = self.users[at].place;
        &mut self.keys[place..place + self.search.plan.capacity]
    }

    /// Lets a user's bar be `bar` at least.
    fn lift(&mut self, at: usize, bar: f32) {
        let user = &mut self.users[at];
        user.bar = share(self.shared, user.user, user.bar.max(bar));
        let own = user.vectors.start - self.first..user.vectors.end - self.first;
        for (bar, &unit) in self.bars[own.clone()].iter_mut().zip(&self.units[own]) {
            *bar = self.search.table.bar(user.bar.max(user.guess), unit);
        }
    }
}

/// The place in a sample of one item in `step` of that score which k items of all pass, hardly ever fewer.
pub(super) fn rank_of(k: usize, step: usize) -> usize {
    let share = k as f64 / step as f64;
    k.min((share + 3.0 * share.sqrt() + 1.5) as usize)
}

/// Puts scores [rows, 64] in the place of scores in units of each row.
fn scale(rows: &mut [f32], units: &[f32]) {
    for (row, unit) in rows.as_chunks_mut::<PANEL>().0.iter_mut().zip(units) {
        row.iter_mut().for_each(|score| *score *= unit);
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

/// The smallest score of k keys; none where there are fewer.
fn bar_of(keys: &[u64], k: usize) -> f32 {
    let worst = keys.iter().max().filter(|_| keys.len() == k);
    worst.map_or(f32::NEG_INFINITY, |&key| score_of(key))
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

crate::multiversion!(fn nth = nth_body(rows: &[f32], n: usize) -> f32);

/// The n-th of the different numbers among the largest of each column of scores [rows, 64], from 1 on; −∞ where there are fewer.
#[inline(always)]
fn nth_body<const FMA: bool>(rows: &[f32], n: usize) -> f32 {
    let mut best = [f32::NEG_INFINITY; PANEL];
    largest_body::<FMA>(rows, &mut best);
    let mut top = f32::NEG_INFINITY;
    for _ in 0..n {
        let mut lanes = [f32::NEG_INFINITY; LANES];
        for part in best.as_chunks::<LANES>().0 {
            for i in 0..LANES {
                lanes[i] = if part[i] > lanes[i] { part[i] } else { lanes[i] };
            }
        }
        top = max_lanes(lanes);
        for x in &mut best {
            *x = if *x < top { *x } else { f32::NEG_INFINITY };
        }
    }
    top
}
