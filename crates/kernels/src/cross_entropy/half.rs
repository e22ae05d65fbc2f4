//! The products of a block over pairs of bf16: the items rounded once, the logits and the sums in f32.

use crate::Parallel;
use crate::parallel::over_parts;
use crate::simd::half::{interleave, multiply_pairs, pack};
use crate::simd::matrix::{Into, Left, PANEL};
use crate::size::{plus, times};

/// Rows of items that a block of rounding holds; even, so that pairs of items stay together.
const ROWS: usize = 256;

/// The items in words of two bf16, paired for both products that read them.
#[derive(Clone, Copy)]
pub(super) struct Items<'a> {
    /// Neighbours of a row [V, D / 2]: what logits sum over.
    rows: &'a [f32],
    /// Neighbouring items [⌈V / 2⌉, D]: what dh sums over.
    pairs: &'a [f32],
    width: usize,
}

impl<'a> Items<'a> {
    /// Words that `count` items take.
    pub fn scratch(count: usize, width: usize) -> usize {
        plus([times([count, width / 2]), times([count.div_ceil(2), width])])
    }

    pub fn round(run: &impl Parallel, items: &[f32], width: usize, words: &'a mut [f32]) -> Self {
        let (rows, pairs) = words.split_at_mut(items.len() / 2);
        let part = |block: usize| {
            let from = block * ROWS * width;
            &items[from..][..(ROWS * width).min(items.len() - from)]
        };
        over_parts(run, rows, ROWS * width / 2, |block, words| pack(part(block), words));
        over_parts(run, pairs, ROWS * width / 2, |block, words| interleave(part(block), width, words));
        Self { rows, pairs, width }
    }

    /// Logits of `n` items from `first` on [n, 64]; the panel holds the columns of h in pairs [D / 2, 64].
    pub fn logits(&self, panel: &[f32], first: usize, n: usize, logits: &mut [f32]) {
        let half = self.width / 2;
        let left = Left { values: &self.rows[first * half..], row: half, step: 1 };
        multiply_pairs(left, panel, PANEL, (n, half, PANEL), Into::Set, logits, PANEL);
    }

    /// The part of dh that weights [n, 64] have, and themselves in words [n, 32]; `pairs` is scratch [⌈n / 2⌉, 64].
    pub fn weigh(
        &self,
        (first, n, rows): (usize, usize, usize),
        weights: &[f32],
        pairs: &mut [f32],
        dh: &mut [f32],
        words: &mut [f32],
    ) {
        pack(weights, words);
        interleave(weights, PANEL, pairs);
        let left = Left { values: pairs, row: 1, step: PANEL };
        for c in (0..self.width).step_by(PANEL) {
            let right = &self.pairs[first / 2 * self.width + c..];
            let shape = (rows, n.div_ceil(2), PANEL.min(self.width - c));
            multiply_pairs(left, right, self.width, shape, Into::Add, &mut dh[c..], self.width);
        }
    }
}
