//! Row blocks one after the other. While the gradients of one are taken, strip by strip of items, the exponentials of the next
//! overwrite those that were just read: they are near the core, and the threads meet once a row block.

use std::mem::swap;

use super::backward::{Backward, RowStats};
use super::bf16_items::Bf16Items;
use super::forward::Forward;
use super::loops::max_norm;
use super::plan::{Plan, Problem, RowBlock, STRIP};
use crate::Parallel;
use crate::parallel::{over_parts, zip_parts};
use crate::simd::instructions;
use crate::simd::matrix::PANEL;
use crate::simd::transpose::to_columns;

impl Plan {
    /// The mean loss; fills dh [T, D] and ditems [V, D], and leaves `(p(target) − 1) · w / Σ w` of each row in the first T of `scratch`.
    pub fn run(
        &self,
        run: &impl Parallel,
        problem: &Problem,
        dh: &mut [f32],
        ditems: &mut [f32],
        mut scratch: &mut [f32],
    ) -> f64 {
        let width = self.width;
        assert!(width > 0 && problem.h.len() == self.rows * width && dh.len() == problem.h.len());
        assert!(problem.items.len() == self.items * width && ditems.len() == problem.items.len());
        assert!(problem.terms.fit(self.rows, self.items), "a term for each row and each of the drawn");
        assert!(scratch.len() >= self.scratch(), "scratch is large enough");
        if self.rows == 0 {
            ditems.fill(0.0);
            return 0.0;
        }
        let fields = self.fields().map(|length| scratch.split_off_mut(..length).expect("the sum of all fields"));
        let [coefficients, norms, panels, shifts, factors, scaled, mut sums, mut done, exponentials, words] = fields;
        let rounded = self.bf16.then(|| Bf16Items::round(run, problem.set, problem.items, width, words));
        let max_norm = self.max_norm(run, problem, &mut norms[..self.splits]);
        let total_weight = problem.terms.total_weight(self.rows);
        let (mut loss, mut before) = (0.0, None);
        for block in self.row_blocks().map(Some).chain([None]) {
            let next =
                block.map(|block| self.prepare(run, (problem, rounded), block, max_norm, [panels, shifts], sums));
            let last = before.map(|block: RowBlock| {
                let coefficients = &coefficients[block.from..];
                Backward { problem, block, total_weight, sums: done, factors, coefficients, scaled }
            });
            self.step(run, next, last, exponentials, sums, [dh, ditems]);
            if let Some(block) = block {
                let coefficients = &mut coefficients[block.from..][..block.rows];
                let factors = &mut factors[..block.rows];
                let stats = RowStats { factors, coefficients };
                loss += self.normalise(run, (problem, block, total_weight), sums, shifts, stats, scaled);
            }
            swap(&mut sums, &mut done);
            before = block;
        }
        // An infinite item can hide: at −∞ its logit adds nothing to the loss, but its gradient is NaN.
        if max_norm.is_finite() { loss / total_weight } else { f64::NAN }
    }

    /// The largest norm among the items; NaN if there is one.
    fn max_norm(&self, run: &impl Parallel, problem: &Problem, norms: &mut [f32]) -> f32 {
        over_parts(run, norms, 1, |split, norm| {
            let (from, count) = self.items_of(split);
            let items = &problem.items[from * self.width..][..count * self.width];
            norm[0] = max_norm::on(problem.set, items, self.width);
        });
        norms.iter().fold(0.0, |most: f32, &x| if x > most || x.is_nan() { x } else { most })
    }

    /// The gradients of the last row block, and the exponentials and sums of the next: one hand-out to the threads.
    fn step(
        &self,
        run: &impl Parallel,
        next: Option<Forward>,
        last: Option<Backward>,
        exponentials: &mut [f32],
        sums: &mut [f32],
        [dh, ditems]: [&mut [f32]; 2],
    ) {
        let (width, splits) = (self.width, self.splits.max(1));
        let dh = last.map_or(&mut [][..], |last| &mut dh[last.block.from * width..][..last.block.rows * width]);
        // A few rows of dh go with each split.
        let few = (dh.len() / width).div_ceil(splits);
        let sizes = [exponentials.len() / splits, self.tiles * self.sums(), self.split * width, few * width];
        zip_parts(run, [exponentials, sums, ditems, dh], sizes, |split, [exponentials, sums, ditems, dh]| {
            let (exponentials, chunk) = exponentials.split_at_mut(self.tiles * self.exponentials());
            sums.fill(0.0);
            for (strip, ditems) in ditems.chunks_mut(STRIP * width).enumerate() {
                let strip = strip * STRIP;
                if let Some(last) = &last {
                    self.gradient_of_items(last, exponentials, strip, ditems);
                }
                if let Some(next) = &next {
                    let place = (split * self.split, strip, ditems.len() / width);
                    for (tile, sums) in next.block.tiles().zip(sums.chunks_exact_mut(self.sums())) {
                        self.accumulate(next, tile, place, exponentials, chunk, sums);
                    }
                }
            }
            if self.bf16 && next.is_some() {
                sums.chunks_exact_mut(self.sums()).for_each(|sums| self.to_rows(&mut sums[..width * PANEL], chunk));
            }
            if let Some(last) = &last {
                self.subtract_targets(last, split * self.split, ditems);
                self.gradient_of_rows(last, split * few, dh);
            }
        });
    }

    /// What was summed by columns [D, 64] as rows [64, D].
    fn to_rows(&self, sums: &mut [f32], scratch: &mut [f32]) {
        let rows = &mut scratch[..sums.len()];
        to_columns(instructions(), sums, PANEL, (self.width, PANEL), rows, self.width);
        sums.copy_from_slice(rows);
    }
}
