//! The products of a block over pairs of bf16: the items rounded once, the logits and the sums in f32.

use super::slabs::PAIRED;
use crate::Parallel;
use crate::parallel::over_parts;
use crate::simd::Instructions;
use crate::simd::half::{Words, multiply_pairs, pack};
use crate::simd::matrix::{Into, PANEL, transpose};
use crate::simd::memory::Stack;
use crate::size::{padded, plus, times};

/// The items in words of two bf16, paired for both products that read them.
#[derive(Clone, Copy)]
pub(super) struct Items<'a> {
    /// Neighbours of a row [V, D / 2], by chunks of items and planes: what logits sum over.
    rows: &'a [f32],
    /// Neighbouring items [D, 32], by chunks and planes: what dh sums over. Zeros stand for what the last chunk lacks.
    columns: &'a [f32],
    width: usize,
    planes: usize,
    /// Columns of a panel of words that they are multiplied by, and of what comes of it.
    across: usize,
}

impl<'a> Items<'a> {
    /// Words that `count` items take.
    pub fn scratch(count: usize, width: usize, planes: usize) -> usize {
        let numbers = times([plus([count, padded(count, PAIRED)]), width]);
        times([numbers / 2, planes])
    }

    pub fn round(
        run: &impl Parallel,
        set: Instructions,
        items: &[f32],
        [width, planes, across]: [usize; 3],
        words: &'a mut [f32],
    ) -> Self {
        let (rows, columns) = words.split_at_mut(items.len() / 2 * planes);
        let part = |chunk: usize| {
            let from = chunk * PAIRED * width;
            &items[from..][..(PAIRED * width).min(items.len() - from)]
        };
        let size = PAIRED * width / 2 * planes;
        over_parts(run, rows, size, |chunk, words| pack(part(chunk), words));
        over_parts(run, columns, size, |chunk, words| pack_columns(set, part(chunk), (width, planes), words));
        Self { rows, columns, width, planes, across }
    }

    /// Logits of `n` items from `first` on, the first of a chunk, in panels [64 / across][n, across]; `columns` holds those of h in
    /// pairs, in panels [64 / across][D / 2, across].
    pub fn logits(&self, columns: &[f32], first: usize, n: usize, logits: &mut [f32]) {
        let (half, across) = (self.width / 2, self.across);
        let rows = &self.rows[first * half * self.planes..];
        let chunk = rows.len().min(PAIRED * half * self.planes);
        let rows = Words::new(&rows[..chunk], self.planes);
        let (size, high) = (half * across * self.planes, n * across);
        for panel in 0..PANEL / across {
            let operands = [[rows, Words::new(&columns[panel * size..][..size], self.planes)]];
            let logits = &mut logits[panel * high..][..high];
            multiply_pairs(operands, [half, across], (n, half, across), Into::Set, logits, across);
        }
    }

    /// Adds to dhᵀ, in panels [64 / across][D, across], what the weights of `chunks` chunks of items from `first` on give it: chunk
    /// by chunk, in pairs of items, in panels [64 / across][32, across]. One product sums over all chunks.
    pub fn weigh(&self, first: usize, chunks: usize, pairs: &[f32], dh: &mut [f32]) {
        let (half, across, planes) = (PAIRED / 2, self.across, self.planes);
        let (size, panel_size, high) = (self.width * half * planes, half * across * planes, self.width * across);
        for panel in 0..PANEL / across {
            let operands = (0..chunks).map(|chunk| {
                let left = &self.columns[(first / PAIRED + chunk) * size..][..size];
                let right = &pairs[chunk * half * PANEL * planes + panel * panel_size..][..panel_size];
                [left, right].map(|words| Words::new(words, planes))
            });
            let dh = &mut dh[panel * high..][..high];
            multiply_pairs(operands, [half, across], (self.width, half, across), Into::Add, dh, across);
        }
    }
}

/// Up to 64 items as words of neighbouring ones, [D, 32] by planes.
fn pack_columns(set: Instructions, items: &[f32], (width, planes): (usize, usize), words: &mut [f32]) {
    let count = items.len() / width;
    let mut stack = Stack::<{ PANEL * PANEL * 3 }>::new();
    let [rows, panel, packed] = stack.parts([PANEL * PANEL; 3]);
    for from in (0..width).step_by(PANEL) {
        let some = PANEL.min(width - from);
        for (to, item) in rows.chunks_exact_mut(some).zip(items.chunks_exact(width)) {
            to.copy_from_slice(&item[from..from + some]);
        }
        transpose(set, rows, count, some, panel);
        let packed = &mut packed[..some * PANEL / 2 * planes];
        pack(&panel[..some * PANEL], packed);
        for (plane, own) in words.chunks_exact_mut(width * PANEL / 2).zip(packed.chunks_exact(some * PANEL / 2)) {
            plane[from * PANEL / 2..][..own.len()].copy_from_slice(own);
        }
    }
}
