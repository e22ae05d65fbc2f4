//! The exponentials of a row block, exp(logit − shift), and their sums.

use super::bf16_items::Bf16Items;
use super::loops::{bounded_rows, column_max, exponentials, mask_targets, subtract_corrections, whole_vectors};
use super::plan::{BF16_CHUNK, CHUNK, Plan, Positives, Problem, RowBlock};
use crate::Parallel;
use crate::parallel::over_parts;
use crate::product::{Panels, rows_by_panels};
use crate::simd::bf16::{self, interleave};
use crate::simd::matrix::{Into, Left, PANEL, multiply, transpose};
use crate::simd::memory::Stack;

/// What the blocks of work read that make a row block's exponentials.
#[derive(Clone, Copy)]
pub(super) struct Forward<'a> {
    problem: &'a Problem<'a>,
    rounded: Option<Bf16Items<'a>>,
    pub block: RowBlock,
    /// hᵀ by tile
    panels: &'a [f32],
    /// Subtracted from the logits of each row: 0, or their maximum
    shifts: &'a [f32],
    /// Whether no exponent is large for certain.
    bounded: bool,
}

/// A tile: its first row, counted from the row block's, and the number of its rows.
type Tile = (usize, usize);

impl Plan {
    /// The panels and shifts of a row block; `sums` is scratch.
    pub(super) fn prepare<'a>(
        &self,
        run: &impl Parallel,
        (problem, rounded): (&'a Problem<'a>, Option<Bf16Items<'a>>),
        block: RowBlock,
        max_norm: f32,
        [panels, shifts]: [&'a mut [f32]; 2],
        sums: &mut [f32],
    ) -> Forward<'a> {
        let width = self.width;
        let h = &problem.h[block.from * width..][..block.rows * width];
        for ((row, rows), panel) in block.tiles().zip(panels.chunks_exact_mut(self.panel())) {
            let (panel, words) = panel.split_at_mut(width * PANEL);
            transpose(problem.set, &h[row * width..], rows, width, panel);
            if self.bf16 {
                interleave(panel, PANEL, words);
            }
        }
        let within = (max_norm, self.items, problem.terms.max_correction());
        let bounded = bounded_rows(problem.set, h, [width, width], within, shifts);
        let unmasked = problem.positives.is_none();
        let forward = Forward { problem, rounded, block, panels, shifts: &[], bounded: bounded && unmasked };
        if !bounded {
            self.row_max(run, &forward, sums, shifts);
        }
        Forward { shifts, ..forward }
    }

    /// The largest logit of each row that is marked as unbounded becomes its shift.
    fn row_max(&self, run: &impl Parallel, forward: &Forward, sums: &mut [f32], shifts: &mut [f32]) {
        let marked = |row: usize, rows: usize| shifts[row..][..rows].iter().any(|&shift| shift != 0.0);
        over_parts(run, sums, self.tiles * self.sums(), |split, most| {
            let (from, count) = self.items_of(split);
            let mut stack = Stack::<{ PANEL * PANEL }>::new();
            for (row, rows) in forward.block.tiles().filter(|&(row, rows)| marked(row, rows)) {
                let most = &mut most[row..][..self.lanes(rows)];
                most.fill(f32::NEG_INFINITY);
                for first in (0..count).step_by(self.chunk()) {
                    let n = self.chunk().min(count - first);
                    let [logits] = stack.parts([n * most.len()]);
                    self.logits(forward, (row, rows), from + first, n, logits);
                    column_max::on(forward.problem.set, logits, most);
                }
            }
        });
        for (row, shift) in shifts.iter_mut().enumerate().filter(|(_, shift)| **shift != 0.0) {
            let by_split = sums.chunks_exact(self.tiles * self.sums()).map(|most| most[row]);
            let most = by_split.fold(f32::NEG_INFINITY, f32::max);
            // Where every item is masked, nothing is subtracted: exp(−inf − 0) = 0.
            *shift = if most == f32::NEG_INFINITY { 0.0 } else { most };
        }
    }

