//! The five products, between a block of queries and a chunk of keys.

use super::blocks::{Block, GROUP};
use super::layout::View;
use crate::simd::matrix::{Into, Left, PANEL, multiply};
use crate::simd::transpose::to_columns;
use crate::simd::{Instructions, LANES};

/// Rows of a view as columns, in panels of 64 rows: what scores are taken against.
pub(super) struct Columns<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
}

impl<'a> Columns<'a> {
    /// The first `rows` rows.
    pub(super) fn pack(set: Instructions, view: &View<'_>, rows: usize, values: &'a mut [f32]) -> Self {
        let columns = view.columns.next_multiple_of(LANES);
        for from in (0..rows).step_by(PANEL) {
            let (to, count) = (&mut values[from * columns..], PANEL.min(rows - from));
            let shape = (count, view.columns);
            to_columns(set, view.skip(from).values(), view.stride, shape, to, count.next_multiple_of(LANES));
        }
        Self { values, rows, columns }
    }

    /// The panel that begins with row `from`, and what is between its rows.
    fn panel(&self, from: usize) -> (&[f32], usize) {
        (&self.values[from * self.columns..], PANEL.min((self.rows - from).next_multiple_of(LANES)))
    }
}

/// Rows of a view as the right operand of products, 64 columns at a time.
pub(super) struct Rows<'a> {
    view: View<'a>,
    /// The last columns [rows, 64], with zeros to whole vectors, where they are none.
    tail: &'a [f32],
}

impl<'a> Rows<'a> {
    /// The first `rows` rows.
    pub(super) fn new(view: View<'a>, rows: usize, tail: &'a mut [f32]) -> Self {
        let (count, from) = (view.columns % PANEL, view.columns / PANEL * PANEL);
        if !count.is_multiple_of(LANES) {
            for (i, to) in tail.chunks_exact_mut(PANEL).enumerate().take(rows) {
                to[..count].copy_from_slice(&view.row(i)[from..]);
                to[count..count.next_multiple_of(LANES)].fill(0.0);
            }
        }
        Self { view, tail }
    }

    /// Columns from `from` on, what is between their rows, and how many columns there are in whole vectors.
    fn panel(&self, from: usize) -> (&'a [f32], usize, usize) {
        let count = PANEL.min(self.view.columns - from);
        if count.is_multiple_of(LANES) {
            (&self.view.values()[from..], self.view.stride, count)
        } else {
            (self.tail, PANEL, count.next_multiple_of(LANES))
        }
    }
}

/// `scores[i, j]` = rows[i] · keys[j] for the keys that query i sees; others hold anything.
pub(super) fn scores(set: Instructions, block: &Block, rows: &View<'_>, keys: &Columns<'_>, scores: &mut [f32]) {
    let stride = block.stride();
    for from in (0..block.end()).step_by(PANEL) {
        let (panel, row) = keys.panel(from);
        for group in block.groups(GROUP) {
            let lanes = block.visible(group.end - 1).saturating_sub(from).min(PANEL).next_multiple_of(LANES);
            let left = Left { values: rows.skip(group.start).values(), row: rows.stride, step: 1 };
            let shape = (group.len(), rows.columns, lanes);
            multiply(set, left, panel, row, shape, Into::Set, &mut scores[group.start * stride + from..], stride);
        }
    }
}

/// `sums[i]` = Σ_j weights[i, j] · rows[j], columns from `from` on. Of `group` queries each meets, with weights of 0, the
/// keys that the last sees.
pub(super) fn weighted_sum(
    set: Instructions,
    block: &Block,
    weights: &[f32],
    rows: &Rows<'_>,
    from: usize,
    group: usize,
    sums: &mut [[f32; PANEL]],
) {
    let (right, row, columns) = rows.panel(from);
    for group in block.groups(group) {
        let left = Left { values: &weights[group.start * block.stride()..], row: block.stride(), step: 1 };
        let shape = (group.len(), block.visible(group.end - 1), columns);
        multiply(set, left, right, row, shape, Into::Set, sums[group].as_flattened_mut(), PANEL);
    }
}

/// `sums[j]` += Σ_i weights[i, j] · rows[i], columns from `from` on; sums [keys, width]. Keys that no block before has seen
/// are set.
pub(super) fn accumulate_keys(
    set: Instructions,
    block: &Block,
    weights: &[f32],
    rows: &Rows<'_>,
    from: usize,
    sums: &mut [f32],
    width: usize,
) {
    let (right, row, columns) = rows.panel(from);
    let (before, end) = (block.before(), block.end());
    let old = (0, before, 0, if block.opens() { Into::Set } else { Into::Add });
    let new = (before..end).step_by(GROUP).map(|j| (j, GROUP.min(end - j), j - before, Into::Set));
    for (j, keys, unseen, into) in [old].into_iter().chain(new) {
        let left = Left { values: &weights[unseen * block.stride() + j..], row: 1, step: block.stride() };
        let shape = (keys, block.count - unseen, columns);
        multiply(set, left, &right[unseen * row..], row, shape, into, &mut sums[j * width + from..], width);
    }
}
