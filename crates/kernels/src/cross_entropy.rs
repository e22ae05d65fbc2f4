//! Cross entropy over the whole catalogue, forward and gradients in one call, never [T, V] in memory.
//!
//! Rows go in slabs. For a slab, exp(logits) of every item is kept transposed while dh is summed, unnormalised; once the
//! slab's sums are known, ditems takes the same numbers, so each logit is computed once. See [`Slabs`].

use crate::Parallel;
use crate::parallel::over_parts;
use crate::product::rows_by_panels;
use crate::simd::math::exp;
use crate::simd::matrix::{Into, Left, PANEL, dot, multiply, transpose};
use crate::simd::{Instructions, LANES, fma, instructions};

/// Scratch of [`cross_entropy`], in f32: about `256 · V`, and no more than 16 MB or `64 · V`.
pub fn cross_entropy_scratch(t: usize, v: usize, width: usize) -> usize {
    Slabs::new(t, v, width).scratch()
}

/// Mean over T of `LSE_V(h · itemsᵀ) − h · items[target]`, with its gradients; h and dh [T, D], items and ditems [V, D],
/// targets [T] in 0 .. V. No rows: a loss of 0 and zero gradients. A NaN or an infinity makes the loss NaN or infinite.
pub fn cross_entropy(
    run: &impl Parallel,
    h: &[f32],
    items: &[f32],
    targets: &[i32],
    width: usize,
    dh: &mut [f32],
    ditems: &mut [f32],
    scratch: &mut [f32],
) -> f64 {
    cross_entropy_on(instructions(), run, h, items, targets, width, dh, ditems, scratch)
}

fn cross_entropy_on(
    set: Instructions,
    run: &impl Parallel,
    h: &[f32],
    items: &[f32],
    targets: &[i32],
    width: usize,
    dh: &mut [f32],
    ditems: &mut [f32],
    scratch: &mut [f32],
) -> f64 {
    let slabs = Slabs::new(targets.len(), items.len() / width.max(1), width);
    let problem = Problem { set, h, items, targets, apart: None };
    slabs.run(run, &problem, dh, ditems, scratch)
}

/// Items that a block takes from logits to dh while they are in the nearest cache.
const CHUNK: usize = 48;

/// Items of a block of ditems; a segment is a whole number of them.
const STRIP: usize = 256;

/// Logits whose size is below this for certain are exponentiated as they are; others less their largest.
const SAFE: f32 = 40.0;

/// What a softmax over many items is asked: logits `h · itemsᵀ`, and one vector of a row that should win.
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
}

/// A block's part of the scratch, by field.
struct Block<'a> {
    /// exp(logit − shift) [segment, 64]
    weights: &'a mut [f32],
    /// hᵀ [D, 64]
    panel: &'a mut [f32],
    /// A chunk of items [CHUNK, padded] where rows of items are not whole vectors.
    chunk: &'a mut [f32],
    /// Σ weights · items [64, D]
    dh: &'a mut [f32],
    /// Σ weights [64]
    sums: &'a mut [f32],
    /// What the logits were lessened by [64]
    shifts: &'a mut [f32],
}

impl Slabs {
    pub fn new(rows: usize, items: usize, width: usize) -> Self {
        // Four units where they take 16 MB at most, fewer beyond, one for a very large catalogue.
        let most = ((4 << 20) / (items.max(1) * PANEL)).clamp(1, 4);
        let segment = items.div_ceil(8).next_multiple_of(STRIP).min(items);
        Self {
            rows,
            items,
            width,
            padded: width.next_multiple_of(LANES),
            units: most.min(rows.div_ceil(PANEL)),
            segment,
            segments: if items == 0 { 0 } else { items.div_ceil(segment) },
        }
    }

