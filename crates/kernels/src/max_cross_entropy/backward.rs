//! What follows from the sums of a block of events: its loss, and its part of the gradients.

use super::best_vector;
use super::loops::add_scaled;
use super::plan::{Block, Fields, Plan};
use crate::Parallel;
use crate::cross_entropy::Problem;
use crate::parallel::zip_parts;
use crate::simd::matrix::{DEPTH, Into, Left, PANEL, multiply};

pub(super) struct Gradients<'a> {
    pub h: &'a mut [f32],
    pub items: &'a mut [f32],
    /// Empty where the targets are items
    pub positives: &'a mut [f32],
}

impl Plan {
    /// Factors, coefficients, best vectors and scaled rows of a block from its sums; returns its part of the loss.
    pub(super) fn normalise(
        &self,
        problem: &Problem,
        block: Block,
        total_weight: f64,
        sums: &[f32],
        fields: &mut Fields,
    ) -> f64 {
        let mut loss = 0.0;
        for (group, first, events) in self.groups(block) {
            for e in first..first + events {
                let place = group * self.sums() + self.lanes() * self.width + e - first;
                let sum = sums.iter().skip(place).step_by(self.groups * self.sums()).map(|&x| f64::from(x)).sum();
                loss += self.normalise_event(problem, block.from + e, (e, sum), total_weight, fields);
            }
            let rows = &mut fields.rows[group * self.rows()..][..self.rows()];
            for (lane, row) in rows.chunks_exact_mut(self.padded).enumerate() {
                let e = lane % self.per_group;
                let factor = if e < events { fields.factors[first + e] } else { 0.0 };
                row.iter_mut().for_each(|x| *x *= factor);
            }
        }
        loss
    }

    fn normalise_event(
        &self,
        problem: &Problem,
        event: usize,
        (e, sum): (usize, f64),
        total_weight: f64,
        fields: &mut Fields,
    ) -> f64 {
        let (k, own) = self.best_for_target(problem, event);
        let own = f64::from(own) - f64::from(problem.terms.target_correction(event));
        let (shift, sampled) = (f64::from(fields.shifts[e]), problem.positives.is_some());
        // Where all items are masked they sum to nothing, and the shift says nothing.
        let most = if sampled && (sum == 0.0 || own > shift) { own } else { shift };
        let less = |x: f64| if x == most { 1.0 } else { (x - most).exp() };
        let positive = if sampled { less(own) } else { 0.0 };
        let share = if sum != 0.0 { less(shift) } else { 0.0 };
        let (total, weight) = (positive + sum * share, f64::from(problem.terms.weight(event)));
        let part = weight / total_weight;
        fields.factors[e] = (part * share / total) as f32;
        fields.coefficients[e] = (part * (positive / total - 1.0)) as f32;
        fields.best[e] = k as f32;
        part * (total.ln() + most - own)
    }

    /// The first of the vectors that score the target best, and its logit; NaN where a vector is not finite.
    fn best_for_target(&self, problem: &Problem, event: usize) -> (usize, f32) {
        let (width, size) = (self.width, self.interests * self.width);
        let (h, target) = (&problem.h[event * size..][..size], problem.target(event, width));
        let best = best_vector(problem.set, h, target);
        if h.iter().all(|x| x.is_finite()) { best } else { (best.0, f32::NAN) }
    }

