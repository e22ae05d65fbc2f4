//! Exact scores: products of vectors and items in f32, by panels or item by item.

use std::ops::Range;

use super::keys::item_of;
use crate::product::{Panels, rows_by_panels};
use crate::simd::Instructions;
use crate::simd::compare::prefetch;
use crate::simd::matrix::{PANEL, dot};
use crate::simd::rows::{FEW, multiply_some, suits};

/// Items [V, D] and vectors [S, D].
#[derive(Clone, Copy)]
pub(super) struct Exact<'a> {
    pub set: Instructions,
    pub items: &'a [f32],
    pub vectors: &'a [f32],
    pub width: usize,
}

impl Exact<'_> {
    pub fn items(&self) -> usize {
        self.items.len() / self.width
    }

    pub fn rows(&self, items: Range<usize>) -> &[f32] {
        &self.items[items.start * self.width..items.end * self.width]
    }

    /// Whether the panel is scored where it stands: for few vectors a copy by columns would cost more than the products.
    pub fn in_place(&self, from: usize) -> bool {
        let few = self.vectors.len() <= FEW * self.width;
        few && self.items() - from >= PANEL && suits(self.width)
    }

    /// Products [rows, 64] of some vectors and the items of up to 64 keys; the columns behind them hold anything.
    pub fn score_items(&self, vectors: Range<usize>, keys: &[u64], products: &mut [f32]) {
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
    pub fn prefetch_items(&self, keys: &[u64]) {
        for &key in keys {
            prefetch(self.rows(item_of(key)..item_of(key) + 1));
        }
    }

    pub fn vectors_of(&self, rows: Range<usize>) -> &[f32] {
        &self.vectors[rows.start * self.width..rows.end * self.width]
    }

    /// Some vectors times the items of a panel.
    pub fn products(&self, vectors: Range<usize>, panel: &[f32], products: &mut [f32]) {
        let shape = (vectors.len(), self.width, PANEL);
        rows_by_panels(self.set, self.vectors_of(vectors), Panels::packed(panel, self.width), None, shape, products);
    }
}