    /// Lengths of the fields of a [`Block`].
    fn lengths(&self) -> [usize; 6] {
        let chunk = if self.width == self.padded { 0 } else { CHUNK * self.padded };
        [self.segment * PANEL, self.width * PANEL, chunk, PANEL * self.width, PANEL, PANEL]
    }

    fn block_size(&self) -> usize {
        self.lengths().iter().sum()
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
        let part = &parts[(unit * self.segments + segment) * size..][..size];
        let [a, b, c, d, _, _] = self.lengths();
        let (dh, rest) = part[a + b + c..].split_at(d);
        [&part[..a], dh, &rest[..PANEL], &rest[PANEL..]]
    }

    /// Scratch in f32: the blocks of a slab, its rows' factors by segment, a coefficient for each row of all.
    pub fn scratch(&self) -> usize {
        let blocks = self.units * self.segments * self.block_size();
        blocks + self.units * PANEL * (self.segments + PANEL) + self.rows + self.items.div_ceil(STRIP)
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
        let factors = &mut rest[..self.units * PANEL * self.segments];
        let longest = longest(problem.set, run, problem.items, width, norms);
        let mut loss = 0.0;
        for from in (0..self.rows).step_by(self.units * PANEL) {
            let rows = (self.units * PANEL).min(self.rows - from);
            let units = rows.div_ceil(PANEL);
            let used = units * self.segments * self.block_size();
            let parts = &mut parts[..used];
            over_parts(run, parts, self.block_size(), |block, part| {
                let (unit, segment) = (block / self.segments, block % self.segments);
                let row = from + unit * PANEL;
                self.weigh(problem, longest, row, segment, self.block(part));
            });
            let coefficients = &mut coefficients[from..][..rows];
            for row in 0..rows {
                loss += self.normalise(problem, parts, from, row, factors, &mut coefficients[row]);
            }
            over_parts(run, &mut dh[from * width..][..rows * width], PANEL * width, |unit, dh| {
                self.gradient_of_rows(problem, parts, factors, coefficients, from, unit, dh);
            });
            over_parts(run, ditems, STRIP * width, |strip, ditems| {
                self.gradient_of_items(problem, parts, factors, (from, rows), strip * STRIP, ditems);
            });
        }
        // An infinite item can hide: at −∞ its logit adds nothing to the loss, but its gradient is NaN.
        if longest.is_finite() { loss / self.rows as f64 } else { f64::NAN }
    }

    /// exp(logits) of 64 rows for a segment of items, their sums, and dh before it is normalised.
    fn weigh(&self, problem: &Problem, longest: f32, row: usize, segment: usize, block: Block) {
        let (set, width) = (problem.set, self.width);
        let rows = PANEL.min(self.rows - row);
        let h = &problem.h[row * width..][..rows * width];
        let from = segment * self.segment;
        let count = self.segment.min(self.items - from);
        let items = &problem.items[from * width..][..count * width];
        let mask = |first: usize, logits: &mut [f32]| {
            if let Some((_, ids)) = problem.apart {
                let ids = &ids[from + first..][..logits.len() / PANEL];
                leave_out(set, ids, &problem.targets[row..][..rows], logits);
            }
        };
        transpose(set, h, rows, width, block.panel);
        block.sums.fill(0.0);
        block.dh.fill(0.0);
        if !safe_rows(set, h, width, longest, block.shifts) {
            block.sums.fill(f32::NEG_INFINITY);
            for first in (0..count).step_by(CHUNK) {
                let n = CHUNK.min(count - first);
                let logits = &mut block.weights[..n * PANEL];
                let items = &items[first * width..];
                rows_by_panels(set, items, block.panel, None, (n, width, PANEL), logits);
                mask(first, logits);
                largest(set, logits, block.sums);
            }
            for (shift, sum) in block.shifts.iter_mut().zip(block.sums.iter_mut()) {
                // Where everything is left out, nothing is taken off: exp(−inf − 0) = 0.
                *shift = if *shift == 0.0 || *sum == f32::NEG_INFINITY { 0.0 } else { *sum };
                *sum = 0.0;
            }
        }
        for first in (0..count).step_by(CHUNK) {
            let n = CHUNK.min(count - first);
            let weights = &mut block.weights[first * PANEL..][..n * PANEL];
            let items = &items[first * width..][..n * width];
            rows_by_panels(set, items, block.panel, None, (n, width, PANEL), weights);
            mask(first, weights);
            exponentials(set, weights, block.shifts, block.sums);
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
            factors[row * self.segments + segment] = if sums[lane] != 0.0 {
                (less(f64::from(shifts[lane])) / (total * count)) as f32
            } else {
                0.0
            };
        }
        let won = if apart { less(own) / total } else { 0.0 };
        *coefficient = ((won - 1.0) / count) as f32;
        total.ln() + most - own
    }

