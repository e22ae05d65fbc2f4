//! The softmax over many items by slabs of rows. The weights of a slab wait until its sums are known; then, strip by strip of
//! items, ditems takes them and the next slab's take their place, while they are near the core.

use std::mem::swap;

use super::gradients::Weighed;
use super::half;
use super::lanes::longest_row;
use super::weights::Weighing;
use crate::Parallel;
use crate::parallel::{over_parts, zip_parts};
use crate::simd::half::{PAIRS, Precision};
use crate::simd::matrix::PANEL;
use crate::simd::transpose::to_columns;
use crate::simd::{Instructions, LANES, instructions};
use crate::size;

/// Units of 64 rows in a slab, at most.
pub(super) const UNITS: usize = 4;

/// Items that go from logits to dh while they are in the nearest cache; a multiple of the rows of every tile.
pub(super) const CHUNK: usize = 48;

/// The same where products are taken over pairs of bf16: as many as a panel has columns.
pub(super) const PAIRED: usize = PANEL;

/// Items whose weights are taken and replaced while they are in a core's second cache; whole chunks of either kind.
const STRIP: usize = 16 * CHUNK;

/// Parts of the items, about: a block of work each. Every one has its own sums of each row, so more cost more.
const SEGMENTS: usize = 16;

/// What a softmax over many items is asked: logits `h · itemsᵀ`, and one vector of a row that should win.
#[derive(Clone, Copy)]
pub(crate) struct Problem<'a> {
    pub set: Instructions,
    pub h: &'a [f32],
    pub items: &'a [f32],
    pub targets: &'a [i32],
    /// The rows' own vectors [T, D] and the ids of the items, if the winner is not among the items itself; an item with
    /// the row's target as its id is left out.
    pub apart: Option<(&'a [f32], &'a [i32])>,
}

impl Problem<'_> {
    /// The vector that should win row `row`.
    pub(super) fn winner(&self, row: usize, width: usize) -> &[f32] {
        match self.apart {
            None => &self.items[self.targets[row] as usize * width..][..width],
            Some((own, _)) => &own[row * width..][..width],
        }
    }
}

/// Rows whose weights are there at one time.
#[derive(Clone, Copy)]
pub(super) struct Slab {
    pub from: usize,
    pub rows: usize,
}

impl Slab {
    /// The first row of each unit, counted from the slab's, and the number of its rows.
    pub fn units(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.rows).step_by(PANEL).map(move |row| (row, PANEL.min(self.rows - row)))
    }
}

/// How the work is cut, by the shape alone: slabs of rows, in units of 64; items in segments, a block each.
pub(crate) struct Slabs {
    pub(super) rows: usize,
    pub(super) items: usize,
    pub(super) width: usize,
    /// The width in whole vectors.
    pub(super) padded: usize,
    pub(super) units: usize,
    pub(super) segment: usize,
    segments: usize,
    /// Whether products are taken over pairs of bf16.
    pub(super) bf16: bool,
}

impl Slabs {
    /// Widths that fill no vectors of words are computed in f32.
    pub fn new(rows: usize, items: usize, width: usize, precision: Precision) -> Self {
        let bf16 = precision == Precision::Bf16 && width.is_multiple_of(PAIRS);
        let chunk = if bf16 { PAIRED } else { CHUNK };
        // Many units make few meetings of the threads; fewer keep the weights of a large catalogue near the cores.
        let units = ((1 << 14) / items.max(1)).clamp(1, UNITS);
        let segment = size::padded(items.div_ceil(SEGMENTS), chunk).min(items);
        Self {
            rows,
            items,
            width,
            padded: size::padded(width, LANES),
            units: units.min(rows.div_ceil(PANEL)),
            segment,
            segments: if items == 0 { 0 } else { items.div_ceil(segment) },
            bf16,
        }
    }

    /// f32 that hold `count` numbers for a product.
    pub(super) fn held(&self, count: usize) -> usize {
        if self.bf16 { count / 2 } else { count }
    }

    /// Items that go from logits to dh together.
    pub(super) fn together(&self) -> usize {
        if self.bf16 { PAIRED } else { CHUNK }
    }

    /// hᵀ of a unit [D, 64], and of words [D / 2, 64].
    pub(super) fn panel(&self) -> usize {
        let panel = size::times([self.width, PANEL]);
        size::plus([panel, if self.bf16 { panel / 2 } else { 0 }])
    }

    /// A unit's factor · h in panels [64, 64], or of words [32, 64], of all columns up to a multiple of 64.
    pub(super) fn scaled(&self) -> usize {
        self.held(size::times([size::padded(self.width, PANEL), PANEL]))
    }

    /// A unit's sums over a segment: Σ weights · items [64, D], Σ weights [64]. Over pairs of bf16 the first are
    /// summed by columns [D, 64].
    pub(super) fn sums(&self) -> usize {
        size::times([size::plus([self.width, 1]), PANEL])
    }

    /// A unit's weights for a segment, exp(logit − shift) [segment, lanes].
    pub(super) fn weights(&self) -> usize {
        self.held(size::times([self.segment, PANEL]))
    }

    /// A chunk of items [CHUNK, padded] where rows of items are not whole vectors; where weights are in words, of logits, and of
    /// pairs of weights, or what is summed by columns.
    fn chunk(&self) -> usize {
        match self {
            _ if self.bf16 => (PAIRED * PANEL * 3 / 2).max(size::times([self.width, PANEL])),
            _ if self.width == self.padded => 0,
            _ => size::times([CHUNK, self.padded]),
        }
    }

