//! Estimates of thresholds before a pass: what a sample of the items says that the k best of all will exceed. Users of whom fewer
//! than k items are found above the estimate are searched once more without one, so that an estimate never changes what is found.

use std::ops::Range;

use super::keys::{item_of, pivot, score_of};
use super::maxima::{nth_largest, rescale};
use super::pass::{Pass, SWEEPS, User, groups_of};
use super::table::Table;
use crate::simd::matrix::PANEL;

/// The last place in a sample that is told by the largest scores of 64 groups of items.
const FEW: usize = PANEL / 2;

impl<T: Table> Pass<'_, '_, T> {
    /// Estimates thresholds by some of the panels: by the largest score in each of 64 groups of their items.
    pub fn estimate_thresholds(&mut self, items: Range<usize>, scores: &mut [f32], eligible: &mut [u64]) {
        // About as many panels as cost what they save: the fewer they are, the more candidates pass.
        let step = ((items.len() / PANEL).isqrt() * 5 / 4).max(2);
        let rank = rank_of(self.search.plan.k, step as f64);
        if rank > FEW {
            return;
        }
        for group in self.groups.clone() {
            let vectors = self.vectors_of(&group);
            let (eligible, size) = (&mut eligible[..vectors.len()], vectors.len() * PANEL);
            self.panel[..size].fill(f32::NEG_INFINITY);
            for from in items.clone().step_by(step * PANEL) {
                for at in group.clone() {
                    let own = &self.users[at].vectors;
                    eligible[own.start - vectors.start..own.end - vectors.start].fill(self.eligible_in(from)[at]);
                }
                self.search.table.sample(vectors.clone(), from, eligible, &mut self.panel[..size], &mut scores[..size]);
            }
            for at in group {
                let own = &self.users[at].vectors;
                let rows = &mut self.panel[(own.start - vectors.start) * PANEL..(own.end - vectors.start) * PANEL];
                rescale(rows, &self.scales[own.start - self.first..own.end - self.first]);
                // One that ties may have a smaller id, and must pass.
                self.users[at].estimate = nth_largest(self.search.table.exact().set, rows, rank).next_down();
                self.raise_threshold(at, f32::NEG_INFINITY);
            }
        }
    }

    /// Estimates once more after the first of some sweeps: what has passed is a larger sample.
    pub fn refine_estimates(&mut self) {
        let least = rank_of(self.search.plan.k, SWEEPS as f64);
        for at in 0..self.users.len() {
            let User { place, length, rescored, .. } = self.users[at];
            let (table, keys) = (&self.search.table, &self.keys[place..place + length]);
            // Whose candidates have scores has a threshold by them.
            if rescored > 0 || length < least {
                continue;
            }
            let Some(pivot) = pivot::on(table.exact().set, keys, least, least + least / 2) else { continue };
            // They are bounds: the scores are below them.
            let gap = self.users[at].vectors.clone().map(|vector| table.bound_gap(vector, item_of(keys[0])));
            let estimate = score_of(pivot) - gap.fold(0.0, f32::max);
            self.users[at].estimate = self.users[at].estimate.max(estimate.next_down());
            self.raise_threshold(at, f32::NEG_INFINITY);
        }
    }

    /// Keeps the users for whom the estimate may have kept an item out, as if nothing had been found; tells whether there
    /// are any.
    pub fn retain_missed(&mut self) -> bool {
        self.users.retain(User::has_missed);
        for user in &mut self.users {
            (user.length, user.rescored, user.estimate) = (0, 0, f32::NEG_INFINITY);
            self.thresholds[user.vectors.start - self.first..user.vectors.end - self.first].fill(f32::NEG_INFINITY);
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
