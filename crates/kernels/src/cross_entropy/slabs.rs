//! The softmax over many items by slabs of rows: a first pass for the weights and dh, a second for ditems.

use super::half;
use super::lanes::{exponentials, largest, leave_out, longest_row, safe_rows, whole_vectors};
use crate::Parallel;
use crate::parallel::{over_parts, zip_parts};
use crate::product::{Panels, rows_by_panels};
use crate::simd::half::{PAIRS, Precision, interleave, multiply_pairs};
use crate::simd::matrix::{Into, Left, PANEL, dot, multiply, transpose};
use crate::simd::{Instructions, LANES};
use crate::size;

/// Items that a block takes from logits to dh while they are in the nearest cache.
pub(super) const CHUNK: usize = 48;

/// Items of a block of ditems; a segment is a whole number of them.
const STRIP: usize = 256;

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
    fn winner(&self, row: usize, width: usize) -> &[f32] {
        match self.apart {
            None => &self.items[self.targets[row] as usize * width..][..width],
            Some((own, _)) => &own[row * width..][..width],
        }
    }
}

/// How the work is cut, by the shape alone: slabs of rows, in units of 64; items in segments; a block is a unit by a
/// segment.
pub(crate) struct Slabs {
    rows: usize,
    items: usize,
    width: usize,
    /// The width in whole vectors.
    padded: usize,
    units: usize,
    segment: usize,
    segments: usize,
    /// Whether products are taken over pairs of bf16.
    half: bool,
}

/// A block's part of the scratch, by field.
struct Block<'a> {
    /// exp(logit − shift) [segment, 64], or in words [segment, 32]
    weights: &'a mut [f32],
    /// hᵀ [D, 64], and in words [D / 2, 64]
    panel: &'a mut [f32],
    /// A chunk of items [CHUNK, padded] where rows of items are not whole vectors; where weights are in words, of logits and
    /// of pairs of weights [CHUNK / 2, 64].
    chunk: &'a mut [f32],
    /// Σ weights · items [64, D]
    dh: &'a mut [f32],
    /// Σ weights [64]
    sums: &'a mut [f32],
    /// What the logits were lessened by [64]
    shifts: &'a mut [f32],
}

impl Slabs {
    /// Widths that fill no vectors of words are computed in f32.
    pub fn new(rows: usize, items: usize, width: usize, precision: Precision) -> Self {
        // Four units give many threads work between two meetings; fewer keep the weights of a large catalogue near the cores.
        let most = (32_768 / items.max(1)).clamp(1, 4);
        let segment = size::padded(items.div_ceil(8), STRIP).min(items);
        Self {
            rows,
            items,
            width,
            padded: size::padded(width, LANES),
            units: most.min(rows.div_ceil(PANEL)),
            segment,
            segments: if items == 0 { 0 } else { items.div_ceil(segment) },
            half: precision == Precision::Bf16 && width.is_multiple_of(PAIRS),
        }
    }

    /// Lengths of the fields of a [`Block`].
    fn lengths(&self) -> [usize; 6] {
        let dh = size::times([self.width, PANEL]);
        if self.half {
            let panel = size::plus([dh, dh / 2]);
            return [size::times([self.segment, PANEL / 2]), panel, CHUNK / 2 * 3 * PANEL, dh, PANEL, PANEL];
        }
        let chunk = if self.width == self.padded { 0 } else { size::times([CHUNK, self.padded]) };
        [size::times([self.segment, PANEL]), dh, chunk, dh, PANEL, PANEL]
    }

    fn block_size(&self) -> usize {
        size::plus(self.lengths())
    }

