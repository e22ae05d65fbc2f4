//! Guesses of bars before a pass: what a sample of the items says that the k best of all will pass. Who finds fewer than k items
//! above the guess is served once more without one, so that a guess never changes what is found.

use std::ops::Range;

use super::columns::{nth_of, scale};
use super::keys::{item_of, limit, score_of};
use super::pass::{Pass, SWEEPS, User, groups_of};
use super::search::Table;
use crate::simd::matrix::PANEL;

/// The last place in a sample that is told by the largest scores of 64 groups of items.
const FEW: usize = PANEL / 2;

impl<T: Table> Pass<'_, '_, T> {
    /// Guesses bars by some of the panels: by the largest score in each of 64 groups of their items.
    pub fn guess(&mut self, items: Range<usize>, scores: &mut [f32], open: &mut [u64]) {
        // About as many panels as cost what they save: the fewer they are, the more candidates pass.
        let step = ((items.len() / PANEL).isqrt() * 5 / 4).max(2);
        let rank = rank_of(self.search.plan.k, step as f64);
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
                self.users[at].guess = nth_of(self.search.table.exact().set, rows, rank).next_down();
                self.lift(at, f32::NEG_INFINITY);
            }
        }
    }

    /// Guesses once more after the first of some sweeps: what has passed is a larger sample.
    pub fn sharpen(&mut self) {
        let least = rank_of(self.search.plan.k, SWEEPS as f64);
        for at in 0..self.users.len() {
            let User { place, length, settled, .. } = self.users[at];
            let (table, keys) = (&self.search.table, &self.keys[place..place + length]);
            // Whose candidates have scores has a bar by them.
            if settled > 0 || length < least {
                continue;
            }
            let Some(limit) = limit::on(table.exact().set, keys, least, least + least / 2) else { continue };
            // They are bounds: the scores are below them.
            let spare = self.users[at].vectors.clone().map(|vector| table.spare(vector, item_of(keys[0])));
            let guess = score_of(limit) - spare.fold(0.0, f32::max);
            self.users[at].guess = self.users[at].guess.max(guess.next_down());
            self.lift(at, f32::NEG_INFINITY);
        }
    }

    /// Leaves those users for whom the guess may have kept an item out, as if nothing had been found; tells whether there
    /// are any.
    pub fn leave_missed(&mut self) -> bool {
        self.users.retain(User::has_missed);
        for user in &mut self.users {
            (user.length, user.settled, user.guess) = (0, 0, f32::NEG_INFINITY);
            self.bars[user.vectors.start - self.first..user.vectors.end - self.first].fill(f32::NEG_INFINITY);
        }
        self.groups = groups_of(&self.users, self.search.plan.vectors);
        !self.users.is_empty()
    }
}

/// The place in a sample of one item in `step` of that score which k items of all pass, hardly ever fewer.
pub(super) fn rank_of(k: usize, step: f64) -> usize {
    let share = k as f64 / step;
    (share + 3.0 * (share * (1.0 - 1.0 / step)).sqrt() + 1.7) as usize
}
