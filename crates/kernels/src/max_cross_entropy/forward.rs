//! The exponentials of a block of events, exp(max_k logit_k − shift), and their sums.

use super::loops::{exponentials, mask_targets, max_by_event};
use super::plan::{Block, CHUNK, Events, Fields, Plan};
use crate::Parallel;
use crate::cross_entropy::{Positives, Problem, bounded_rows, subtract_corrections, whole_vectors};
use crate::parallel::zip_parts;
use crate::product::{Panels, rows_by_panels};
use crate::simd::Instructions;
use crate::simd::matrix::{Into, Left, PANEL, multiply, transpose};

impl Plan {
    /// Rows, panels and shifts of a block; whether no exponent is large for certain.
    pub(super) fn prepare(
        &self,
        run: &impl Parallel,
        problem: &Problem,
        block: Block,
        max_norm: f32,
        fields: &mut Fields,
        (sums, exponentials): (&mut [f32], &mut [f32]),
    ) -> bool {
        for (group, first, events) in self.groups(block) {
            let rows = &mut fields.rows[group * self.rows()..][..self.rows()];
            self.gather(problem, block.from + first, events, rows);
            let panels = &mut fields.panels[group * self.panels()..][..self.panels()];
            for (panel, from) in panels.chunks_exact_mut(PANEL * self.width).zip((0..self.lanes()).step_by(PANEL)) {
                self.transpose(problem.set, &rows[from * self.padded..], PANEL.min(self.lanes() - from), panel);
            }
        }
        let size = self.interests * self.width;
        let h = &problem.h[block.from * size..][..block.events * size];
        let within = (max_norm, self.items, problem.terms.max_correction());
        let bounded = bounded_rows(problem.set, h, [size, self.width], within, fields.shifts);
        if !bounded {
            self.event_max(run, problem, block, fields, sums, exponentials);
        }
        bounded && problem.positives.is_none()
    }

    /// The rows of a group in the order of its lanes; zeros in lanes of no event and beyond the width.
    fn gather(&self, problem: &Problem, first: usize, events: usize, rows: &mut [f32]) {
        rows.fill(0.0);
        for (lane, row) in rows.chunks_exact_mut(self.padded).enumerate() {
            let (k, e) = (lane / self.per_group, lane % self.per_group);
            if e < events {
                let from = ((first + e) * self.interests + k) * self.width;
                row[..self.width].copy_from_slice(&problem.h[from..][..self.width]);
            }
        }
    }

    /// Up to 64 rows as a panel [D, 64].
    fn transpose(&self, set: Instructions, rows: &[f32], count: usize, panel: &mut [f32]) {
        if self.padded == self.width {
            return transpose(set, &rows[..count * self.width], count, self.width, panel);
        }
        for (c, columns) in panel.chunks_exact_mut(PANEL).enumerate() {
            for (lane, x) in columns.iter_mut().enumerate() {
                *x = if lane < count { rows[lane * self.padded + c] } else { 0.0 };
            }
        }
    }

    /// The largest logit of each event that is marked as unbounded becomes its shift.
    fn event_max(
        &self,
        run: &impl Parallel,
        problem: &Problem,
        block: Block,
        fields: &mut Fields,
        sums: &mut [f32],
        exponentials: &mut [f32],
    ) {
        let panels = &*fields.panels;
        let sizes = [self.groups * self.sums(), self.split_scratch()];
        zip_parts(run, [&mut *sums, exponentials], sizes, |split, [most, logits]| {
            let (from, count) = self.items_of(split);
            for (group, first, events) in self.groups(block) {
                let most = &mut most[first..][..self.per_group];
                most.fill(f32::NEG_INFINITY);
                for at in (0..count).step_by(CHUNK) {
                    let n = CHUNK.min(count - at);
                    let logits = &mut logits[..n * self.lanes()];
                    self.logits(
                        problem,
                        (block.from + first, events),
                        &panels[group * self.panels()..],
                        from + at,
                        logits,
                    );
                    max_by_event::on(problem.set, logits, self.interests, most);
                }
            }
        });
        for (event, shift) in fields.shifts.iter_mut().enumerate().filter(|(_, shift)| **shift != 0.0) {
            let by_split = sums.chunks_exact(self.groups * self.sums()).map(|most| most[event]);
            let most = by_split.fold(f32::NEG_INFINITY, f32::max);
            // Where every item is masked, nothing is subtracted: exp(−inf − 0) = 0.
            *shift = if most == f32::NEG_INFINITY { 0.0 } else { most };
        }
    }

    /// Logits [n, lanes] of a group's events for the items from `first` on.
    fn logits(&self, problem: &Problem, events: Events, panels: &[f32], first: usize, logits: &mut [f32]) {
        let n = logits.len() / self.lanes();
        let items = &problem.items[first * self.width..][..n * self.width];
        let shape = (n, self.width, self.lanes());
        rows_by_panels(problem.set, items, Panels::packed(panels, self.width), None, shape, logits);
        if let Some(log_q) = problem.terms.log_q {
            subtract_corrections::on(problem.set, &log_q[first..][..n], logits);
        }
        if let Some(Positives { drawn, .. }) = problem.positives {
            let targets = &problem.targets[events.0..][..events.1];
            mask_targets::on(problem.set, &drawn[first..][..n], targets, self.per_group, logits);
        }
    }

    /// The exponentials of a block, and what they and the items sum to by split.
    pub(super) fn accumulate(
        &self,
        run: &impl Parallel,
        problem: &Problem,
        block: Block,
        (fields, bounded): (&Fields, bool),
        sums: &mut [f32],
        exponentials: &mut [f32],
    ) {
        let sizes = [self.groups * self.sums(), self.split_scratch()];
        zip_parts(run, [sums, exponentials], sizes, |split, [sums, exponentials]| {
            let place = self.items_of(split);
            let (exponentials, chunk) = exponentials.split_at_mut(self.groups * self.exponentials());
            sums.fill(0.0);
            let each = sums.chunks_exact_mut(self.sums()).zip(exponentials.chunks_exact_mut(self.exponentials()));
            for ((group, first, events), (sums, exponentials)) in self.groups(block).zip(each) {
                let panels = &fields.panels[group * self.panels()..][..self.panels()];
                let shifts = &fields.shifts[first..][..self.per_group];
                let events = (block.from + first, events);
                self.accumulate_group(problem, events, panels, (shifts, bounded), place, [sums, exponentials, chunk]);
            }
        });
    }

    fn accumulate_group(
        &self,
        problem: &Problem,
        events: Events,
        panels: &[f32],
        (shifts, bounded): (&[f32], bool),
        (from, count): (usize, usize),
        [sums, exponentials, chunk]: [&mut [f32]; 3],
    ) {
        let (width, lanes) = (self.width, self.lanes());
        let (dh, sums) = sums.split_at_mut(lanes * width);
        for at in (0..count).step_by(CHUNK) {
            let n = CHUNK.min(count - at);
            let exponentials = &mut exponentials[at * lanes..][..n * lanes];
            self.logits(problem, events, panels, from + at, exponentials);
            exponentials::on(problem.set, exponentials, self.interests, shifts, sums, bounded);
            let right = whole_vectors(&problem.items[(from + at) * width..][..n * width], width, self.padded, chunk);
            let left = Left { values: exponentials, row: 1, step: lanes };
            for c in (0..width).step_by(PANEL) {
                let shape = (lanes, n, PANEL.min(width - c));
                multiply(problem.set, left, &right[c..], self.padded, shape, Into::Add, &mut dh[c..], width);
            }
        }
    }
}
