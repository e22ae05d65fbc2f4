//! The weights of a slab, exp(logits) less what keeps them finite, and their sums.

use super::half;
use super::lanes::{exponentials, largest, leave_out, safe_rows, whole_vectors};
use super::slabs::{CHUNK, PAIRED, Problem, Slab, Slabs};
use crate::Parallel;
use crate::parallel::over_parts;
use crate::product::{Panels, rows_by_panels};
use crate::simd::LANES;
use crate::simd::half::{self as words, interleave};
use crate::simd::matrix::{Into, Left, PANEL, multiply, transpose};
use crate::simd::memory::Stack;
use crate::simd::tiles;
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
            if self.planes > 0 {
                interleave(panel, PANEL, self.across, words);
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
                    let across = self.columns(rows);
                    for (logits, most) in logits.chunks_exact(n * across).zip(most.chunks_exact_mut(across)) {
                        largest::on(weighing.problem.set, logits, most);
                    }
                }
            }
            tiles::rest();
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
        if self.planes > 0 { PANEL } else { size::padded(rows, LANES) }
    }

    /// Those of them that lie side by side in logits.
    fn columns(&self, rows: usize) -> usize {
        if self.planes > 0 { self.across } else { self.lanes(rows) }
    }

    /// Logits of a unit for `n` items from `first` on, [n, lanes], or over pairs of bf16 in panels [n, across].
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
            let across = self.columns(rows);
            for (targets, logits) in targets.chunks(across).zip(logits.chunks_exact_mut(n * across)) {
                leave_out::on(problem.set, &ids[first..][..n], targets, across, logits);
            }
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

    /// The same over pairs of bf16: chunks are weighed one by one, and some together meet the items.
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
        let (logits, pairs) = chunk.split_at_mut(PAIRED * PANEL);
        let size = self.held(PAIRED * PANEL);
        for first in (strip..strip + count).step_by(self.gathered * PAIRED) {
            let end = (strip + count).min(first + self.gathered * PAIRED);
            for at in (first..end).step_by(PAIRED) {
                let n = PAIRED.min(end - at);
                let (logits, pairs) = (&mut logits[..n * PANEL], &mut pairs[(at - first) / PAIRED * size..][..size]);
                let weights = &mut weights[self.held(at * PANEL)..][..self.held(n * PANEL)];
                self.logits(weighing, unit, from + at, n, logits);
                words::exponentials(logits, self.across, shifts, sums, weights, pairs);
            }
            rounded.weigh(from + first, (end - first).div_ceil(PAIRED), pairs, dh);
        }
    }
}
