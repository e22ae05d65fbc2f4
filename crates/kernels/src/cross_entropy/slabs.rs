//! The softmax over many items by slabs of rows. The weights of a slab wait until its sums are known; then, strip by strip of
//! items, ditems takes them and the next slab's take their place, while they are near the core.

use std::mem::swap;

use super::half;
use super::lanes::{add_parts, exponentials, largest, leave_out, longest_row, safe_rows, whole_vectors};
use crate::Parallel;
use crate::parallel::{over_parts, zip_parts};
use crate::product::{Panels, rows_by_panels};
use crate::simd::half::{PAIRS, Precision, interleave, multiply_pairs};
use crate::simd::matrix::{Into, Left, PANEL, dot, multiply, transpose};
use crate::simd::memory::Stack;
use crate::simd::{Instructions, LANES};
use crate::size;

/// Items that go from logits to dh while they are in the nearest cache; a multiple of the rows of every tile.
pub(super) const CHUNK: usize = 48;

/// Items whose weights are taken and replaced while they are in a core's second cache; whole chunks.
const STRIP: usize = 8 * CHUNK;

/// Parts of the items, about: a block of work each. Every one has its own sums of each row.
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
    fn winner(&self, row: usize, width: usize) -> &[f32] {
        match self.apart {
            None => &self.items[self.targets[row] as usize * width..][..width],
            Some((own, _)) => &own[row * width..][..width],
        }
    }
}

/// How the work is cut, by the shape alone: slabs of rows, in units of 64; items in segments, a block each.
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

/// Rows whose weights are there at one time.
#[derive(Clone, Copy)]
struct Slab {
    from: usize,
    rows: usize,
}

impl Slab {
    /// The first row of each unit, counted from the slab's, and the number of its rows.
    fn units(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.rows).step_by(PANEL).map(move |row| (row, PANEL.min(self.rows - row)))
    }
}

/// What the blocks read that make a slab's weights.
#[derive(Clone, Copy)]
struct Pass<'a> {
    problem: &'a Problem<'a>,
    rounded: Option<half::Items<'a>>,
    slab: Slab,
    /// hᵀ by unit [D, 64], and in words [D / 2, 64]
    panels: &'a [f32],
    /// What the logits of each row are lessened by
    shifts: &'a [f32],
    /// Whether no exponent is large for certain.
    near: bool,
}