    /// The scratch by field: coefficients of all rows; norms by segment; panels, shifts, factors and scaled rows of a slab; sums
    /// of two slabs, by segment; weights by segment; the items in words. Each begins on a cache line where the first does.
    fn lengths(&self) -> [usize; 10] {
        let rows = self.units * PANEL;
        let sums = size::times([self.segments, self.units, self.sums()]);
        let weights = size::plus([size::times([self.units, self.weights()]), self.chunk()]);
        [
            size::padded(self.rows, LANES),
            size::padded(self.segments, LANES),
            size::times([self.units, self.panel()]),
            rows,
            rows,
            size::times([self.units, self.scaled()]),
            sums,
            sums,
            size::times([self.segments, weights]),
            if self.bf16 { half::Items::scratch(self.items, self.width) } else { 0 },
        ]
    }

    /// Scratch in f32.
    pub fn scratch(&self) -> usize {
        size::plus(self.lengths())
    }

    /// The mean loss; fills dh and ditems, and leaves `(p(winner) − 1) / T` of each row in the first T of `scratch`.
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
        assert!(scratch.len() >= self.scratch(), "scratch is large enough");
        if self.rows == 0 {
            ditems.fill(0.0);
            return 0.0;
        }
        let fields = self.lengths().map(|length| scratch.split_off_mut(..length).expect("the sum of all lengths"));
        let [coefficients, norms, panels, shifts, factors, scaled, mut sums, mut done, weights, words] = fields;
        let rounded = self.bf16.then(|| half::Items::round(run, problem.set, problem.items, width, words));
        let longest = self.longest(run, problem, &mut norms[..self.segments]);
        let (mut loss, mut before) = (0.0, None);
        for slab in self.slabs().map(Some).chain([None]) {
            let next = slab.map(|slab| self.prepare(run, (problem, rounded), slab, longest, panels, shifts, sums));
            let last = before.map(|slab: Slab| {
                let coefficients = &coefficients[slab.from..];
                Weighed { problem, slab, sums: done, factors, coefficients, scaled }
            });
            self.turn(run, next, last, weights, sums, dh, ditems);
            if let Some(slab) = slab {
                let coefficients = &mut coefficients[slab.from..][..slab.rows];
                loss += self.settle(run, problem, slab, sums, shifts, coefficients, factors, scaled);
            }
            swap(&mut sums, &mut done);
            before = slab;
        }
        // An infinite item can hide: at −∞ its logit adds nothing to the loss, but its gradient is NaN.
        if longest.is_finite() { loss / self.rows as f64 } else { f64::NAN }
    }

    fn slabs(&self) -> impl Iterator<Item = Slab> {
        let most = self.units * PANEL;
        (0..self.rows).step_by(most).map(move |from| Slab { from, rows: most.min(self.rows - from) })
    }

    /// The largest norm among the items; NaN if there is one.
    fn longest(&self, run: &impl Parallel, problem: &Problem, norms: &mut [f32]) -> f32 {
        over_parts(run, norms, 1, |segment, norm| {
            let (from, count) = self.items_of(segment);
            let items = &problem.items[from * self.width..][..count * self.width];
            norm[0] = longest_row::on(problem.set, items, self.width);
        });
        norms.iter().fold(0.0, |most: f32, &x| if x > most || x.is_nan() { x } else { most })
    }

    /// The first item of a segment, and the number of its items.
    pub(super) fn items_of(&self, segment: usize) -> (usize, usize) {
        let from = segment * self.segment;
        (from, self.segment.min(self.items - from))
    }

    /// The gradients of the last slab and the weights and sums of the next, in one hand-out to the threads.
    fn turn(
        &self,
        run: &impl Parallel,
        next: Option<Weighing>,
        last: Option<Weighed>,
        weights: &mut [f32],
        sums: &mut [f32],
        dh: &mut [f32],
        ditems: &mut [f32],
    ) {
        let (width, segments) = (self.width, self.segments.max(1));
        let dh = last.map_or(&mut [][..], |last| &mut dh[last.slab.from * width..][..last.slab.rows * width]);
        // A few rows of dh go with each segment.
        let few = (dh.len() / width).div_ceil(segments);
        let sizes = [weights.len() / segments, self.units * self.sums(), self.segment * width, few * width];
        zip_parts(run, [weights, sums, ditems, dh], sizes, |segment, [weights, sums, ditems, dh]| {
            let (weights, chunk) = weights.split_at_mut(self.units * self.weights());
            sums.fill(0.0);
            for (strip, ditems) in ditems.chunks_mut(STRIP * width).enumerate() {
                let strip = strip * STRIP;
                if let Some(last) = &last {
                    self.gradient_of_items(last, weights, strip, ditems);
                }
                if let Some(next) = &next {
                    let place = (segment * self.segment, strip, ditems.len() / width);
                    for (unit, sums) in next.slab.units().zip(sums.chunks_exact_mut(self.sums())) {
                        self.weigh(next, unit, place, weights, chunk, sums);
                    }
                }
            }
            if self.bf16 && next.is_some() {
                sums.chunks_exact_mut(self.sums()).for_each(|sums| self.to_rows(&mut sums[..width * PANEL], chunk));
            }
            if let Some(last) = &last {
                self.take_winners(last, segment * self.segment, ditems);
                self.gradient_of_rows(last, segment * few, dh);
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
