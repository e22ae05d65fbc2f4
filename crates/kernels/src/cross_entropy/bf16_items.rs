//! The items rounded to bf16 once, in pairs, and the two products that read them: logits and sums are f32.

use super::plan::BF16_CHUNK;
use crate::Parallel;
use crate::parallel::over_parts;
use crate::simd::Instructions;
use crate::simd::bf16::{multiply_pairs, pack};
use crate::simd::matrix::{Into, PANEL, transpose};
use crate::simd::memory::Stack;

/// The items in words of two bf16, paired for both products that read them.
#[derive(Clone, Copy)]
pub(super) struct Bf16Items<'a> {
    /// Neighbours of a row [V, D / 2]: what logits sum over.
    rows: &'a [f32],
    /// Neighbouring items [D, 32], by chunks: what dh sums over. Zeros stand for what the last chunk lacks.
    columns: &'a [f32],
    width: usize,
}

impl<'a> Bf16Items<'a> {
    pub fn round(run: &impl Parallel, set: Instructions, items: &[f32], width: usize, words: &'a mut [f32]) -> Self {
        let (rows, columns) = words.split_at_mut(items.len() / 2);
        let part = |chunk: usize| {
            let from = chunk * BF16_CHUNK * width;
            &items[from..][..(BF16_CHUNK * width).min(items.len() - from)]
        };
        let size = BF16_CHUNK * width / 2;
        over_parts(run, rows, size, |chunk, words| pack(part(chunk), words));
        over_parts(run, columns, size, |chunk, words| pack_columns(set, part(chunk), width, words));
        Self { rows, columns, width }
    }

    /// Logits [n, 64] of `n` items from `first` on; `columns` holds those of h in pairs, [D / 2, 64].
    pub fn logits(&self, columns: &[f32], first: usize, n: usize, logits: &mut [f32]) {
        let half = self.width / 2;
        let rows = &self.rows[first * half..][..n * half];
        multiply_pairs([rows, columns], [half, PANEL], (n, half, PANEL), Into::Set, logits, PANEL);
    }

    /// Adds to dhᵀ [D, 64] what the exponentials of a chunk of items, from `first` on, give it: in pairs of items, [32, 64].
    pub fn accumulate(&self, first: usize, pairs: &[f32], dh: &mut [f32]) {
        let half = BF16_CHUNK / 2;
        let size = self.width * half;
        let items = &self.columns[first / BF16_CHUNK * size..][..size];
        multiply_pairs([items, pairs], [half, PANEL], (self.width, half, PANEL), Into::Add, dh, PANEL);
    }
}

/// Up to 64 items as words of neighbouring ones, [D, 32].
fn pack_columns(set: Instructions, items: &[f32], width: usize, words: &mut [f32]) {
    let count = items.len() / width;
    let mut stack = Stack::<{ PANEL * PANEL * 2 }>::new();
    let [rows, panel] = stack.parts([PANEL * PANEL; 2]);
    for (from, words) in (0..width).step_by(PANEL).zip(words.chunks_mut(PANEL * PANEL / 2)) {
        let some = PANEL.min(width - from);
        for (to, item) in rows.chunks_exact_mut(some).zip(items.chunks_exact(width)) {
            to.copy_from_slice(&item[from..from + some]);
        }
        transpose(set, rows, count, some, panel);
        pack(&panel[..some * PANEL], words);
    }
}
