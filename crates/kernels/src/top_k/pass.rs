//! One pass over a range of items for a block of users: what passes a user's threshold becomes a candidate.

use std::ops::Range;
use std::sync::atomic::AtomicU32;

use super::keys::add;
use super::maxima::{column_max, rescale};
use super::table::{Search, Table};
use super::thresholds::share;
use crate::simd::compare::filled;
use crate::simd::matrix::PANEL;

/// Panels of few users that are scored at once where memory is asked for them: more would be a burst, and waited for.
const TOGETHER: usize = 2;

/// The same where they are near.
const NEAR: usize = 16;

/// Sweeps over panels, each taking every third stretch, where what passes in the first refines the estimates.
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
    pub rescored: usize,
    /// Where the candidates begin.
    pub place: usize,
    /// What scores no more is not among the k best.
    pub threshold: f32,
    /// A threshold that the k best pass, if what was sampled tells enough of the rest.
    pub estimate: f32,
}

impl User {
    fn new(user: usize, vectors: Range<usize>, place: usize) -> Self {
        Self { user, vectors, length: 0, rescored: 0, place, threshold: f32::NEG_INFINITY, estimate: f32::NEG_INFINITY }
    }

    /// Whether the estimate may have kept one of the k best out.
    pub fn has_missed(&self) -> bool {
        self.estimate > f32::NEG_INFINITY && self.threshold <= self.estimate
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
    /// Of each vector the threshold of its user, in the vector's units.
    pub thresholds: Vec<f32>,
    /// What these units are.
    pub scales: Vec<f32>,
    /// Those of all users, whatever range found them.
    pub shared: &'a [AtomicU32],
    /// Candidates of all users of the block.
    pub keys: &'a mut [u64],
    /// For each user that has vectors what the user may get of a window of items.
    pub eligible: &'a mut [u64],
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
        eligible: &'a mut [u64],
        panel: &'a mut [f32],
    ) -> Self {
        let from = block * search.plan.users;
        let end = (search.offsets.len() - 1).min(from + search.plan.users);
        let first = search.offsets[from] as usize;
        let users =
            (from..end).map(|user| User::new(user, search.vectors_of(user), (user - from) * search.plan.capacity));
        let users: Vec<User> = users.filter(|user| !user.vectors.is_empty()).collect();
        let scales: Vec<f32> = (first..search.offsets[end] as usize).map(|vector| search.table.scale(vector)).collect();
        let thresholds = vec![f32::NEG_INFINITY; scales.len()];
        let groups = groups_of(&users, search.plan.vectors);
        Self { search, users, groups, first, thresholds, scales, shared, keys, eligible, window: 0, panel }
    }

    /// Through a range of items, a window at a time.
    pub fn scan_range(&mut self, items: Range<usize>, scores: &mut [f32], estimate: bool) {
        if self.users.is_empty() {
            return;
        }
        for at in 0..self.users.len() {
            self.raise_threshold(at, f32::NEG_INFINITY);
        }
        let size = self.search.plan.window() * PANEL;
        let mut passing = vec![0; self.search.plan.vectors];
        for from in items.clone().step_by(size) {
            let window = from..items.end.min(from + size);
            self.mark_eligible(window.clone());
            let mut sweeps = 1;
            if estimate && from == items.start && T::BOUNDS {
                self.estimate_thresholds(window.clone(), scores, &mut passing);
                sweeps = self.sweeps();
            }
            self.sweep(window, items.end, sweeps, scores, &mut passing);
        }
    }

    /// Tells what each user may get of a window.
    fn mark_eligible(&mut self, items: Range<usize>) {
        self.window = items.start;
        let (users, masks) = (self.users.len(), self.search.masks);
        let eligible = &mut self.eligible[..items.len().div_ceil(PANEL) * users];
        for (eligible, from) in eligible.chunks_exact_mut(users).zip(items.clone().step_by(PANEL)) {
            eligible.fill(masks.allowed(from, items.end));
        }
        for (at, user) in self.users.iter().enumerate() {
            masks.exclude_seen(user.user, items.start, &mut eligible[at..], users);
        }
    }

    /// What each user may get of the panel of an item.
    #[inline(always)]
    pub fn eligible_in(&self, item: usize) -> &[u64] {
        &self.eligible[(item - self.window) / PANEL * self.users.len()..][..self.users.len()]
    }

    /// Takes what passes of a window's items in some sweeps over its panels; `end` is that of the range.
    fn sweep(&mut self, items: Range<usize>, end: usize, sweeps: usize, scores: &mut [f32], passing: &mut [u64]) {
        let stretch = if sweeps > 1 { STRETCH * PANEL } else { items.len() };
        for sweep in 0..sweeps {
            for from in (items.start + sweep * stretch..items.end).step_by(sweeps * stretch) {
                self.scan(from..items.end.min(from + stretch), end, scores, passing);
            }
            if sweep == 0 && sweeps > 1 {
                self.refine_estimates();
            }
        }
    }