    /// Logits [n, lanes] of a tile for `n` items from `first` on.
    fn logits(&self, forward: &Forward, (row, rows): Tile, first: usize, n: usize, logits: &mut [f32]) {
        let (problem, width) = (forward.problem, self.width);
        let panel = &forward.panels[row / PANEL * self.panel()..][..self.panel()];
        match forward.rounded {
            Some(rounded) => rounded.logits(&panel[width * PANEL..], first, n, logits),
            None => {
                let items = &problem.items[first * width..][..n * width];
                let shape = (n, width, self.lanes(rows));
                rows_by_panels(problem.set, items, Panels::packed(panel, width), None, shape, logits);
            }
        }
        if let Some(log_q) = problem.terms.log_q {
            subtract_corrections::on(problem.set, &log_q[first..][..n], logits);
        }
        if let Some(Positives { drawn, .. }) = problem.positives {
            let targets = &problem.targets[forward.block.from + row..][..rows];
            mask_targets::on(problem.set, &drawn[first..][..n], targets, self.lanes(rows), logits);
        }
    }

    /// exp(logits) of a tile for `count` items of a split that begins with item `from`, the strip's first being its `strip`th;
    /// and what they add to the tile's sums.
    pub(super) fn accumulate(
        &self,
        forward: &Forward,
        tile: Tile,
        (from, strip, count): (usize, usize, usize),
        all: &mut [f32],
        chunk: &mut [f32],
        sums: &mut [f32],
    ) {
        let (set, width, lanes) = (forward.problem.set, self.width, self.lanes(tile.1));
        let all = &mut all[tile.0 / PANEL * self.exponentials()..][..self.exponentials()];
        let (dh, sums) = sums.split_at_mut(PANEL * width);
        let sums = &mut sums[..lanes];
        if let Some(rounded) = forward.rounded {
            return self.accumulate_bf16((forward, rounded), tile, (from, strip, count), all, chunk, [dh, sums]);
        }
        let shifts = &forward.shifts[tile.0..][..lanes];
        for at in (strip..strip + count).step_by(CHUNK) {
            let (first, n) = (from + at, CHUNK.min(strip + count - at));
            let own = &mut all[strip * PANEL + (at - strip) * lanes..][..n * lanes];
            self.logits(forward, tile, first, n, own);
            exponentials::on(set, own, shifts, sums, forward.bounded);
            let items = &forward.problem.items[first * width..][..n * width];
            let right = whole_vectors(items, width, self.padded, chunk);
            let left = Left { values: own, row: 1, step: lanes };
            for c in (0..width).step_by(PANEL) {
                let shape = (tile.1, n, PANEL.min(width - c));
                multiply(set, left, &right[c..], self.padded, shape, Into::Add, &mut dh[c..], width);
            }
        }
    }

    /// The same over pairs of bf16.
    fn accumulate_bf16(
        &self,
        (forward, rounded): (&Forward, Bf16Items),
        tile: Tile,
        (from, strip, count): (usize, usize, usize),
        all: &mut [f32],
        chunk: &mut [f32],
        [dh, sums]: [&mut [f32]; 2],
    ) {
        let shifts = &forward.shifts[tile.0..][..PANEL];
        let (logits, columns) = chunk.split_at_mut(BF16_CHUNK * PANEL);
        let columns = &mut columns[..BF16_CHUNK * PANEL / 2];
        for at in (strip..strip + count).step_by(BF16_CHUNK) {
            let n = BF16_CHUNK.min(strip + count - at);
            let logits = &mut logits[..n * PANEL];
            let own = &mut all[at * PANEL / 2..][..n * PANEL / 2];
            self.logits(forward, tile, from + at, n, logits);
            bf16::exponentials(logits, shifts, sums, own, columns);
            rounded.accumulate(from + at, columns, dh);
        }
    }
}