    fn block<'a>(&self, part: &'a mut [f32]) -> Block<'a> {
        let [a, b, c, d, e, _] = self.lengths();
        let (weights, rest) = part.split_at_mut(a);
        let (panel, rest) = rest.split_at_mut(b);
        let (chunk, rest) = rest.split_at_mut(c);
        let (dh, rest) = rest.split_at_mut(d);
        let (sums, shifts) = rest.split_at_mut(e);
        Block { weights, panel, chunk, dh, sums, shifts }
    }

    /// The part of block (unit, segment), to read: its weights, dh, sums and shifts.
    fn read<'a>(&self, parts: &'a [f32], unit: usize, segment: usize) -> [&'a [f32]; 4] {
        let size = self.block_size();
        let units = parts.len() / (self.segments * size);
        let part = &parts[(segment * units + unit) * size..][..size];
        let [a, b, c, d, _, _] = self.lengths();
        let (dh, rest) = part[a + b + c..].split_at(d);
        [&part[..a], dh, &rest[..PANEL], &rest[PANEL..]]
    }

    /// Scratch in f32: the blocks of a slab, its rows' factors by segment, a coefficient for each row of all, norms, the
    /// items in words.
    pub fn scratch(&self) -> usize {
        let blocks = size::times([self.units, self.segments, self.block_size()]);
        let factors = size::times([self.units, PANEL, self.segments]);
        let words = if self.half { half::Items::scratch(self.items, self.width) } else { 0 };
        size::plus([blocks, factors, self.rows, self.items.div_ceil(STRIP), words])
    }

    /// The mean loss; fills dh and ditems, and leaves `(p(winner) − 1) / T` of each row in the first T of `scratch`.
    pub fn run(
        &self,
        run: &impl Parallel,
        problem: &Problem,
        dh: &mut [f32],
        ditems: &mut [f32],
        scratch: &mut [f32],
    ) -> f64 {
        let width = self.width;
        assert!(width > 0 && problem.h.len() == self.rows * width && dh.len() == problem.h.len());
        assert!(problem.items.len() == self.items * width && ditems.len() == problem.items.len());
        assert!(scratch.len() >= self.scratch(), "scratch is large enough");
        if self.rows == 0 {
            ditems.fill(0.0);
            return 0.0;
        }
        let (coefficients, rest) = scratch.split_at_mut(self.rows);
        let (norms, rest) = rest.split_at_mut(self.items.div_ceil(STRIP));
        let (parts, rest) = rest.split_at_mut(self.units * self.segments * self.block_size());
        let (factors, rest) = rest.split_at_mut(self.units * PANEL * self.segments);
        let words = &mut rest[..if self.half { half::Items::scratch(self.items, width) } else { 0 }];
        let rounded = self.half.then(|| half::Items::round(run, problem.items, width, words));
        let longest = longest(problem.set, run, problem.items, width, norms);
        let mut loss = 0.0;
        for from in (0..self.rows).step_by(self.units * PANEL) {
            let rows = (self.units * PANEL).min(self.rows - from);
            let units = rows.div_ceil(PANEL);
            let used = units * self.segments * self.block_size();
            let parts = &mut parts[..used];
            over_parts(run, parts, self.block_size(), |block, part| {
                // Unit by unit within a segment: its items stay in the cache.
                let (unit, segment) = (block % units, block / units);
                let row = from + unit * PANEL;
                self.weigh(problem, rounded, longest, row, segment, self.block(part));
            });
            let coefficients = &mut coefficients[from..][..rows];
            for row in 0..rows {
                loss += self.normalise(problem, parts, from, row, factors, &mut coefficients[row]);
            }
            // A few rows of dh go with each strip of ditems: one hand-out to the threads for both.
            let few = rows.div_ceil(self.items.div_ceil(STRIP).max(1));
            let outs = [&mut dh[from * width..][..rows * width], &mut *ditems];
            zip_parts(run, outs, [few * width, STRIP * width], |block, [dh, ditems]| {
                let first = block * few;
                self.gradient_of_rows(problem, parts, factors, coefficients, from, first, dh);
                let strip = block * STRIP;
                self.gradient_of_items(problem, parts, factors, (from, rows), strip, ditems);
            });
        }
        // An infinite item can hide: at −∞ its logit adds nothing to the loss, but its gradient is NaN.
        if longest.is_finite() { loss / self.rows as f64 } else { f64::NAN }
    }

    /// exp(logits) of 64 rows for a segment of items, their sums, and dh before it is normalised.
    fn weigh(
        &self,
        problem: &Problem,
        rounded: Option<half::Items>,
        longest: f32,
        row: usize,
        segment: usize,
        block: Block,
    ) {
        let (set, width) = (problem.set, self.width);
        let rows = PANEL.min(self.rows - row);
        let h = &problem.h[row * width..][..rows * width];
        let from = segment * self.segment;
        let count = self.segment.min(self.items - from);
        let items = &problem.items[from * width..][..count * width];
        let mask = |first: usize, logits: &mut [f32]| {
            if let Some((_, ids)) = problem.apart {
                let ids = &ids[from + first..][..logits.len() / PANEL];
                leave_out::on(set, ids, &problem.targets[row..][..rows], logits);
            }
        };
        let (panel, words) = block.panel.split_at_mut(width * PANEL);
        transpose(set, h, rows, width, panel);
        if rounded.is_some() {
            interleave(panel, PANEL, words);
        }
        let logits_of = |first: usize, n: usize, logits: &mut [f32]| {
            match rounded {
                Some(rounded) => rounded.logits(words, from + first, n, logits),
                None => {
                    let panel = Panels::packed(panel, width);
                    rows_by_panels(set, &items[first * width..], panel, None, (n, width, PANEL), logits);
                }
            }
            mask(first, logits);
        };
        block.sums.fill(0.0);
        block.dh.fill(0.0);
        if !safe_rows(set, h, width, longest, block.shifts) {
            block.sums.fill(f32::NEG_INFINITY);
            for first in (0..count).step_by(CHUNK) {
                let n = CHUNK.min(count - first);
                let logits = if self.half { &mut block.chunk[..n * PANEL] } else { &mut block.weights[..n * PANEL] };
                logits_of(first, n, logits);
                largest::on(set, logits, block.sums);
            }
            for (shift, sum) in block.shifts.iter_mut().zip(block.sums.iter_mut()) {
                // Where everything is left out, nothing is taken off: exp(−inf − 0) = 0.
                *shift = if *shift == 0.0 || *sum == f32::NEG_INFINITY { 0.0 } else { *sum };
                *sum = 0.0;
            }
        }
        for first in (0..count).step_by(CHUNK) {
            let n = CHUNK.min(count - first);
            if let Some(rounded) = rounded {
                let (logits, pairs) = block.chunk.split_at_mut(CHUNK * PANEL);
                let (logits, pairs) = (&mut logits[..n * PANEL], &mut pairs[..n.div_ceil(2) * PANEL]);
                logits_of(first, n, logits);
                let weights = &mut block.weights[first * PANEL / 2..][..n * PANEL / 2];
                let place = (from + first, n, rows);
                rounded.weigh(set, place, logits, pairs, block.shifts, block.sums, block.dh, weights);
                continue;
            }
            let weights = &mut block.weights[first * PANEL..][..n * PANEL];
            let items = &items[first * width..][..n * width];
            logits_of(first, n, weights);
            exponentials::on(set, weights, block.shifts, block.sums);
            let right = whole_vectors(items, width, self.padded, block.chunk);
            let left = Left { values: weights, row: 1, step: PANEL };
            for c in (0..width).step_by(PANEL) {
                let shape = (rows, n, PANEL.min(width - c));
                let out = &mut block.dh[c..];
                multiply(set, left, &right[c..], self.padded, shape, Into::Add, out, width);
            }
        }
    }

    /// A row's factors, weight · factor = p / T, one for each segment; its coefficient; returns its loss.
    fn normalise(
        &self,
        problem: &Problem,
        parts: &[f32],
        from: usize,
        row: usize,
        factors: &mut [f32],
        coefficient: &mut f32,
    ) -> f64 {
        let (unit, lane) = (row / PANEL, row % PANEL);
        let h = &problem.h[(from + row) * self.width..][..self.width];
        let own = f64::from(dot(problem.set, h, problem.winner(from + row, self.width)));
        let apart = problem.apart.is_some();
        let mut most = if apart { own } else { f64::NEG_INFINITY };
        for segment in 0..self.segments {
            // A segment whose items are all left out sums to nothing, and its shift says nothing.
            let [.., sums, shifts] = self.read(parts, unit, segment);
            let shift = f64::from(shifts[lane]);
            most = if sums[lane] != 0.0 && shift > most { shift } else { most };
        }
        let less = |x: f64| if x == most { 1.0 } else { (x - most).exp() };
        let mut total = if apart { less(own) } else { 0.0 };
        for segment in 0..self.segments {
            let [.., sums, shifts] = self.read(parts, unit, segment);
            if sums[lane] != 0.0 {
                total += f64::from(sums[lane]) * less(f64::from(shifts[lane]));
            }
        }
        let count = self.rows as f64;
        for segment in 0..self.segments {
            let [.., sums, shifts] = self.read(parts, unit, segment);
            factors[row * self.segments + segment] =
                if sums[lane] != 0.0 { (less(f64::from(shifts[lane])) / (total * count)) as f32 } else { 0.0 };
        }
        let won = if apart { less(own) / total } else { 0.0 };
        *coefficient = ((won - 1.0) / count) as f32;
        total.ln() + most - own
    }

    /// dh of a few rows of a slab: the winner, and the segments' sums in order.
    fn gradient_of_rows(
        &self,
        problem: &Problem,
        parts: &[f32],
        factors: &[f32],
        coefficients: &[f32],
        from: usize,
        first: usize,
        dh: &mut [f32],
    ) {
        for (row, dh) in (first..).zip(dh.chunks_exact_mut(self.width)) {
            let (unit, lane) = (row / PANEL, row % PANEL);
            let winner = problem.winner(from + row, self.width);
            for (y, x) in dh.iter_mut().zip(winner) {
                *y = coefficients[row] * x;
            }
            for segment in 0..self.segments {
                let [_, sums, ..] = self.read(parts, unit, segment);
                let factor = factors[row * self.segments + segment];
                for (y, x) in dh.iter_mut().zip(&sums[lane * self.width..]) {
                    *y += factor * x;
                }
            }
        }
    }

    /// ditems of up to 256 items += weightsᵀ · (factor · h) over the rows of a slab.
    fn gradient_of_items(
        &self,
        problem: &Problem,
        parts: &[f32],
        factors: &[f32],
        (from, rows): (usize, usize),
        first: usize,
        ditems: &mut [f32],
    ) {
        let width = self.width;
        let count = ditems.len() / width;
        if count == 0 {
            return;
        }
        let segment = first / self.segment;
        let mut into = if from == 0 { Into::Set } else { Into::Add };
        let (mut right, mut words) = ([0.0f32; PANEL * PANEL], [0.0f32; PANEL * PANEL / 2]);
        for unit in 0..rows.div_ceil(PANEL) {
            let depth = PANEL.min(rows - unit * PANEL);
            let [weights, ..] = self.read(parts, unit, segment);
            let row = if self.half { PANEL / 2 } else { PANEL };
            let left = Left { values: &weights[(first - segment * self.segment) * row..], row, step: 1 };
            for c in (0..width).step_by(PANEL) {
                let columns = PANEL.min(width - c);
                for (lane, to) in right.chunks_exact_mut(PANEL).take(depth).enumerate() {
                    let row = unit * PANEL + lane;
                    let factor = factors[row * self.segments + segment];
                    let h = &problem.h[(from + row) * width + c..][..columns];
                    for (y, x) in to.iter_mut().zip(h) {
                        *y = factor * x;
                    }
                }
                let out = &mut ditems[c..];
                if self.half {
                    // Lanes beyond the last row have weights too
                    right[depth * PANEL..].fill(0.0);
                    interleave(&right, PANEL, &mut words);
                    multiply_pairs(left, &words, PANEL, (count, depth.div_ceil(2), columns), into, out, width);
                } else {
                    multiply(problem.set, left, &right, PANEL, (count, depth, columns), into, out, width);
                }
            }
            into = Into::Add;
        }
        if problem.apart.is_none() {
            self.take_winners(problem, (from, rows), first, ditems);
        }
    }

    /// ditems[target] −= h / T, for the targets among these items.
    fn take_winners(&self, problem: &Problem, (from, rows): (usize, usize), first: usize, ditems: &mut [f32]) {
        let share = 1.0 / self.rows as f32;
        for row in from..from + rows {
            let at = (problem.targets[row] as usize).wrapping_sub(first);
            if let Some(ditem) = ditems.chunks_exact_mut(self.width).nth(at) {
                for (y, x) in ditem.iter_mut().zip(&problem.h[row * self.width..]) {
                    *y -= share * x;
                }
            }
        }
    }
}

/// The largest norm among the rows of `items`; NaN if there is one.
fn longest(set: Instructions, run: &impl Parallel, items: &[f32], width: usize, norms: &mut [f32]) -> f32 {
    over_parts(run, norms, 1, |strip, norm| {
        let items = &items[strip * STRIP * width..];
        norm[0] = longest_row::on(set, &items[..items.len().min(STRIP * width)], width);
    });
    norms.iter().fold(0.0, |most: f32, &x| if x > most || x.is_nan() { x } else { most })
}
