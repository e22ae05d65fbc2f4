//! A table of f32 items [V, D].

use std::ops::Range;

use super::keys::item_of;
use super::search::Table;
use crate::product::{Panels, rows_by_panels};
use crate::simd::Instructions;
use crate::simd::compare::{above, prefetch};
use crate::simd::matrix::{PANEL, dot, transpose};
use crate::simd::rows::{FEW, multiply_rows, multiply_some, suits};

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
        few && self.items() - from >= PANEL && suits(self.width)
    }

    /// Products [rows, 64] of some vectors and the items of up to 64 keys; the columns behind them hold anything.
    pub fn rescore(&self, vectors: Range<usize>, keys: &[u64], products: &mut [f32]) {
        let mut items = [0; PANEL];
        for (item, &key) in items.iter_mut().zip(keys) {
            *item = item_of(key);
        }
        let (items, vectors) = (&items[..keys.len()], self.vectors_of(vectors));
        if suits(self.width) {
            return multiply_some(self.set, vectors, self.items, items, self.width, products);
        }
        for (vector, products) in vectors.chunks_exact(self.width).zip(products.chunks_exact_mut(PANEL)) {
            for (product, &item) in products.iter_mut().zip(items) {
                *product = dot(self.set, vector, self.rows(item..item + 1));
            }
        }
    }

    /// Asks for the items of keys.
    pub fn fetch(&self, keys: &[u64]) {
        for &key in keys {
            prefetch(self.rows(item_of(key)..item_of(key) + 1));
        }
    }

    fn vectors_of(&self, rows: Range<usize>) -> &[f32] {
        &self.vectors[rows.start * self.width..rows.end * self.width]
    }

    /// Some vectors times the items of a panel.
    fn products(&self, vectors: Range<usize>, panel: &[f32], products: &mut [f32]) {
        let shape = (vectors.len(), self.width, PANEL);
        rows_by_panels(self.set, self.vectors_of(vectors), Panels::packed(panel, self.width), None, shape, products);
    }
}

impl Table for Exact<'_> {
    const BOUNDS: bool = false;

    fn exact(&self) -> &Exact<'_> {
        self
    }

    fn open(&self, from: usize, panel: &mut [f32]) {
        if !self.in_place(from) {
            let count = PANEL.min(self.items() - from);
            transpose(self.set, self.rows(from..from + count), count, self.width, panel);
        }
    }

    fn score(
        &self,
        vectors: Range<usize>,
        items: Range<usize>,
        panel: &[f32],
        bars: &[f32],
        scores: &mut [f32],
        passing: &mut [u64],
    ) {
        let from = items.start;
        if self.in_place(from) {
            multiply_rows(self.set, self.vectors_of(vectors), self.rows(from..from + PANEL), self.width, scores);
        } else {
            self.products(vectors, panel, scores);
        }
        above(self.set, scores, bars, passing);
    }

    fn sample(&self, _: Range<usize>, _: usize, _: &[u64], _: &mut [f32], _: &mut [f32]) {}

    fn unit(&self, _vector: usize) -> f32 {
        1.0
    }

    fn bar(&self, bar: f32, _unit: f32) -> f32 {
        bar
    }

    fn spare(&self, _vector: usize, _item: usize) -> f32 {
        0.0
    }

    fn is_far(&self) -> bool {
        // Products in place ask for the next panel themselves.
        !self.in_place(0)
    }

    fn prefetch(&self, items: Range<usize>) {
        prefetch(self.rows(items));
    }

    fn settle(&self, _vectors: Range<usize>, keys: &mut [u64], _scratch: &mut [f32]) -> usize {
        keys.len()
    }

    fn fetch(&self, _keys: &[u64]) {}
}