    /// dh of 64 rows: the segments' sums in order, and the winner.
    fn gradient_of_rows(
        &self,
        problem: &Problem,
        parts: &[f32],
        factors: &[f32],
        coefficients: &[f32],
        from: usize,
        unit: usize,
        dh: &mut [f32],
    ) {
        for (lane, dh) in dh.chunks_exact_mut(self.width).enumerate() {
            let row = unit * PANEL + lane;
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
        let segment = first / self.segment;
        let mut into = if from == 0 { Into::Set } else { Into::Add };
        for unit in 0..rows.div_ceil(PANEL) {
            let depth = PANEL.min(rows - unit * PANEL);
            let [weights, ..] = self.read(parts, unit, segment);
            let left = Left { values: &weights[(first - segment * self.segment) * PANEL..], row: PANEL, step: 1 };
            for c in (0..width).step_by(PANEL) {
                let columns = PANEL.min(width - c);
                let mut right = [0.0f32; PANEL * PANEL];
                for (lane, to) in right.chunks_exact_mut(PANEL).take(depth).enumerate() {
                    let row = unit * PANEL + lane;
                    let factor = factors[row * self.segments + segment];
                    let h = &problem.h[(from + row) * width + c..][..columns];
                    for (y, x) in to.iter_mut().zip(h) {
                        *y = factor * x;
                    }
                }
                let shape = (count, depth, columns);
                multiply(problem.set, left, &right, PANEL, shape, into, &mut ditems[c..], width);
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

/// Items as rows of whole vectors: themselves, or copied into `chunk`.
fn whole_vectors<'a>(items: &'a [f32], width: usize, padded: usize, chunk: &'a mut [f32]) -> &'a [f32] {
    if width == padded {
        return items;
    }
    for (to, row) in chunk.chunks_exact_mut(padded).zip(items.chunks_exact(width)) {
        to[..width].copy_from_slice(row);
        to[width..].fill(0.0);
    }
    chunk
}

/// The largest norm among the rows of `items`; NaN if there is one.
fn longest(set: Instructions, run: &impl Parallel, items: &[f32], width: usize, norms: &mut [f32]) -> f32 {
    over_parts(run, norms, 1, |strip, norm| {
        let items = &items[strip * STRIP * width..];
        norm[0] = longest_row::on(set, &items[..items.len().min(STRIP * width)], width);
    });
    norms.iter().fold(0.0, |most: f32, &x| if x > most || x.is_nan() { x } else { most })
}

crate::multiversion!(fn longest_row = longest_row_body(rows: &[f32], width: usize) -> f32);

#[inline(always)]
fn longest_row_body<const FMA: bool>(rows: &[f32], width: usize) -> f32 {
    let mut most = 0.0f32;
    for row in rows.chunks_exact(width) {
        let squared = squared_norm::<FMA>(row);
        most = if squared > most || squared.is_nan() { squared } else { most };
    }
    most.sqrt()
}

#[inline(always)]
fn squared_norm<const FMA: bool>(row: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (vectors, tail) = row.as_chunks::<LANES>();
    for x in vectors {
        for i in 0..LANES {
            sums[i] = fma::<FMA>(x[i], x[i], sums[i]);
        }
    }
    let mut sum = crate::simd::sum_lanes(sums);
    for x in tail {
        sum = fma::<FMA>(*x, *x, sum);
    }
    sum
}

/// Marks the rows of h that are safe by Cauchy–Schwarz with a 0 in `shifts`, others with a 1; are all?
fn safe_rows(set: Instructions, h: &[f32], width: usize, longest: f32, shifts: &mut [f32]) -> bool {
    shifts.fill(0.0);
    for (shift, row) in shifts.iter_mut().zip(h.chunks_exact(width)) {
        *shift = if longest_row::on(set, row, width) * longest < SAFE { 0.0 } else { 1.0 };
    }
    shifts.iter().all(|&shift| shift == 0.0)
}

crate::multiversion!(fn largest_of = largest_body(logits: &[f32], most: &mut [f32]));

/// `most[lane] = max(most[lane], logits[.., lane])` over rows of 64 lanes.
fn largest(set: Instructions, logits: &[f32], most: &mut [f32]) {
    largest_of::on(set, logits, most);
}

#[inline(always)]
fn largest_body<const FMA: bool>(logits: &[f32], most: &mut [f32]) {
    for row in logits.as_chunks::<PANEL>().0 {
        for (most, x) in most.iter_mut().zip(row) {
            *most = if *x > *most { *x } else { *most };
        }
    }
}

crate::multiversion!(fn exponentials_of = exponentials_body(logits: &mut [f32], shifts: &[f32], sums: &mut [f32]));

/// `logits[.., lane] = exp(logits[.., lane] − shifts[lane])`, with their sums by lane added to `sums`.
fn exponentials(set: Instructions, logits: &mut [f32], shifts: &[f32], sums: &mut [f32]) {
    exponentials_of::on(set, logits, shifts, sums);
}

#[inline(always)]
fn exponentials_body<const FMA: bool>(logits: &mut [f32], shifts: &[f32], sums: &mut [f32]) {
    let (shifts, sums) = (shifts.as_chunks::<LANES>().0, sums.as_chunks_mut::<LANES>().0);
    let mut parts = [[0.0f32; LANES]; PANEL / LANES];
    for row in logits.as_chunks_mut::<PANEL>().0 {
        for (n, x) in row.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            for i in 0..LANES {
                x[i] = exp::<FMA>(x[i] - shifts[n][i]);
                parts[n][i] += x[i];
            }
        }
    }
    for (sum, part) in sums.iter_mut().zip(&parts) {
        for i in 0..LANES {
            sum[i] += part[i];
        }
    }
}

crate::multiversion!(fn leave_out_of = leave_out_body(ids: &[i32], targets: &[i32], logits: &mut [f32]));

/// `logits[i, lane] = −inf` where `ids[i] = targets[lane]`.
fn leave_out(set: Instructions, ids: &[i32], targets: &[i32], logits: &mut [f32]) {
    leave_out_of::on(set, ids, targets, logits);
}

#[inline(always)]
fn leave_out_body<const FMA: bool>(ids: &[i32], targets: &[i32], logits: &mut [f32]) {
    for (row, id) in logits.as_chunks_mut::<PANEL>().0.iter_mut().zip(ids) {
        for (x, target) in row.iter_mut().zip(targets) {
            *x = if id == target { f32::NEG_INFINITY } else { *x };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Serial;
    use crate::parallel::testing::{Reverse, SETS, TwoThreads, bits, close, differences, values, wide};

    /// The formula: [loss, dh, ditems] in f64.
    fn naive(h: &[f64], items: &[f64], targets: &[i32], width: usize) -> (f64, Vec<f64>, Vec<f64>) {
        let count = targets.len().max(1) as f64;
        let (mut loss, mut dh, mut ditems) = (0.0, vec![0.0; h.len()], vec![0.0; items.len()]);
        for (row, (h, target)) in h.chunks_exact(width).zip(targets).enumerate() {
            let logits: Vec<f64> = items
                .chunks_exact(width)
                .map(|item| h.iter().zip(item).map(|(x, y)| x * y).sum())
                .collect();
            let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = logits.iter().map(|x| (x - most).exp()).sum();
            loss += (total.ln() + most - logits[*target as usize]) / count;
            for (i, logit) in logits.iter().enumerate() {
                let won = f64::from(u8::from(i as i32 == *target));
                let p = ((logit - most).exp() / total - won) / count;
                for k in 0..width {
                    dh[row * width + k] += p * items[i * width + k];
                    ditems[i * width + k] += p * h[k];
                }
            }
        }
        (loss, dh, ditems)
    }

    /// [loss, dh, ditems] of the kernel, over buffers full of garbage.
    fn fused(
        set: Instructions,
        run: &impl Parallel,
        h: &[f32],
        items: &[f32],
        targets: &[i32],
        width: usize,
    ) -> (f64, Vec<f32>, Vec<f32>) {
        let size = cross_entropy_scratch(targets.len(), items.len() / width, width);
        let mut scratch = vec![f32::NAN; size];
        let (mut dh, mut ditems) = (vec![f32::NAN; h.len()], vec![f32::NAN; items.len()]);
        let loss =
            cross_entropy_on(set, run, h, items, targets, width, &mut dh, &mut ditems, &mut scratch);
        (loss, dh, ditems)
    }

    fn world(t: usize, v: usize, width: usize, size: f32) -> (Vec<f32>, Vec<f32>, Vec<i32>) {
        let scaled = |x: Vec<f32>| x.iter().map(|x| x * size).collect();
        let targets = (0..t).map(|i| ((i * i * 31 + 7 * i) % v) as i32).collect();
        (scaled(values(1, t * width)), scaled(values(2, v * width)), targets)
    }

    /// Gradients of a mean are compared times T, so that the tolerance means the same for every T.
    #[track_caller]
    fn agree(t: usize, v: usize, width: usize, size: f32, tolerance: f64) {
        let (h, items, targets) = world(t, v, width, size);
        let (loss, dh, ditems) = naive(&wide(&h), &wide(&items), &targets, width);
        let times = |x: &[f64]| x.iter().map(|x| x * t as f64).collect::<Vec<_>>();
        for set in SETS {
            let actual = fused(set, &Serial, &h, &items, &targets, width);
            let error = (actual.0 - loss).abs() / (1.0 + loss.abs());
            assert!(error < tolerance, "{set:?} {t} {v} {width}: {} is not {loss}", actual.0);
            let scaled = |x: &[f32]| x.iter().map(|x| x * t as f32).collect::<Vec<_>>();
            close(&scaled(&actual.1), &times(&dh), tolerance * f64::from(size).max(1.0));
            close(&scaled(&actual.2), &times(&ditems), tolerance * f64::from(size).max(1.0));
        }
    }

    #[test]
    fn is_the_formula() {
        agree(0, 3, 4, 1.0, 0.0001);
        agree(1, 1, 1, 1.0, 1e-6);
        agree(5, 1, 7, 1.0, 1e-6);
        agree(1, 17, 16, 1.0, 1e-5);
        agree(3, 50, 7, 1.0, 1e-5);
        if !cfg!(miri) {
            agree(64, 48, 64, 0.5, 1e-5);
            agree(65, 257, 65, 0.5, 1e-5);
            agree(17, 300, 300, 0.3, 1e-5);
            agree(300, 700, 16, 1.0, 2e-5);
            agree(600, 100, 100, 0.5, 2e-5);
            agree(70, 2_500, 5, 1.0, 2e-5);
        }
    }

    #[test]
    fn one_item_has_no_loss() {
        let (loss, dh, ditems) = fused(instructions(), &Serial, &[2.0, 3.0], &[5.0, 7.0], &[0], 2);
        assert!(loss.abs() < 1e-6);
        assert!(dh.iter().chain(&ditems).all(|x| x.abs() < 1e-6));
    }

    #[test]
    fn no_rows_give_zeros() {
        let (loss, dh, ditems) = fused(instructions(), &Serial, &[], &[1.0; 6], &[], 2);
        assert_eq!((loss, dh, ditems), (0.0, vec![], vec![0.0; 6]));
    }

    #[test]
    fn gradients_are_central_differences() {
        let (h, items, targets) = world(3, 5, 4, 1.0);
        let (_, dh, ditems) = fused(instructions(), &Serial, &h, &items, &targets, 4);
        let (h, items) = (wide(&h), wide(&items));
        close(&dh, &differences(&h, &[1.0], |h| vec![naive(h, &items, &targets, 4).0]), 1e-5);
        close(&ditems, &differences(&items, &[1.0], |x| vec![naive(&h, x, &targets, 4).0]), 1e-5);
    }

    #[test]
    fn large_logits_stay_right() {
        // |logit| up to about 8 · 8² = 500, where exp overflows f32 and e^-1000 is lost.
        agree(9, 40, 8, 8.0, 1e-4);
        if !cfg!(miri) {
            agree(70, 2_500, 8, 8.0, 1e-4);
        }
        // Worked by hand: logits 500 and -500, the loss of the second is 1000 and its p(first) is 1.
        let (loss, dh, ditems) = fused(instructions(), &Serial, &[500.0], &[1.0, -1.0], &[1], 1);
        assert_eq!((loss, dh, ditems), (1000.0, vec![2.0], vec![500.0, -500.0]));
    }

    #[test]
    fn small_and_large_rows_stand_side_by_side() {
        // The first row is safe as it is, the second needs its largest logit taken off: the first keeps its bits.
        let items = values(3, 30 * 4);
        let small = values(4, 4);
        let mut both = small.clone();
        both.extend(values(5, 4).iter().map(|x| x * 400.0));
        let set = instructions();
        let alone = fused(set, &Serial, &small, &items, &[3], 4).1;
        let pair = fused(set, &Serial, &both, &items, &[3, 4], 4).1;
        let halved: Vec<f32> = alone.iter().map(|x| x * 0.5).collect();
        assert_eq!(bits(&pair[..4]), bits(&halved));
    }

    #[test]
    fn what_is_not_finite_shows_in_the_loss() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let (mut h, mut items, targets) = world(3, 20, 4, 1.0);
            h[5] = bad;
            assert!(!fused(instructions(), &Serial, &h, &items, &targets, 4).0.is_finite());
            h[5] = 0.5;
            items[30] = bad;
            assert!(!fused(instructions(), &Serial, &h, &items, &targets, 4).0.is_finite());
        }
    }

    #[test]
    fn threads_do_not_change_the_bits() {
        let (t, v) = if cfg!(miri) { (3, 20) } else { (330, 1_300) };
        let (h, items, targets) = world(t, v, 20, 1.0);
        let all = |x: (f64, Vec<f32>, Vec<f32>)| (x.0.to_bits(), bits(&x.1), bits(&x.2));
        let serial = all(fused(instructions(), &Serial, &h, &items, &targets, 20));
        assert_eq!(serial, all(fused(instructions(), &Reverse, &h, &items, &targets, 20)));
        assert_eq!(serial, all(fused(instructions(), &TwoThreads, &h, &items, &targets, 20)));
    }

    #[test]
    fn scratch_is_bounded() {
        let bytes = |v| 4 * cross_entropy_scratch(100_000, v, 64);
        assert!(bytes(12_101) < 20 << 20);
        assert!(bytes(1_000_000) < 300 << 20);
    }
}
