//! One pass over a range of items for a block of users: what passes a user's bar becomes a candidate.

use std::ops::Range;
use std::sync::atomic::AtomicU32;

use super::bars::share;
use super::columns::{largest_of, scale};
use super::keys::add;
use super::search::{Search, Table};
use crate::simd::compare::filled;
use crate::simd::matrix::PANEL;

/// Panels of few users that are scored at once where memory is asked for them: more would be a burst, and waited for.
const TOGETHER: usize = 2;

/// The same where they are near.
const NEAR: usize = 16;

/// Sweeps over panels, each taking every third stretch, where what passes in the first makes guesses sharper.
pub(super) const SWEEPS: usize = 3;

/// Panels of a stretch: one after the other they are on their way from memory before they are asked for.
pub(super) const STRETCH: usize = 4;

/// A user who has vectors.
pub(super) struct User {
    pub user: usize,
    pub vectors: Range<usize>,
    /// Candidates.
    pub length: usize,
    /// Those of them that have scores: the ones that a selection kept.
    pub settled: usize,
    /// Where the candidates begin.
    pub place: usize,
    /// What scores no more is not among the k best.
    pub bar: f32,
    /// A bar that the k best pass, if what was sampled tells enough of the rest.
    pub guess: f32,
}

impl User {
    fn new(user: usize, vectors: Range<usize>, place: usize) -> Self {
        Self { user, vectors, length: 0, settled: 0, place, bar: f32::NEG_INFINITY, guess: f32::NEG_INFINITY }
    }

    /// Whether the guess may have kept one of the k best out.
    pub fn has_missed(&self) -> bool {
        self.guess > f32::NEG_INFINITY && self.bar <= self.guess
    }
}

/// A block of users on their way through a range of items.
pub(super) struct Pass<'a, 's, T> {
    pub search: &'a Search<'s, T>,
    pub users: Vec<User>,
    /// Users whose vectors are scored at once.
    pub groups: Vec<Range<usize>>,
    /// The first vector of the block's users.
    pub first: usize,
    /// Of each vector the bar of its user, in the vector's units.
    pub bars: Vec<f32>,
    /// What these units are.
    pub units: Vec<f32>,
    /// Those of all users, whatever range found them.
    pub shared: &'a [AtomicU32],
    /// Candidates of all users of the block.
    pub keys: &'a mut [u64],
    /// For each user that has vectors what the user may get of a window of items.
    pub open: &'a mut [u64],
    /// The first item of the window.
    pub window: usize,
    pub panel: &'a mut [f32],
}

impl<'a, 's, T: Table> Pass<'a, 's, T> {
    pub fn new(
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
    pub fn over(&mut self, items: Range<usize>, scores: &mut [f32], guess: bool) {
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
            let mut sweeps = 1;
            if guess && from == items.start && T::BOUNDS {
                self.guess(window.clone(), scores, &mut passing);
                sweeps = self.sweeps();
            }
            self.sweep(window, items.end, sweeps, scores, &mut passing);
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
    pub fn open_to(&self, item: usize) -> &[u64] {
        &self.open[(item - self.window) / PANEL * self.users.len()..][..self.users.len()]
    }

    /// Takes what passes of a window's items in some sweeps over its panels; `end` is that of the range.
    fn sweep(&mut self, items: Range<usize>, end: usize, sweeps: usize, scores: &mut [f32], passing: &mut [u64]) {
        let stretch = if sweeps > 1 { STRETCH * PANEL } else { items.len() };
        for sweep in 0..sweeps {
            for from in (items.start + sweep * stretch..items.end).step_by(sweeps * stretch) {
                self.through(from..items.end.min(from + stretch), end, scores, passing);
            }
            if sweep == 0 && sweeps > 1 {
                self.sharpen();
            }
        }
    }

    /// Takes what passes of some items, panel by panel.
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

    /// Sweeps over the first window: several where panels may come in any order, and guesses can become sharper on the way.
    fn sweeps(&self) -> usize {
        let guessed = self.users.iter().all(|user| user.guess > f32::NEG_INFINITY);
        if guessed && !self.search.table.is_far() && self.panels() == 1 { SWEEPS } else { 1 }
    }

    /// Panels that are scored at once: several where there is room, and bars keep most items from being candidates.
    fn panels(&self) -> usize {
        if T::BOUNDS
            && self.search.plan.vectors >= 2 * self.bars.len()
            && self.users.iter().all(|user| user.bar.max(user.guess) > f32::NEG_INFINITY)
        {
            let most = if self.search.table.is_far() { TOGETHER } else { NEAR };
            (self.search.plan.vectors / self.bars.len()).clamp(1, most)
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
                    self.take(at, bits, from, &largest_of(set, rows));
                }
            }
        }
    }

    /// Adds what passes of a panel to the candidates of users who have one vector each.
    fn take_rows(&mut self, users: Range<usize>, from: usize, passing: &[u64], scores: &[[f32; PANEL]]) {
        let (set, most) = (self.search.table.exact().set, self.search.plan.capacity - PANEL);
        let open = (from - self.window) / PANEL * self.users.len();
        let vector = self.users[users.start].vectors.start - self.first;
        for first in (0..users.len()).step_by(64) {
            let rows = first..users.len().min(first + 64);
            let (start, count) = (users.start + first, rows.len());
            let (passing, scores) = (&passing[rows.clone()], &scores[rows]);
            let (open, units) = (&self.open[open + start..][..count], &self.units[vector + first..][..count]);
            let (mut hits, mut full) = (filled(set, passing, open), 0);
            while hits != 0 {
                let i = hits.trailing_zeros() as usize;
                hits &= hits - 1;
                let user = &mut self.users[start + i];
                user.length +=
                    add(&mut self.keys[user.place + user.length..], passing[i] & open[i], from, &scores[i], units[i]);
                full |= u64::from(user.length > most) << i;
            }
            while full != 0 {
                self.make_room(start + full.trailing_zeros() as usize);
                full &= full - 1;
            }
        }
    }

    /// Adds the items of a panel whose bits are set to a user's candidates.
    fn take(&mut self, at: usize, bits: u64, from: usize, scores: &[f32; PANEL]) {
        let user = &mut self.users[at];
        user.length += add(&mut self.keys[user.place + user.length..], bits, from, scores, 1.0);
        if user.length > self.search.plan.capacity - PANEL {
            self.make_room(at);
        }
    }

    /// The vectors of some users.
    pub fn vectors_of(&self, users: &Range<usize>) -> Range<usize> {
        self.users[users.start].vectors.start..self.users[users.end - 1].vectors.end
    }

    /// A user's candidates, and places for more.
    #[inline(always)]
    pub fn keys_of(&mut self, at: usize) -> &mut [u64] {
        let place = self.users[at].place;
        &mut self.keys[place..place + self.search.plan.capacity]
    }

    /// Lets a user's bar be `bar` at least.
    pub fn lift(&mut self, at: usize, bar: f32) {
        let user = &mut self.users[at];
        user.bar = share(self.shared, user.user, user.bar.max(bar));
        let own = user.vectors.start - self.first..user.vectors.end - self.first;
        for (bar, &unit) in self.bars[own.clone()].iter_mut().zip(&self.units[own]) {
            *bar = self.search.table.bar(user.bar.max(user.guess), unit);
        }
    }
}

/// As many users at a time as have `most` vectors together, unless one alone has more.
pub(super) fn groups_of(users: &[User], most: usize) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = vec![];
    for (at, user) in users.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if user.vectors.end - users[group.start].vectors.start <= most => group.end = at + 1,
            _ => groups.push(at..at + 1),
        }
    }
    groups
}
