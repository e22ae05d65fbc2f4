//! What follows from the sums of a slab: its loss, and its part of the gradients.

use super::lanes::add_parts;
use super::slabs::{Problem, Slab, Slabs, UNITS};
use crate::Parallel;
use crate::parallel::zip_mixed;
use crate::simd::half::{interleave, multiply_pairs};
use crate::simd::matrix::{Into, Left, PANEL, dot, multiply};
use crate::simd::memory::Stack;

/// What the blocks read that take a slab's weights.
#[derive(Clone, Copy)]
pub(super) struct Weighed<'a> {
    pub problem: &'a Problem<'a>,
    pub slab: Slab,
    /// By segment and unit
    pub sums: &'a [f32],
    /// p / T of a row is weight · factor.
    pub factors: &'a [f32],
    /// (p(winner) − 1) / T of each row
    pub coefficients: &'a [f32],
    /// factor · h by unit
    pub scaled: &'a [f32],
}

impl Slabs {
    /// The factors, coefficients and scaled rows of a slab from its sums; returns the sum of its losses.
    pub(super) fn settle(
        &self,
        run: &impl Parallel,
        problem: &Problem,
        slab: Slab,
        sums: &[f32],
        shifts: &[f32],
        coefficients: &mut [f32],
        factors: &mut [f32],
        scaled: &mut [f32],
    ) -> f64 {
        let units = slab.rows.div_ceil(PANEL);
        let mut losses = [0.0; UNITS];
        let outs = [coefficients, &mut factors[..slab.rows], &mut scaled[..units * self.scaled()]];
        let sizes = [PANEL, PANEL, self.scaled()];
        let losses_by_unit = ([&mut losses[..units]], [1]);
        zip_mixed(run, (outs, sizes), losses_by_unit, |unit, [coefficients, factors, scaled], [loss]| {
            let first = unit * PANEL;
            for (i, (factor, coefficient)) in factors.iter_mut().zip(coefficients).enumerate() {
                loss[0] += self.normalise(problem, slab, first + i, sums, shifts[first + i], factor, coefficient);
            }
            self.scale(&problem.h[(slab.from + first) * self.width..], factors, scaled);
        });
        losses.iter().sum()
    }

    /// A row's factor and coefficient; returns its loss.
    fn normalise(
        &self,
        problem: &Problem,
        slab: Slab,
        row: usize,
        sums: &[f32],
        shift: f32,
        factor: &mut f32,
        coefficient: &mut f32,
    ) -> f64 {
        let (width, at) = (self.width, slab.from + row);
        let place = row / PANEL * self.sums() + PANEL * width + row % PANEL;
        let sum: f64 = sums.iter().skip(place).step_by(self.units * self.sums()).map(|&x| f64::from(x)).sum();
        let own = f64::from(dot(problem.set, &problem.h[at * width..][..width], problem.winner(at, width)));
        let (apart, shift) = (problem.apart.is_some(), f64::from(shift));
        // Where all items are left out they sum to nothing, and the shift says nothing.
        let most = if apart && (sum == 0.0 || own > shift) { own } else { shift };
        let less = |x: f64| if x == most { 1.0 } else { (x - most).exp() };
        let won = if apart { less(own) } else { 0.0 };
        let share = if sum != 0.0 { less(shift) } else { 0.0 };
        let total = won + sum * share;
        let count = self.rows as f64;
        *factor = (share / (total * count)) as f32;
        *coefficient = ((won / total - 1.0) / count) as f32;
        total.ln() + most - own
    }

    /// factor · h of a unit; zeros for rows beyond the last.
    fn scale(&self, h: &[f32], factors: &[f32], scaled: &mut [f32]) {
        let mut stack = Stack::<{ PANEL * PANEL }>::new();
        let [values] = stack.parts([PANEL * PANEL]);
        for (panel, to) in scaled.chunks_exact_mut(self.held(PANEL * PANEL)).enumerate() {
            let columns = panel * PANEL..self.width.min((panel + 1) * PANEL);
            for ((y, h), factor) in values.chunks_exact_mut(PANEL).zip(h.chunks_exact(self.width)).zip(factors) {
                y.iter_mut().zip(&h[columns.clone()]).for_each(|(y, x)| *y = factor * x);
            }
            if self.bf16 { interleave(values, PANEL, to) } else { to.copy_from_slice(values) }
        }
    }

    /// ditems of a strip += weightsᵀ · (factor · h).
    pub(super) fn gradient_of_items(&self, weighed: &Weighed, weights: &[f32], strip: usize, ditems: &mut [f32]) {
        let mut into = if weighed.slab.from == 0 { Into::Set } else { Into::Add };
        for (row, rows) in weighed.slab.units() {
            let unit = row / PANEL;
            let left = &weights[unit * self.weights() + self.held(strip * PANEL)..];
            let panels = weighed.scaled[unit * self.scaled()..].chunks_exact(self.held(PANEL * PANEL));
            for (c, right) in (0..self.width).step_by(PANEL).zip(panels) {
                let (count, columns) = (ditems.len() / self.width, PANEL.min(self.width - c));
                let ditems = &mut ditems[c..];
                if self.bf16 {
                    let shape = (count, PANEL / 2, columns);
                    multiply_pairs([left, right], [PANEL / 2, PANEL], shape, into, ditems, self.width);
                } else {
                    let left = Left { values: left, row: self.lanes(rows), step: 1 };
                    let shape = (count, rows, columns);
                    multiply(weighed.problem.set, left, right, PANEL, shape, into, ditems, self.width);
                }
            }
            into = Into::Add;
        }
    }

    /// ditems[target] −= h / T, for the targets among the items from `first` on, if the winners are items.
    pub(super) fn take_winners(&self, weighed: &Weighed, first: usize, ditems: &mut [f32]) {
        let Weighed { problem, slab, .. } = weighed;
        if problem.apart.is_some() {
            return;
        }
        let share = 1.0 / self.rows as f32;
        for row in slab.from..slab.from + slab.rows {
            let at = (problem.targets[row] as usize).wrapping_sub(first);
            if let Some(ditem) = ditems.chunks_exact_mut(self.width).nth(at) {
                for (y, x) in ditem.iter_mut().zip(&problem.h[row * self.width..]) {
                    *y -= share * x;
                }
            }
        }
    }

    /// dh of some rows of a slab from its row `first` on: the winner, and the segments' sums in order.
    pub(super) fn gradient_of_rows(&self, weighed: &Weighed, first: usize, dh: &mut [f32]) {
        let Weighed { problem, slab, .. } = weighed;
        for (row, dh) in (first..).zip(dh.chunks_exact_mut(self.width)) {
            for (y, x) in dh.iter_mut().zip(problem.winner(slab.from + row, self.width)) {
                *y = weighed.coefficients[row] * x;
            }
            let place = row / PANEL * self.sums() + row % PANEL * self.width;
            let parts = weighed.sums.get(place..).unwrap_or_default();
            add_parts::on(problem.set, parts, self.units * self.sums(), weighed.factors[row], dh);
        }
    }
}
