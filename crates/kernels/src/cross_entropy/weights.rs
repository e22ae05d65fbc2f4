//! The weights of a slab, exp(logits) less what keeps them finite, and their sums.

use super::half;
use super::lanes::{exponentials, largest, leave_out, safe_rows, whole_vectors};
use super::slabs::{CHUNK, PAIRED, Problem, Slab, Slabs};
use crate::Parallel;
use crate::parallel::over_parts;
use crate::product::{Panels, rows_by_panels};
use crate::simd::LANES;
use crate::simd::half::{self as pairs, interleave};
use crate::simd::matrix::{Into, Left, PANEL, multiply, transpose};
use crate::simd::memory::Stack;
use crate::size;

/// What the blocks read that make a slab's weights.
#[derive(Clone, Copy)]
pub(super) struct Weighing<'a> {
    problem: &'a Problem<'a>,
    rounded: Option<half::Items<'a>>,
    pub slab: Slab,
    /// hᵀ by unit
    panels: &'a [f32],
    /// What the logits of each row are lessened by
    shifts: &'a [f32],
    /// Whether no exponent is large for certain.
    near: bool,
}

impl Slabs {
    /// The panels and shifts of a slab; `sums` is scratch.
    pub(super) fn prepare<'a>(
        &self,
        run: &impl Parallel,
        (problem, rounded): (&'a Problem<'a>, Option<half::Items<'a>>),
        slab: Slab,
        longest: f32,
        panels: &'a mut [f32],
        shifts: &'a mut [f32],
        sums: &mut [f32],
    ) -> Weighing<'a> {
        let width = self.width;
        let h = &problem.h[slab.from * width..][..slab.rows * width];
        for ((row, rows), panel) in slab.units().zip(panels.chunks_exact_mut(self.panel())) {
            let (panel, words) = panel.split_at_mut(width * PANEL);
            transpose(problem.set, &h[row * width..], rows, width, panel);
            if self.bf16 {
                interleave(panel, PANEL, words);
            }
        }
        let safe = safe_rows(problem.set, h, width, (longest, self.items), shifts);
        let weighing = Weighing { problem, rounded, slab, panels, shifts: &[], near: safe && problem.apart.is_none() };
        if !safe {
            self.lessen(run, &weighing, sums, shifts);
        }
        Weighing { shifts, ..weighing }
    }

    /// The largest logit of each row that is marked as unsafe becomes its shift.
    fn lessen(&self, run: &impl Parallel, weighing: &Weighing, sums: &mut [f32], shifts: &mut [f32]) {
        let marked = |row: usize, rows: usize| shifts[row..][..rows].iter().any(|&shift| shift != 0.0);
        over_parts(run, sums, self.units * self.sums(), |segment, most| {
            let (from, count) = self.items_of(segment);
            let mut stack = Stack::<{ PANEL * PANEL }>::new();
            for (row, rows) in weighing.slab.units().filter(|&(row, rows)| marked(row, rows)) {
                let most = &mut most[row..][..self.lanes(rows)];
                most.fill(f32::NEG_INFINITY);
                for first in (0..count).step_by(self.together()) {
                    let n = self.together().min(count - first);
                    let [logits] = stack.parts([n * most.len()]);
                    self.logits(weighing, (row, rows), from + first, n, logits);
                    largest::on(weighing.problem.set, logits, most);
                }
            }
        });
        for (row, shift) in shifts.iter_mut().enumerate().filter(|(_, shift)| **shift != 0.0) {
            let by_segment = sums.chunks_exact(self.units * self.sums()).map(|most| most[row]);
            let most = by_segment.fold(f32::NEG_INFINITY, f32::max);
            // Where everything is left out, nothing is taken off: exp(−inf − 0) = 0.
            *shift = if most == f32::NEG_INFINITY { 0.0 } else { most };
        }
    }

    /// Lanes that hold a unit's rows.
    pub(super) fn lanes(&self, rows: usize) -> usize {
        if self.bf16 { PANEL } else { size::padded(rows, LANES) }
    }

    /// Logits of a unit for `n` items from `first` on, [n, lanes].
    fn logits(&self, weighing: &Weighing, (row, rows): (usize, usize), first: usize, n: usize, logits: &mut [f32]) {
        let (problem, width) = (weighing.problem, self.width);
        let panel = &weighing.panels[row / PANEL * self.panel()..][..self.panel()];
        match weighing.rounded {
            Some(rounded) => rounded.logits(&panel[width * PANEL..], first, n, logits),
            None => {
                let items = &problem.items[first * width..][..n * width];
                let shape = (n, width, self.lanes(rows));
                rows_by_panels(problem.set, items, Panels::packed(panel, width), None, shape, logits);
            }
        }
        if let Some((_, ids)) = problem.apart {
            let targets = &problem.targets[weighing.slab.from + row..][..rows];
            leave_out::on(problem.set, &ids[first..][..n], targets, self.lanes(rows), logits);
        }
    }

    /// exp(logits) of a unit for a strip of items, added to its sums.
    pub(super) fn weigh(
        &self,
        weighing: &Weighing,
        unit: (usize, usize),
        (from, strip, count): (usize, usize, usize),
        weights: &mut [f32],
        chunk: &mut [f32],
        sums: &mut [f32],
    ) {
        let (set, width, lanes) = (weighing.problem.set, self.width, self.lanes(unit.1));
        let weights = &mut weights[unit.0 / PANEL * self.weights()..][..self.weights()];
        let (dh, sums) = sums.split_at_mut(PANEL * width);
        let sums = &mut sums[..lanes];
        if let Some(rounded) = weighing.rounded {
            return self.weigh_pairs((weighing, rounded), unit, (from, strip, count), weights, chunk, dh, sums);
        }
        let shifts = &weighing.shifts[unit.0..][..lanes];
        for at in (strip..strip + count).step_by(CHUNK) {
            let (first, n) = (from + at, CHUNK.min(strip + count - at));
            let weights = &mut weights[strip * PANEL + (at - strip) * lanes..][..n * lanes];
            self.logits(weighing, unit, first, n, weights);
            exponentials::on(set, weights, shifts, sums, weighing.near);
            let items = &weighing.problem.items[first * width..][..n * width];
            let right = whole_vectors(items, width, self.padded, chunk);
            let left = Left { values: weights, row: 1, step: lanes };
            for c in (0..width).step_by(PANEL) {
                let shape = (unit.1, n, PANEL.min(width - c));
                multiply(set, left, &right[c..], self.padded, shape, Into::Add, &mut dh[c..], width);
            }
        }
    }

    /// The same over pairs of bf16.
    fn weigh_pairs(
        &self,
        (weighing, rounded): (&Weighing, half::Items),
        unit: (usize, usize),
        (from, strip, count): (usize, usize, usize),
        weights: &mut [f32],
        chunk: &mut [f32],
        dh: &mut [f32],
        sums: &mut [f32],
    ) {
        let shifts = &weighing.shifts[unit.0..][..PANEL];
        let (logits, columns) = chunk.split_at_mut(PAIRED * PANEL);
        let columns = &mut columns[..PAIRED * PANEL / 2];
        for at in (strip..strip + count).step_by(PAIRED) {
            let n = PAIRED.min(strip + count - at);
            let logits = &mut logits[..n * PANEL];
            let weights = &mut weights[at * PANEL / 2..][..n * PANEL / 2];
            self.logits(weighing, unit, from + at, n, logits);
            pairs::exponentials(logits, shifts, sums, weights, columns);
            rounded.weigh(from + at, columns, dh);
        }
    }
}
