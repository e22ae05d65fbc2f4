//! A table of 8-bit codes before one of f32 items: the codes say which items may be among the best, the items by how much.

use std::ops::Range;

use super::codes::{panel_size, query_scale, query_size, slack_of, words};
use super::exact::Exact;
use super::keys::{item_of, key};
use super::maxima::column_max;
use super::table::Table;
use crate::simd::codes::{Queries, bounds, estimates};
use crate::simd::compare::prefetch;
use crate::simd::matrix::PANEL;

/// Panels ahead of the one that is scored: a panel is read in the time that memory takes to answer.
const AHEAD: usize = 4;

/// Codes, in i32, that a core's own cache holds: asking for them ahead of time would only cost.
const NEAR: usize = 1 << 18;

/// Items, their codes, and the codes of the vectors.
#[derive(Clone, Copy)]
pub(super) struct Quantized<'a> {
    pub exact: Exact<'a>,
    pub codes: &'a [i32],
    pub queries: &'a [i32],
}

impl Quantized<'_> {
    fn queries(&self, vectors: Range<usize>) -> Queries<'_> {
        let width = self.exact.width;
        let values = &self.queries[vectors.start * query_size(width)..vectors.end * query_size(width)];
        Queries { values, words: words(width) }
    }

    fn query(&self, vector: usize) -> &[i32] {
        let size = query_size(self.exact.width);
        &self.queries[vector * size..(vector + 1) * size]
    }

    /// The panels that hold some items.
    fn panels(&self, items: Range<usize>) -> &[i32] {
        let size = panel_size(self.exact.width);
        &self.codes[items.start / PANEL * size..items.end.div_ceil(PANEL) * size]
    }
}

impl Table for Quantized<'_> {
    const BOUNDS: bool = true;

    fn exact(&self) -> &Exact<'_> {
        &self.exact
    }

    fn pack(&self, _from: usize, _scratch: &mut [f32]) {}

    fn score(
        &self,
        vectors: Range<usize>,
        items: Range<usize>,
        _scratch: &[f32],
        thresholds: &[f32],
        scores: &mut [f32],
        passing: &mut [u64],
    ) {
        bounds(self.exact.set, self.queries(vectors), self.panels(items), thresholds, scores, passing);
    }

    fn sample(&self, vectors: Range<usize>, from: usize, eligible: &[u64], largest: &mut [f32], scores: &mut [f32]) {
        estimates(self.exact.set, self.queries(vectors), self.panels(from..from + 1), eligible, largest, scores);
    }

    fn scale(&self, vector: usize) -> f32 {
        query_scale(self.query(vector))
    }

    fn threshold(&self, threshold: f32, unit: f32) -> f32 {
        // One that ties may have a smaller id, and must pass; an infinite bound is greater than every threshold, and none is a NaN.
        (threshold.next_down().clamp(f32::MIN, f32::MAX) / unit).clamp(f32::MIN, f32::MAX)
    }

    fn bound_gap(&self, vector: usize, item: usize) -> f32 {
        let (panel, words) = (self.panels(item..item + 1), words(self.exact.width));
        let scale = f32::from_bits(panel[words * PANEL + item % PANEL] as u32);
        slack_of(self.query(vector)) * scale * self.scale(vector)
    }

    fn exceeds_cache(&self) -> bool {
        self.codes.len() > NEAR
    }

    fn prefetch_panels(&self, items: Range<usize>) {
        let size = panel_size(self.exact.width);
        let at = |item: usize| self.codes.len().min((item + AHEAD * PANEL) * size / PANEL);
        prefetch(&self.codes[at(items.start)..at(items.end)]);
    }

    fn rescore(&self, vectors: Range<usize>, keys: &mut [u64], products: &mut [f32]) -> usize {
        let mut rescored = 0;
        for from in (0..keys.len()).step_by(PANEL) {
            let count = PANEL.min(keys.len() - from);
            let products = &mut products[..vectors.len() * PANEL];
            self.exact.score_items(vectors.clone(), &keys[from..from + count], products);
            for (i, score) in column_max(self.exact.set, products).into_iter().enumerate().take(count) {
                if score > f32::NEG_INFINITY {
                    keys[rescored] = key(score, item_of(keys[from + i]));
                    rescored += 1;
                }
            }
        }
        rescored
    }

    fn prefetch_items(&self, keys: &[u64]) {
        self.exact.prefetch_items(keys);
    }
}
