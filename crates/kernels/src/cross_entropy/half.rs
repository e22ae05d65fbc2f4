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
        (width, planes): (usize, usize),
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
        Self { rows, columns, width, planes }
    }

    /// Logits of `n` items from `first` on, the first of a chunk, [n, 64]; the panel holds the columns of h in pairs [D / 2, 64].
    pub fn logits(&self, panel: Words, first: usize, n: usize, logits: &mut [f32]) {
        let half = self.width / 2;
        let rows = &self.rows[first * half * self.planes..];
        let chunk = rows.len().min(PAIRED * half * self.planes);
        let rows = Words::new(&rows[..chunk], self.planes);
        multiply_pairs([[rows, panel]], [half, PANEL], (n, half, PANEL), Into::Set, logits, PANEL);
    }

    /// Adds to dhᵀ [D, 64] what the weights of a chunk's items give it, in pairs of items [32, 64].
    pub fn weigh(&self, first: usize, pairs: &[f32], dh: &mut [f32]) {
        let size = self.width * PAIRED / 2 * self.planes;
        let columns = Words::new(&self.columns[first / PAIRED * size..][..size], self.planes);
        let shape = (self.width, PAIRED / 2, PANEL);
        multiply_pairs([[columns, Words::new(pairs, self.planes)]], [PAIRED / 2, PANEL], shape, Into::Add, dh, PANEL);
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