    /// What a block adds to the gradients.
    pub(super) fn gradients(
        &self,
        run: &impl Parallel,
        problem: &Problem,
        block: Block,
        (fields, total_weight): (&Fields, f64),
        (sums, exponentials): (&[f32], &[f32]),
        to: &mut Gradients,
    ) {
        let (width, size, splits) = (self.width, self.interests * self.width, self.splits.max(1));
        let dh = &mut to.h[block.from * size..][..block.events * size];
        let positives = &mut *to.positives;
        let dpositives =
            if positives.is_empty() { positives } else { &mut positives[block.from * width..][..block.events * width] };
        // A few events go with each split.
        let few = block.events.div_ceil(splits);
        let sizes = [self.split * width, few * size, few * width];
        zip_parts(run, [&mut *to.items, dh, dpositives], sizes, |split, [ditems, dh, dpositives]| {
            let exponentials = exponentials.get(split * self.split_scratch()..).unwrap_or_default();
            self.gradient_of_items(problem, block, fields, exponentials, ditems);
            if problem.positives.is_none() {
                self.subtract_targets(problem, block, total_weight, fields, split * self.split, ditems);
            }
            for (e, dh) in (split * few..).zip(dh.chunks_exact_mut(size)) {
                self.gradient_of_event(problem, (block.from + e, e), fields, sums, dh);
            }
            for (e, dpositive) in (split * few..).zip(dpositives.chunks_exact_mut(width)) {
                let from = (block.from + e) * size + fields.best[e] as usize * width;
                for (y, x) in dpositive.iter_mut().zip(&problem.h[from..]) {
                    *y = fields.coefficients[e] * x;
                }
            }
        });
    }

    /// ditems of a split += exponentialsᵀ · (factor · h).
    fn gradient_of_items(
        &self,
        problem: &Problem,
        block: Block,
        fields: &Fields,
        exponentials: &[f32],
        ditems: &mut [f32],
    ) {
        let (width, lanes, count) = (self.width, self.lanes(), ditems.len() / self.width);
        for (group, ..) in self.groups(block) {
            for from in (0..lanes).step_by(DEPTH) {
                let into = if block.from == 0 && group == 0 && from == 0 { Into::Set } else { Into::Add };
                let left = exponentials.get(group * self.exponentials() + from..).unwrap_or_default();
                let left = Left { values: left, row: lanes, step: 1 };
                let right = &fields.rows[group * self.rows() + from * self.padded..];
                for c in (0..width).step_by(PANEL) {
                    let shape = (count, DEPTH.min(lanes - from), PANEL.min(width - c));
                    let to = ditems.get_mut(c..).unwrap_or_default();
                    multiply(problem.set, left, &right[c..], self.padded, shape, into, to, width);
                }
            }
        }
    }

    /// ditems[target] −= w / Σ w · h of the vector that scores it, for the targets among the items from `first` on.
    fn subtract_targets(
        &self,
        problem: &Problem,
        block: Block,
        total_weight: f64,
        fields: &Fields,
        first: usize,
        ditems: &mut [f32],
    ) {
        for e in 0..block.events {
            let event = block.from + e;
            let at = (problem.targets[event] as usize).wrapping_sub(first);
            if let Some(ditem) = ditems.chunks_exact_mut(self.width).nth(at) {
                let row = event * self.interests + fields.best[e] as usize;
                let part = (-f64::from(problem.terms.weight(event)) / total_weight) as f32;
                add_scaled::on(problem.set, part, &problem.h[row * self.width..], ditem);
            }
        }
    }

    /// dh [K, D] of an event: the target, and the splits' sums in order.
    fn gradient_of_event(
        &self,
        problem: &Problem,
        (event, e): (usize, usize),
        fields: &Fields,
        sums: &[f32],
        dh: &mut [f32],
    ) {
        let (width, group, e_in) = (self.width, e / self.per_group, e % self.per_group);
        for (k, dh) in dh.chunks_exact_mut(width).enumerate() {
            dh.fill(0.0);
            if k == fields.best[e] as usize {
                add_scaled::on(problem.set, fields.coefficients[e], problem.target(event, width), dh);
            }
            let place = group * self.sums() + (k * self.per_group + e_in) * width;
            let parts = sums.get(place..).unwrap_or_default();
            for part in parts.chunks(self.groups * self.sums()) {
                add_scaled::on(problem.set, fields.factors[e], part, dh);
            }
        }
    }
}
