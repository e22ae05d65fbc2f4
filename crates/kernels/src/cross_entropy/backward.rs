//! What follows from the sums of a row block: its loss, and its part of the gradients.

use super::loops::add_parts;
use super::plan::{Plan, Problem, RowBlock, TILES};
use crate::Parallel;
use crate::parallel::zip_mixed;
use crate::simd::bf16::{interleave, multiply_pairs};
use crate::simd::matrix::{Into, Left, PANEL, dot, multiply};
use crate::simd::memory::Stack;

/// What the blocks of work read that take a row block's exponentials into the gradients.
#[derive(Clone, Copy)]
pub(super) struct Backward<'a> {
    pub problem: &'a Problem<'a>,
    pub block: RowBlock,
    /// Σ w
    pub total_weight: f64,
    /// By split and tile
    pub sums: &'a [f32],
    /// p · w / Σ w of a row is exponential · factor.
    pub factors: &'a [f32],
    /// (p(target) − 1) · w / Σ w of each row
    pub coefficients: &'a [f32],
    /// factor · h by tile
    pub scaled: &'a [f32],
}

/// What the rows of a block get of their sums.
pub(super) struct RowStats<'a> {
    pub factors: &'a mut [f32],
    pub coefficients: &'a mut [f32],
}

impl Plan {
    /// The factors, coefficients and scaled rows of a row block from its sums; returns the sum of its losses.
    pub(super) fn normalise(
        &self,
        run: &impl Parallel,
        of: (&Problem, RowBlock, f64),
        sums: &[f32],
        shifts: &[f32],
        RowStats { factors, coefficients }: RowStats,
        scaled: &mut [f32],
    ) -> f64 {
        let (problem, block, _) = of;
        let tiles = block.rows.div_ceil(PANEL);
        let mut losses = [0.0; TILES];
        let outs = [coefficients, factors, &mut scaled[..tiles * self.scaled()]];
        let sizes = [PANEL, PANEL, self.scaled()];
        let losses_by_tile = ([&mut losses[..tiles]], [1]);
        zip_mixed(run, (outs, sizes), losses_by_tile, |tile, [coefficients, factors, scaled], [loss]| {
            let first = tile * PANEL;
            for (i, (factor, coefficient)) in factors.iter_mut().zip(coefficients).enumerate() {
                let own;
                (own, *factor, *coefficient) = self.normalise_row(of, first + i, sums, shifts[first + i]);
                loss[0] += own;
            }
            self.scale(&problem.h[(block.from + first) * self.width..], factors, scaled);
        });
        losses.iter().sum()
    }

    /// A row's loss times its weight, factor and coefficient.
    fn normalise_row(
        &self,
        (problem, block, total_weight): (&Problem, RowBlock, f64),
        row: usize,
        sums: &[f32],
        shift: f32,
    ) -> (f64, f32, f32) {
        let (width, at) = (self.width, block.from + row);
        let place = row / PANEL * self.sums() + PANEL * width + row % PANEL;
        let sum: f64 = sums.iter().skip(place).step_by(self.tiles * self.sums()).map(|&x| f64::from(x)).sum();
        let own = f64::from(dot(problem.set, &problem.h[at * width..][..width], problem.target(at, width)));
        let own = own - f64::from(problem.terms.target_correction(at));
        let (sampled, shift) = (problem.positives.is_some(), f64::from(shift));
        // Where all items are masked they sum to nothing, and the shift says nothing.
        let most = if sampled && (sum == 0.0 || own > shift) { own } else { shift };
        let less = |x: f64| if x == most { 1.0 } else { (x - most).exp() };
        let positive = if sampled { less(own) } else { 0.0 };
        let share = if sum != 0.0 { less(shift) } else { 0.0 };
        let total = positive + sum * share;
        let weight = f64::from(problem.terms.weight(at));
        let factor = weight * share / (total * total_weight);
        let coefficient = weight * (positive / total - 1.0) / total_weight;
        (weight * (total.ln() + most - own), factor as f32, coefficient as f32)
    }

    /// factor · h of a tile; zeros for rows beyond the last.
    fn scale(&self, h: &[f32], factors: &[f32], scaled: &mut [f32]) {
        let mut stack = Stack::<{ PANEL * PANEL }>::new();
        let [values] = stack.parts([PANEL * PANEL]);
        for (panel, to) in scaled.chunks_exact_mut(self.stored(PANEL * PANEL)).enumerate() {
            let columns = panel * PANEL..self.width.min((panel + 1) * PANEL);
            for ((y, h), factor) in values.chunks_exact_mut(PANEL).zip(h.chunks_exact(self.width)).zip(factors) {
                y.iter_mut().zip(&h[columns.clone()]).for_each(|(y, x)| *y = factor * x);
            }
            if self.bf16 { interleave(values, PANEL, to) } else { to.copy_from_slice(values) }
        }
    }

    /// ditems of a strip += exponentialsᵀ · (factor · h).
    pub(super) fn gradient_of_items(&self, backward: &Backward, all: &[f32], strip: usize, ditems: &mut [f32]) {
        let mut into = if backward.block.from == 0 { Into::Set } else { Into::Add };
        for (row, rows) in backward.block.tiles() {
            let tile = row / PANEL;
            let left = &all[tile * self.exponentials() + self.stored(strip * PANEL)..];
            let panels = backward.scaled[tile * self.scaled()..].chunks_exact(self.stored(PANEL * PANEL));
            for (c, right) in (0..self.width).step_by(PANEL).zip(panels) {
                let (count, columns) = (ditems.len() / self.width, PANEL.min(self.width - c));
                let ditems = &mut ditems[c..];
                if self.bf16 {
                    let shape = (count, PANEL / 2, columns);
                    multiply_pairs([left, right], [PANEL / 2, PANEL], shape, into, ditems, self.width);
                } else {
                    let left = Left { values: left, row: self.lanes(rows), step: 1 };
                    let shape = (count, rows, columns);
                    multiply(backward.problem.set, left, right, PANEL, shape, into, ditems, self.width);
                }
            }
            into = Into::Add;
        }
    }

    /// ditems[target] −= h · w / Σ w, for the targets among the items from `first` on, if targets are items.
    pub(super) fn subtract_targets(&self, backward: &Backward, first: usize, ditems: &mut [f32]) {
        let Backward { problem, block, total_weight, .. } = backward;
        if problem.positives.is_some() {
            return;
        }
        let total_weight = *total_weight as f32;
        for row in block.from..block.from + block.rows {
            let at = (problem.targets[row] as usize).wrapping_sub(first);
            if let Some(ditem) = ditems.chunks_exact_mut(self.width).nth(at) {
                let share = problem.terms.weight(row) / total_weight;
                for (y, x) in ditem.iter_mut().zip(&problem.h[row * self.width..]) {
                    *y -= share * x;
                }
            }
        }
    }

    /// dh of some rows of a row block from its row `first` on: the target, and the splits' sums in order.
    pub(super) fn gradient_of_rows(&self, backward: &Backward, first: usize, dh: &mut [f32]) {
        let Backward { problem, block, .. } = backward;
        for (row, dh) in (first..).zip(dh.chunks_exact_mut(self.width)) {
            for (y, x) in dh.iter_mut().zip(problem.target(block.from + row, self.width)) {
                *y = backward.coefficients[row] * x;
            }
            let place = row / PANEL * self.sums() + row % PANEL * self.width;
            let parts = backward.sums.get(place..).unwrap_or_default();
            add_parts::on(problem.set, parts, self.tiles * self.sums(), backward.factors[row], dh);
        }
    }
}
