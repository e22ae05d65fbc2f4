//! A table of f32 items [V, D].

use std::ops::Range;

use super::search::Table;
use crate::product::{Panels, rows_by_panels};
use crate::simd::Instructions;
use crate::simd::LANES;
use crate::simd::compare::prefetch;
use crate::simd::matrix::{DEPTH, PANEL, transpose};
use crate::simd::rows::{FEW, multiply_rows};

/// Items [V, D] and vectors [S, D].
#[derive(Clone, Copy)]
pub(super) struct Exact<'a> {
    pub set: Instructions,
    pub items: &'a [f32],
    pub vectors: &'a [f32],
    pub width: usize,
}

impl Exact<'_> {
    fn items(&self) -> usize {
        self.items.len() / self.width
    }

    fn rows(&self, items: Range<usize>) -> &[f32] {
        &self.items[items.start * self.width..items.end * self.width]
    }

    /// Whether the panel is scored where it stands: for few vectors a copy by columns would cost more than the products.
    fn in_place(&self, from: usize) -> bool {
        let few = self.vectors.len() <= FEW * self.width;
        few && self.items() - from >= PANEL && self.width.is_multiple_of(LANES) && self.width <= DEPTH
    }

    /// Up to 64 items as columns of a panel; what is in the others is left there.
    pub fn open_rows(&self, items: &[i32], panel: &mut [f32]) {
        for (i, &item) in items.iter().enumerate() {
            for (&x, column) in self.rows(item as usize..item as usize + 1).iter().zip(panel.chunks_exact_mut(PANEL)) {
                column[i] = x;
            }
        }
    }

    /// Some vectors times the items of a panel.
    pub fn products(&self, vectors: Range<usize>, panel: &[f32], products: &mut [f32]) {
        let shape = (vectors.len(), self.width, PANEL);
        let vectors = &self.vectors[vectors.start * self.width..vectors.end * self.width];
        rows_by_panels(self.set, vectors, Panels::packed(panel, self.width), None, shape, products);
    }
}

impl Table for Exact<'_> {
    fn open(&self, from: usize, panel: &mut [f32]) {
        if !self.in_place(from) {
            let count = PANEL.min(self.items() - from);
            transpose(self.set, self.rows(from..from + count), count, self.width, panel);
        }
    }

    fn score(&self, vectors: Range<usize>, from: usize, panel: &[f32], scores: &mut [f32]) {
        if self.in_place(from) {
            let vectors = &self.vectors[vectors.start * self.width..vectors.end * self.width];
            multiply_rows(self.set, vectors, self.rows(from..from + PANEL), self.width, scores);
        } else {
            self.products(vectors, panel, scores);
        }
    }

    fn prefetch(&self, items: Range<usize>) {
        // Products in place ask for the next panel themselves.
        if !self.in_place(0) {
            prefetch(self.rows(items));
        }
    }
}