    /// Takes what passes of some items, panel by panel.
    fn scan(&mut self, items: Range<usize>, end: usize, scores: &mut [f32], passing: &mut [u64]) {
        let Search { table, masks, .. } = self.search;
        let mut from = items.start;
        while from < items.end {
            let until = items.end.min(from + self.panels() * PANEL);
            if until - from > PANEL || masks.allowed(from, items.end) != 0 {
                table.pack(from, self.panel);
                for i in 0..self.groups.len() {
                    let group = self.groups[i].clone();
                    self.score(&group, from..until, scores, passing);
                    if table.exceeds_cache() {
                        // A part of the next panels with each part of the users: memory has the time of all of these.
                        let ahead = |at: usize| end.min(until + at * (until - from) / self.users.len());
                        table.prefetch_panels(ahead(group.start)..ahead(group.end));
                    }
                }
            }
            from = until;
        }
    }

    /// Sweeps over the first window: several where panels may come in any order, and estimates can be refined on the way.
    fn sweeps(&self) -> usize {
        let estimated = self.users.iter().all(|user| user.estimate > f32::NEG_INFINITY);
        if estimated && !self.search.table.exceeds_cache() && self.panels() == 1 { SWEEPS } else { 1 }
    }

    /// Panels that are scored at once: several where there is room, and thresholds keep most items from being candidates.
    fn panels(&self) -> usize {
        if T::BOUNDS
            && self.search.plan.vectors >= 2 * self.thresholds.len()
            && self.users.iter().all(|user| user.threshold.max(user.estimate) > f32::NEG_INFINITY)
        {
            let most = if self.search.table.exceeds_cache() { TOGETHER } else { NEAR };
            (self.search.plan.vectors / self.thresholds.len()).clamp(1, most)
        } else {
            1
        }
    }

    fn score(&mut self, group: &Range<usize>, items: Range<usize>, scores: &mut [f32], passing: &mut [u64]) {
        let vectors = self.vectors_of(group);
        let (rows, panels) = (vectors.len(), items.len().div_ceil(PANEL));
        let (scores, passing) = (&mut scores[..panels * rows * PANEL], &mut passing[..panels * rows]);
        let thresholds = &self.thresholds[vectors.start - self.first..vectors.end - self.first];
        self.search.table.score(vectors.clone(), items.clone(), self.panel, thresholds, scores, passing);
        for panel in 0..panels {
            let (from, at) = (items.start + panel * PANEL, panel * rows);
            let (scores, passing) = (&mut scores[at * PANEL..][..rows * PANEL], &passing[at..][..rows]);
            if rows == group.len() {
                self.push_rows(group.clone(), from, passing, scores.as_chunks().0);
                continue;
            }
            for at in group.clone() {
                let own = self.users[at].vectors.start - vectors.start..self.users[at].vectors.end - vectors.start;
                let bits = passing[own.clone()].iter().fold(0, |all, bits| all | bits) & self.eligible_in(from)[at];
                if bits != 0 {
                    let (set, first) = (self.search.table.exact().set, vectors.start - self.first);
                    let rows = &mut scores[own.start * PANEL..own.end * PANEL];
                    rescale(rows, &self.scales[first + own.start..first + own.end]);
                    self.push(at, bits, from, &column_max(set, rows));
                }
            }
        }
    }

    /// Adds what passes of a panel to the candidates of users who have one vector each.
    fn push_rows(&mut self, users: Range<usize>, from: usize, passing: &[u64], scores: &[[f32; PANEL]]) {
        let (set, most) = (self.search.table.exact().set, self.search.plan.capacity - PANEL);
        let eligible = (from - self.window) / PANEL * self.users.len();
        let vector = self.users[users.start].vectors.start - self.first;
        for first in (0..users.len()).step_by(64) {
            let rows = first..users.len().min(first + 64);
            let (start, count) = (users.start + first, rows.len());
            let (passing, scores) = (&passing[rows.clone()], &scores[rows]);
            let (eligible, units) =
                (&self.eligible[eligible + start..][..count], &self.scales[vector + first..][..count]);
            let (mut hits, mut full) = (filled(set, passing, eligible), 0);
            while hits != 0 {
                let i = hits.trailing_zeros() as usize;
                hits &= hits - 1;
                let user = &mut self.users[start + i];
                user.length += add(
                    &mut self.keys[user.place + user.length..],
                    passing[i] & eligible[i],
                    from,
                    &scores[i],
                    units[i],
                );
                full |= u64::from(user.length > most) << i;
            }
            while full != 0 {
                self.prune(start + full.trailing_zeros() as usize);
                full &= full - 1;
            }
        }
    }

    /// Adds the items of a panel whose bits are set to a user's candidates.
    fn push(&mut self, at: usize, bits: u64, from: usize, scores: &[f32; PANEL]) {
        let user = &mut self.users[at];
        user.length += add(&mut self.keys[user.place + user.length..], bits, from, scores, 1.0);
        if user.length > self.search.plan.capacity - PANEL {
            self.prune(at);
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

    /// Raises a user's threshold to `threshold` at least, and to the one that the ranges share.
    pub fn raise_threshold(&mut self, at: usize, threshold: f32) {
        let user = &mut self.users[at];
        user.threshold = share(self.shared, user.user, user.threshold.max(threshold));
        let own = user.vectors.start - self.first..user.vectors.end - self.first;
        for (threshold, &unit) in self.thresholds[own.clone()].iter_mut().zip(&self.scales[own]) {
            *threshold = self.search.table.threshold(user.threshold.max(user.estimate), unit);
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