impl Slabs {
    /// Widths that fill no vectors of words are computed in f32.
    pub fn new(rows: usize, items: usize, width: usize, precision: Precision) -> Self {
        // Four units give ditems long sums; fewer keep the weights of a large catalogue near the cores.
        let most = (32_768 / items.max(1)).clamp(1, 4);
        let segment = size::padded(items.div_ceil(SEGMENTS), CHUNK).min(items);
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

    /// f32 that hold `count` numbers for a product.
    fn held(&self, count: usize) -> usize {
        if self.half { count / 2 } else { count }
    }

    /// A unit's panel.
    fn panel(&self) -> usize {
        let panel = size::times([self.width, PANEL]);
        if self.half { size::plus([panel, panel / 2]) } else { panel }
    }

    /// A unit's rows times their factors.
    fn scaled(&self) -> usize {
        self.held(size::times([size::padded(self.width, PANEL), PANEL]))
    }

    /// A unit's sums over a segment: Σ weights · items [64, D], Σ weights [64].
    fn sums(&self) -> usize {
        size::times([size::plus([self.width, 1]), PANEL])
    }

    /// A unit's weights for a segment.
    fn weights(&self) -> usize {
        self.held(size::times([self.segment, PANEL]))
    }

    /// A chunk of items [CHUNK, padded] where rows of items are not whole vectors; where weights are in words, of logits and of
    /// pairs of weights [CHUNK / 2, 64].
    fn chunk(&self) -> usize {
        match self {
            _ if self.half => CHUNK / 2 * 3 * PANEL,
            _ if self.width == self.padded => 0,
            _ => size::times([CHUNK, self.padded]),
        }
    }

    /// The scratch by field: coefficients of all rows; norms by segment; panels, shifts, factors and scaled rows of a slab; its
    /// sums and those of the one before, by segment; weights by segment; the items in words. All begin on a cache line.
    fn lengths(&self) -> [usize; 10] {
        let rows = self.units * PANEL;
        let sums = size::times([self.segments, self.units, self.sums()]);
        [
            size::padded(self.rows, LANES),
            size::padded(self.segments, LANES),
            size::times([self.units, self.panel()]),
            rows,
            rows,
            size::times([self.units, self.scaled()]),
            sums,
            sums,
            size::times([self.segments, size::plus([size::times([self.units, self.weights()]), self.chunk()])]),
            if self.half { half::Items::scratch(self.items, self.width) } else { 0 },
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
        let rounded = self.half.then(|| half::Items::round(run, problem.items, width, words));
        let longest = self.longest(run, problem, &mut norms[..self.segments]);
        let mut loss = 0.0;
        let mut before: Option<Slab> = None;
        let slabs = (0..self.rows).step_by(self.units * PANEL);
        let slabs = slabs.map(|from| Slab { from, rows: (self.units * PANEL).min(self.rows - from) });
        for slab in slabs.map(Some).chain([None]) {
            let next = slab.map(|slab| {
                let safe = self.prepare(problem, slab, longest, panels, shifts);
                let pass = Pass { problem, rounded, slab, panels, shifts: &[], near: safe && problem.apart.is_none() };
                if !safe {
                    self.lessen(run, pass, sums, shifts);
                }
                Pass { shifts, ..pass }
            });
            // A few rows of dh go with each segment of ditems: one hand-out to the threads for all.
            let rows = before.map_or(&mut [][..], |slab| &mut dh[slab.from * width..][..slab.rows * width]);
            let few = (rows.len() / width).div_ceil(self.segments.max(1));
            let sizes =
                [weights.len() / self.segments.max(1), self.units * self.sums(), self.segment * width, few * width];
            let parts = [&mut *weights, &mut *sums, &mut *ditems, rows];
            zip_parts(run, parts, sizes, |segment, [weights, sums, ditems, dh]| {
                if let Some(slab) = before {
                    self.gradient_of_rows(problem, slab, done, factors, coefficients, segment * few, dh);
                }
                sums.fill(0.0);
                let (weights, chunk) = weights.split_at_mut(self.units * self.weights());
                for (strip, ditems) in ditems.chunks_mut(STRIP * width).enumerate() {
                    let strip = strip * STRIP;
                    if let Some(slab) = before {
                        self.gradient_of_items(problem.set, slab, scaled, weights, strip, ditems);
                    }
                    if let Some(pass) = &next {
                        let place = (segment * self.segment, strip, ditems.len() / width);
                        for (unit, sums) in pass.slab.units().zip(sums.chunks_exact_mut(self.sums())) {
                            self.weigh(pass, unit, place, weights, chunk, sums);
                        }
                    }
                }
                if let Some(slab) = before.filter(|_| problem.apart.is_none()) {
                    self.take_winners(problem, slab, segment * self.segment, ditems);
                }
            });
            if let Some(slab) = slab {
                for row in 0..slab.rows {
                    loss += self.normalise(problem, slab, row, sums, shifts[row], &mut factors[row], coefficients);
                }
                self.scale(problem, slab, factors, scaled);
            }
            swap(&mut sums, &mut done);
            before = slab;
        }
        // An infinite item can hide: at −∞ its logit adds nothing to the loss, but its gradient is NaN.
        if longest.is_finite() { loss / self.rows as f64 } else { f64::NAN }
    }

    /// The largest norm among the items; NaN if there is one.
    fn longest(&self, run: &impl Parallel, problem: &Problem, norms: &mut [f32]) -> f32 {
        over_parts(run, norms, 1, |segment, norm| {
            let (from, width) = (segment * self.segment, self.width);
            let count = self.segment.min(self.items - from);
            norm[0] = longest_row::on(problem.set, &problem.items[from * width..][..count * width], width);
        });
        norms.iter().fold(0.0, |most: f32, &x| if x > most || x.is_nan() { x } else { most })
    }

    /// The panels of a slab; marks its rows in `shifts` as [`safe_rows`] does; are all safe?
    fn prepare(&self, problem: &Problem, slab: Slab, longest: f32, panels: &mut [f32], shifts: &mut [f32]) -> bool {
        let (set, width) = (problem.set, self.width);
        for ((row, rows), panel) in slab.units().zip(panels.chunks_exact_mut(self.panel())) {
            let (panel, words) = panel.split_at_mut(width * PANEL);
            transpose(set, &problem.h[(slab.from + row) * width..], rows, width, panel);
            if self.half {
                interleave(panel, PANEL, words);
            }
        }
        safe_rows(set, &problem.h[slab.from * width..][..slab.rows * width], width, longest, shifts)
    }

    /// The largest logit of each marked row as its shift; `sums` is scratch.
    fn lessen(&self, run: &impl Parallel, pass: Pass, sums: &mut [f32], shifts: &mut [f32]) {
        let marked = |row: usize, rows: usize| shifts[row..][..rows].iter().any(|&shift| shift != 0.0);
        over_parts(run, sums, self.units * self.sums(), |segment, most| {
            let from = segment * self.segment;
            let count = self.segment.min(self.items - from);
            let mut stack = Stack::<{ CHUNK * PANEL }>::new();
            for (row, rows) in pass.slab.units().filter(|&(row, rows)| marked(row, rows)) {
                let most = &mut most[row..][..self.lanes(rows)];
                most.fill(f32::NEG_INFINITY);
                for first in (0..count).step_by(CHUNK) {
                    let n = CHUNK.min(count - first);
                    let [logits] = stack.parts([n * most.len()]);
                    self.logits(&pass, (row, rows), from + first, n, logits);
                    largest::on(pass.problem.set, logits, most);
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
    fn lanes(&self, rows: usize) -> usize {
        if self.half { PANEL } else { size::padded(rows, LANES) }
    }

    /// Logits of a unit for `n` items from `first` on, [n, lanes].
    fn logits(&self, pass: &Pass, (row, rows): (usize, usize), first: usize, n: usize, logits: &mut [f32]) {
        let (problem, width) = (pass.problem, self.width);
        let panel = &pass.panels[row / PANEL * self.panel()..][..self.panel()];
        match pass.rounded {
            Some(rounded) => rounded.logits(&panel[width * PANEL..], first, n, logits),
            None => {
                let items = &problem.items[first * width..][..n * width];
                let shape = (n, width, self.lanes(rows));
                rows_by_panels(problem.set, items, Panels::packed(panel, width), None, shape, logits);
            }
        }
        if let Some((_, ids)) = problem.apart {
            let targets = &problem.targets[pass.slab.from + row..][..rows];
            leave_out::on(problem.set, &ids[first..][..n], targets, self.lanes(rows), logits);
        }
    }

    /// exp(logits) of a unit for a strip of items, added to its sums and to dh before it is normalised.
    fn weigh(
        &self,
        pass: &Pass,
        (row, rows): (usize, usize),
        (from, strip, count): (usize, usize, usize),
        weights: &mut [f32],
        chunk: &mut [f32],
        sums: &mut [f32],
    ) {
        let (set, width, lanes) = (pass.problem.set, self.width, self.lanes(rows));
        let weights =
            &mut weights[row / PANEL * self.weights() + self.held(strip * PANEL)..][..self.held(count * lanes)];
        let shifts = &pass.shifts[row..][..lanes];
        let (dh, sums) = sums.split_at_mut(PANEL * width);
        let sums = &mut sums[..lanes];
        for (i, weights) in weights.chunks_mut(self.held(CHUNK * lanes)).enumerate() {
            let first = from + strip + i * CHUNK;
            let n = CHUNK.min(count - i * CHUNK);
            if let Some(rounded) = pass.rounded {
                let (logits, pairs) = chunk.split_at_mut(CHUNK * PANEL);
                let (logits, pairs) = (&mut logits[..n * PANEL], &mut pairs[..n.div_ceil(2) * PANEL]);
                self.logits(pass, (row, rows), first, n, logits);
                exponentials::on(set, logits, shifts, sums, pass.near);
                rounded.weigh((first, n, rows), logits, pairs, dh, weights);
                continue;
            }
            self.logits(pass, (row, rows), first, n, weights);
            exponentials::on(set, weights, shifts, sums, pass.near);
            let items = &pass.problem.items[first * width..][..n * width];
            let right = whole_vectors(items, width, self.padded, chunk);
            let left = Left { values: weights, row: 1, step: lanes };
            for c in (0..width).step_by(PANEL) {
                let shape = (rows, n, PANEL.min(width - c));
                multiply(set, left, &right[c..], self.padded, shape, Into::Add, &mut dh[c..], width);
            }
        }
    }

    /// A row's factor, weight · factor = p / T, and its coefficient; returns its loss.
    fn normalise(
        &self,
        problem: &Problem,
        slab: Slab,
        row: usize,
        sums: &[f32],
        shift: f32,
        factor: &mut f32,
        coefficients: &mut [f32],
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
        coefficients[at] = ((won / total - 1.0) / count) as f32;
        total.ln() + most - own
    }

    /// factor · h of a slab, by unit in panels [⌈D / 64⌉, 64, 64]; zeros for rows beyond the last.
    fn scale(&self, problem: &Problem, slab: Slab, factors: &[f32], scaled: &mut [f32]) {
        let width = self.width;
        let mut stack = Stack::<{ PANEL * PANEL }>::new();
        for ((row, rows), unit) in slab.units().zip(scaled.chunks_exact_mut(self.scaled())) {
            for (panel, to) in unit.chunks_exact_mut(self.held(PANEL * PANEL)).enumerate() {
                let columns = panel * PANEL..width.min((panel + 1) * PANEL);
                let [values] = stack.parts([PANEL * PANEL]);
                values[rows * PANEL..].fill(0.0);
                for (row, to) in (row..row + rows).zip(values.chunks_exact_mut(PANEL)) {
                    let h = &problem.h[(slab.from + row) * width..][columns.clone()];
                    to.iter_mut().zip(h).for_each(|(y, x)| *y = factors[row] * x);
                }
                if self.half { interleave(values, PANEL, to) } else { to.copy_from_slice(values) }
            }
        }
    }

    /// dh of a few rows of a slab: the winner, and the segments' sums in order.
    fn gradient_of_rows(
        &self,
        problem: &Problem,
        slab: Slab,
        sums: &[f32],
        factors: &[f32],
        coefficients: &[f32],
        first: usize,
        dh: &mut [f32],
    ) {
        for (row, dh) in (first..).zip(dh.chunks_exact_mut(self.width)) {
            let at = slab.from + row;
            for (y, x) in dh.iter_mut().zip(problem.winner(at, self.width)) {
                *y = coefficients[at] * x;
            }
            let place = row / PANEL * self.sums() + row % PANEL * self.width;
            let parts = sums.get(place..).unwrap_or_default();
            add_parts::on(problem.set, parts, self.units * self.sums(), factors[row], dh);
        }
    }

    /// ditems of a strip += weightsᵀ · (factor · h) over the rows of a slab.
    fn gradient_of_items(
        &self,
        set: Instructions,
        slab: Slab,
        scaled: &[f32],
        weights: &[f32],
        strip: usize,
        ditems: &mut [f32],
    ) {
        let (width, count) = (self.width, ditems.len() / self.width);
        let mut into = if slab.from == 0 { Into::Set } else { Into::Add };
        for (row, rows) in slab.units() {
            let unit = row / PANEL;
            let values = &weights[unit * self.weights() + self.held(strip * PANEL)..];
            let left = Left { values, row: self.held(self.lanes(rows)), step: 1 };
            let panels = scaled[unit * self.scaled()..].chunks_exact(self.held(PANEL * PANEL));
            for (c, right) in (0..width).step_by(PANEL).zip(panels) {
                let (columns, out) = (PANEL.min(width - c), &mut ditems[c..]);
                if self.half {
                    multiply_pairs(left, right, PANEL, (count, rows.div_ceil(2), columns), into, out, width);
                } else {
                    multiply(set, left, right, PANEL, (count, rows, columns), into, out, width);
                }
            }
            into = Into::Add;
        }
    }

    /// ditems[target] −= h / T, for the targets among these items.
    fn take_winners(&self, problem: &Problem, slab: Slab, first: usize, ditems: &mut [f32]) {
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
}
